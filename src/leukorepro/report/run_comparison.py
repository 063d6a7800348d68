"""Two finished runs side by side on the terminal: what sets them apart, and what becomes of each item and rung."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from leukorepro.core.errors import UserError
from leukorepro.core.phrases import listed
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.results import RUN_COMPARISON_TABLE
from leukorepro.data.manifest import read_manifest
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import read_fitting, read_predictions
from leukorepro.evaluation.resampling.between_runs import OneRun, compare_study, only_in_one
from leukorepro.evaluation.resampling.differences import deciding_metric
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.feature_files import read_feature_files
from leukorepro.report.numbers.tables import float_or_none
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.run.paths import Results
from leukorepro.run.plan import used_parts
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy

NOT_HERE = "not in this run"


@dataclass(frozen=True)
class Finished:
    """A finished run and where it lies."""

    run: ResolvedRun
    folder: Path

    @property
    def results(self) -> Results:
        """What it shares with other runs of its folder."""
        return Results(self.folder.parent)

    def study(self, key: str) -> ResolvedStudy | None:
        """A study of the run by its key; None where it has none such."""
        return next((study for study in self.run.studies if study.study.key == key), None)


@dataclass(frozen=True)
class Comparison:
    """What there is to say of two runs."""

    names: tuple[str, str]
    apart: list[tuple[str, str, str]]
    """What sets them apart, and what it is in each."""
    numbers: pd.DataFrame
    """A `RUN_COMPARISON_TABLE`."""
    deciding: dict[tuple[str, str], str]
    """By study and table, the metric that says which of its items is best."""
    left_out: list[str]
    """What only one of them has, in sentences."""
    caveats: list[str]
    """What every reader of these numbers must know."""


def compare(first: Finished, second: Finished) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    first, second : Finished
        Of runs that share a study.

    Returns
    -------
    Comparison
        Numbers of every item and rung that both have, and in sentences what only one of them has.

    Raises
    ------
    UserError
        If no item and rung is in both, or a file of theirs is missing or broken.
    """
    names = _names(first, second)
    keys = [study.study.key for study in first.run.studies]
    both = [(one, other) for key in keys if (one := first.study(key)) and (other := second.study(key))]
    apart, parts, left_out = list(_settings(first.run, second.run)), [], []
    deciding: dict[tuple[str, str], str] = {}
    for name, run, others in zip(names, (first.run, second.run), (second, first), strict=True):
        alone = [study.study.key for study in run.studies if others.study(study.study.key) is None]
        if alone:
            left_out.append(f"Only in {name}: {listed(alone)}.")
    for one, other in both:
        sides = (_outcomes(first, one), _outcomes(second, other))
        apart += _apart(first, one, second, other)
        parts.append(compare_study(*sides, first.run.seed))
        deciding |= {(one.study.key, number): deciding_metric(table) for number, table in one.study.tables.items()}
        for name, here, there in zip(names, sides, sides[::-1], strict=True):
            if alone := list(only_in_one(here.outcomes, there.outcomes)):
                left_out.append(f"Only in {name}: {one.study.key} {'; '.join(alone)}.")
    numbers = pd.concat(parts, ignore_index=True) if parts else RUN_COMPARISON_TABLE.frame()
    if numbers.empty:
        raise UserError(
            f"{names[0]} and {names[1]}: no item of a study was tested on one rung in both; compare runs that share a "
            f"study. {' '.join(left_out)}"
        )
    said = [*first.run.caveats, *(caveat for caveat in second.run.caveats if caveat not in first.run.caveats)]
    in_both = set(first.run.caveats) & set(second.run.caveats)
    caveats = [
        caveat if caveat in in_both else f"{names[caveat not in first.run.caveats]}: {caveat}" for caveat in said
    ]
    return Comparison(names, apart, numbers, deciding, left_out, caveats)


def apart_table(comparison: Comparison) -> Table:
    """What sets two runs apart, a row each."""
    table = Table(title="What sets the runs apart", box=SIMPLE_HEAD)
    for heading in ("", *comparison.names):
        table.add_column(escape(heading))
    for row in comparison.apart:
        table.add_row(*map(escape, row))
    if not comparison.apart:
        table.add_row("nothing that is recorded", "", "")
    return table


def numbers_table(comparison: Comparison) -> Table:
    """Each item and rung of both runs by its table's deciding metric, with the difference and its interval."""
    first, second = comparison.names
    table = Table(title=f"{escape(first)} and {escape(second)}", box=SIMPLE_HEAD)
    for heading in ("study and item", "rung", "metric"):
        table.add_column(heading)
    for heading in (first, second, "difference", "95 % interval"):
        table.add_column(escape(heading), justify="right")
    table.add_column("")
    for row in comparison.numbers.to_dict("records"):
        metric, rung = str(row["metric"]), row["protocol"]
        if metric != comparison.deciding[row["study"], row["table"]]:
            continue
        value, low, high = (float_or_none(row[name]) for name in ("difference", "ci_low", "ci_high"))
        difference = Difference(metric, value, low, high)
        table.add_row(
            escape(f"{row['study']}: {wording.table_name(row['table'])}, {row['item']}"),
            LADDER[rung].name if rung in LADDER else rung,
            wording.in_a_sentence(metric),
            wording.number_with_unit(metric, row["first"]),
            wording.number_with_unit(metric, row["second"]),
            difference.text,
            difference.interval,
            row["pairing"],
        )
    table.caption = escape("\n".join([*_meaning(comparison), *comparison.left_out, *comparison.caveats]))
    table.caption_justify, table.caption_style = "left", ""
    return table


def _meaning(comparison: Comparison) -> list[str]:
    kinds = set(comparison.numbers["pairing"])
    told = [
        f"Difference: {comparison.names[1]} less {comparison.names[0]}, in points for metrics in per cent; its "
        "interval is from resampling groups of images.",
    ]
    if "paired" in kinds:
        told.append("Paired: both are of the same images, drawn together.")
    if "partly paired" in kinds:
        told.append("Partly paired: groups of the images that both have are drawn together, the others apart.")
    if "unpaired" in kinds:
        told.append(
            "Unpaired: no image is in both, so that the interval is as wide as two samples of patients make it."
        )
    return told


def _names(first: Finished, second: Finished) -> tuple[str, str]:
    """What the runs are called: by their folders where their names are the same."""
    if first.run.name != second.run.name:
        return first.run.name, second.run.name
    return str(first.folder), str(second.folder)


def _outcomes(finished: Finished, study: ResolvedStudy) -> OneRun:
    folder = finished.results.study(finished.folder.name, study.study.key)
    tested = [read_predictions(folder.predictions(rung)) for rung in study.protocols]
    fitted = [read_fitting(folder.fitting(rung)) for rung in study.protocols]
    manifest = read_manifest(finished.results.manifest(study.dataset_id))
    return OneRun(Outcomes(study, tested, fitted), manifest.set_index("image_id")["sha256"].astype("str"))


def _settings(first: ResolvedRun, second: ResolvedRun) -> Iterator[tuple[str, str, str]]:
    """Settings of whole runs in which two differ."""
    for name in ResolvedRun.model_fields:
        pair = getattr(first, name), getattr(second, name)
        if name != "name" and pair[0] != pair[1] and all(isinstance(value, str | int | bool) for value in pair):
            yield name, str(pair[0]), str(pair[1])


def _apart(
    first: Finished, one: ResolvedStudy, second: Finished, other: ResolvedStudy
) -> Iterator[tuple[str, str, str]]:
    """In what a study differs between two runs: dataset, images, networks and weights, configuration, versions."""
    sides = ((first, one), (second, other))
    facts = [_facts(finished, study) for finished, study in sides]
    for name in dict.fromkeys([*facts[0], *facts[1]]):
        pair = [side.get(name, NOT_HERE) for side in facts]
        if pair[0] != pair[1]:
            yield f"{one.study.key}: {name}", pair[0], pair[1]
    changed = [name for name in type(one.study).model_fields if getattr(one.study, name) != getattr(other.study, name)]
    if changed:
        yield f"{one.study.key}: study's file", f"other {wording.listed(changed)}", "than here"


def _facts(finished: Finished, study: ResolvedStudy) -> dict[str, str]:
    """What a study was made of, in words."""
    manifest = finished.results.manifest(study.dataset_id)
    facts = {
        "dataset": f"{study.dataset_id} ({'simulated' if study.simulated else 'images as they are'})",
        "manifest": sha256_file(manifest)[:12],
    }
    for name, part in study.extractors.items():
        facts[f"network {name}"] = f"{part.backbone}, {part.weights} weights, {part.input_size} pixels"
    for name, version in _libraries(finished, study).items():
        facts[f"features by {name}"] = version
    return facts


def _libraries(finished: Finished, study: ResolvedStudy) -> dict[str, str]:
    """Versions of the libraries that computed its features; none where its feature files have been removed."""
    folder = finished.results.features(study.dataset_id)
    if not all((folder / f"{part}.h5").is_file() for part in used_parts(study)):
        return {}
    found: dict[str, set[str]] = {}
    for attributes in read_feature_files(study, finished.results).values():
        for library, version in attributes["library_versions"].items():
            found.setdefault(library, set()).add(str(version))
    return {library: ", ".join(sorted(versions)) for library, versions in found.items()}
