"""How far the numbers of each rung can be trusted: bias and coverage in repeated studies whose truth is known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from leukorepro.checks.validity.population import RANDOM
from leukorepro.checks.validity.repetition import METRICS, RUNGS
from leukorepro.config.validity import SIMULATED
from leukorepro.ladder.rungs import Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.figures.validity_picture import validity_figure
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate, float_or_none
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.page import Caveat, Page
from leukorepro.report.pages.validity.findings import follows, read_kinds, setting_name, told_of

TITLE = "Bias and coverage"


@dataclass(frozen=True)
class Score:
    """What a rung says of one metric, beside the truth."""

    bias: str
    """With its sign: points, or as AUROC is printed."""
    error: str
    """Monte Carlo standard error of the bias."""
    coverage: Estimate


@dataclass(frozen=True)
class Line:
    """A rung in a setting."""

    rung: Rung
    truth: Estimate
    """Of the accuracy."""
    scores: list[Score]


@dataclass(frozen=True)
class Setting:
    """A population, and a study's sample of it."""

    name: str
    about: str
    lines: list[Line]


@dataclass(frozen=True)
class Kind:
    """Settings of simulated subjects, or that of a dataset's real patients."""

    key: str
    title: str
    simulated: bool
    settings: list[Setting]


def validity_page(file: Path, output: Output) -> Page:
    """Put the page together from a summary of `snakemake validity`.

    Parameters
    ----------
    file : Path
        The CSV file of that summary.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    kinds = read_kinds(file)
    summary = pd.concat(kinds.values(), ignore_index=True)
    return Page(
        address=addresses.VALIDITY,
        title=TITLE,
        group="Overview",
        caveats=_caveats(summary),
        body=render(
            "pages/validity/page.html.j2",
            follows=list(follows(kinds)),
            told=[list(told_of(name, rows)) for name, rows in kinds.items()],
            kinds=[_kind(name, rows) for name, rows in kinds.items()],
            metrics=METRICS,
            made=[_made(name, rows) for name, rows in kinds.items()],
            figure=_picture(summary, output),
            csv=output.table(summary, "data", "validity", "bias-and-coverage.csv"),
        ),
    )


def _caveats(summary: pd.DataFrame) -> tuple[Caveat, ...]:
    """Simulated subjects, and random weights, wherever there are any."""
    caveats = []
    simulated = summary["dataset"] == SIMULATED
    if simulated.any():
        which = "all settings are" if simulated.all() else "settings in the section on them are"
        caveats.append(
            Caveat("Simulated subjects", f"Simulated subjects: {which} simulated, and say nothing of patients.")
        )
    if summary["features"].str.contains(RANDOM, regex=False).any():
        caveats.append(Caveat("Random weights", "Random weights: networks that gave features have learnt nothing."))
    return tuple(caveats)


def _kind(name: str, rows: pd.DataFrame) -> Kind:
    simulated = name == SIMULATED
    settings = [_setting(own) for _, own in rows.groupby("setting", sort=False)]
    title = "Simulated subjects" if simulated else f"Real patients: {name}"
    return Kind(SIMULATED if simulated else "real", title, simulated, settings)


def _setting(rows: pd.DataFrame) -> Setting:
    first = rows.iloc[0]
    about = f"{first['n_subjects']:,} subjects, {first['n_fresh']:,} fresh"
    if first["dataset"] == SIMULATED:
        about += f"; classes {first['class_effect']:g}, subjects {first['subject_effect']:g}"
    lines = [_line(rung, rows[rows["rung"] == rung]) for rung in RUNGS if rung in set(rows["rung"])]
    return Setting(setting_name(rows), about, lines)


def _line(rung: Rung, rows: pd.DataFrame) -> Line:
    of_metric = {row["metric"]: row for row in rows.to_dict("records")}
    truth = Estimate("accuracy", of_metric["accuracy"]["truth"])
    return Line(rung, truth, [_score(metric, of_metric[metric]) for metric in METRICS])


def _score(metric: str, row: Mapping[Hashable, Any]) -> Score:
    share, low, high = (float_or_none(row[name]) for name in ("coverage", "coverage_low", "coverage_high"))
    coverage = Estimate("accuracy", share, low, high)  # a share, and shown as one
    return Score(wording.difference(metric, row["bias"]), wording.number(metric, row["bias_error"]), coverage)


def _made(kind: str, rows: pd.DataFrame) -> str:
    """Populations, studies and systems of a kind, in sentences."""
    settings = rows.drop_duplicates("setting")
    counts = {name: _span(settings[name]) for name in ("n_repetitions", "n_subjects", "n_fresh")}
    several = f" in each of {len(settings)} settings" if len(settings) > 1 else ""
    drawn = "simulated subjects" if kind == SIMULATED else f"patients of the dataset {kind}"
    systems = [
        f"features by {one.features}, and the classifier {one.classifier}"
        for one in settings.drop_duplicates(["features", "classifier"]).itertuples()
    ]
    return (
        f"{counts['n_repetitions']} studies{several}, each of {counts['n_subjects']} {drawn}, with models scored on "
        f"{counts['n_fresh']} others; {'; '.join(systems)}."
    )


def _span(values: pd.Series) -> str:
    return " to ".join(dict.fromkeys(f"{value:,}" for value in (values.min(), values.max())))


def _picture(summary: pd.DataFrame, output: Output) -> Picture:
    draw = partial(validity_figure, summary)
    return Picture(
        output.figure(draw, "figures", "validity", "bias-and-coverage.svg"),
        "For each setting and rung: the truth, what the rung says, and how often its intervals hold the truth. The "
        "tables below have the numbers.",
        "What each rung says (marks) beside the truth on fresh subjects (strokes), and how often its 95 % intervals "
        "hold it; the grey band is from 90 to 99 %.",
    )
