"""Whether a paper's conclusions hold on our own numbers: each claim with its verdict on every rung, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from leukorepro.config.study.claims import Claim, LeftOutClaim
from leukorepro.evaluation.resampling.claims import HOLDS
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung
from leukorepro.metrics.names import named
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import shown_rungs
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Numbers, float_or_none
from leukorepro.report.output import Output
from leukorepro.report.sections.claims.figure import Dots, draw_claims
from leukorepro.report.sections.comparisons.page import OnRung
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Judged(OnRung):
    """A claim on a rung."""

    verdict: str
    reason: str
    difference: Difference
    """Of the comparison that decides."""


@dataclass(frozen=True)
class ComparisonRow(OnRung):
    """A comparison of a claim on a rung."""

    item: str
    against: str
    difference: Difference
    corrected: Difference
    """With the interval that allows for the number of comparisons."""
    n_apart: int
    """Groups of images that tell both items apart."""


@dataclass(frozen=True)
class ClaimRow:
    """A claim with all that is known of it."""

    claim: Claim
    measured_by: str
    """Metric and unit of its differences."""
    printed: str
    """What the paper's own numbers say."""
    refitted: str
    """Items that were fitted once more for it; empty where there are none."""
    rungs: list[Judged]
    comparisons: list[ComparisonRow]
    """On the rungs that are drawn."""


@dataclass(frozen=True)
class ClaimsPage:
    """Everything that the template lays out."""

    hold: dict[Rung, str]
    """How many hold on the published rung and on the honest one, as far as they were judged there."""
    sentence: str
    rows: list[ClaimRow]
    left_out: list[LeftOutClaim]
    picture: Picture | None
    files: dict[str, str]
    """Addresses of the tables with all numbers, by their names; none where nothing was judged."""


def claims_page(study: ResolvedStudy, sources: Sources, conditions: Sequence[str], output: Output) -> ClaimsPage:
    """Draw a study's claims into the report's folder and put its part of the page together.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    sources : Sources
        What earlier stages left of the study.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    shown = shown_rungs(study)
    rows = [_row(study, sources, key, shown) for key in study.study.claims]
    files = [sources.metrics_file.with_name(name) for name in ("claims.csv", "claim_comparisons.csv")]
    addresses = {file.name: output.copy(file, "data", study.study.key, file.name) for file in files if rows}
    hold = {rung: told for rung in shown if (told := holding([sources.claims], rung))}
    return ClaimsPage(
        hold=hold,
        sentence=_sentence(study, hold),
        rows=rows,
        left_out=list(study.left_out_claims.values()),
        picture=_picture(study, rows, shown, conditions, output, addresses),
        files=addresses,
    )


def holding(frames: Sequence[pd.DataFrame], rung: Rung | None) -> str:
    """How many claims hold on a rung, of how many: ``2 of 3``; empty where none was judged there.

    Parameters
    ----------
    frames : sequence of DataFrame
        A `leukorepro.core.tables.results.CLAIMS_TABLE` each.
    rung : rung or None
    """
    counts = Counter(verdict for frame in frames for verdict in frame.loc[frame["protocol"] == rung, "verdict"])
    return f"{counts[HOLDS]} of {counts.total()}" if counts else ""


def _row(study: ResolvedStudy, sources: Sources, key: str, shown: Sequence[Rung]) -> ClaimRow:
    claim = study.study.claims[key]
    judged, compared = (
        frame[frame["claim"] == key].to_dict("records") for frame in (sources.claims, sources.claim_comparisons)
    )
    again = [
        f"{item} of {wording.table_name(number)} on the split {split}"
        for number, item, split in claim.refitted(study.study.tables)
    ]
    return ClaimRow(
        claim=claim,
        measured_by=f"{wording.in_a_sentence(claim.metric)}{', in points' * wording.in_per_cent(claim.metric)}",
        printed=_printed(study, sources.numbers, claim),
        refitted=f"fitted once more: {wording.listed(again)}" if again else "",
        rungs=[Judged(row["protocol"], row["verdict"], row["reason"], _difference(row)) for row in judged],
        comparisons=[_comparison(row) for row in compared if row["protocol"] in shown],
    )


def _comparison(row: Mapping[Hashable, Any]) -> ComparisonRow:
    return ComparisonRow(
        rung=row["protocol"],
        item=f"{wording.table_name(row['table'])}, {row['item']}",
        against=f"{wording.table_name(row['against_table'])}, {row['against_item']}",
        difference=_difference(row),
        corrected=_difference(row, "corrected_low", "corrected_high"),
        n_apart=int(row["n_apart"]),
    )


def _difference(row: Mapping[Hashable, Any], low: str = "ci_low", high: str = "ci_high") -> Difference:
    value, bottom, top = (float_or_none(row[name]) for name in ("difference", low, high))
    return Difference(row["metric"], value, bottom, top)


def _printed(study: ResolvedStudy, numbers: Numbers, claim: Claim) -> str:
    """What the paper's own numbers say of a claim, as a clause."""
    spec = named(claim.metric)

    def value(place: str) -> float | None:
        number, _, item = place.partition("/")
        same = [metric for metric in study.study.tables[number].metrics if named(metric).meaning == spec.meaning]
        found = [numbers.published(number, item, metric).value for metric in same]
        return next((value for value in found if value is not None), None)

    pairs = [(value(one), value(other)) for one, other in claim.pairs]
    printed = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not printed:
        return "the paper prints no such numbers"
    if len(pairs) == 1:
        scale, unit = (100, " %") if spec.spec.kind.per_cent else (1, "")
        one, other = (f"{scale * side:.10g}" for side in printed[0])
        return f"the paper prints {one} against {other}{unit}"
    sign = -1 if spec.spec.kind.less_is_better else 1
    so = sum(sign * (one - other) > 0 for one, other in printed)
    return f"the paper's own numbers say so in {so} of {wording.count(len(printed), 'comparison')}"


def _sentence(study: ResolvedStudy, hold: Mapping[Rung, str]) -> str:
    """How many conclusions hold, and on which images."""
    if not hold:
        return "None of them was judged in this run."
    means = {rung: f"with {LADDER[rung].honest_means}" for rung in hold} | {PUBLISHED: "under the paper's own protocol"}
    told = "; ".join(f"{means[rung]}, {count} hold" for rung, count in hold.items())
    return f"Judged on the images of the run (dataset '{study.dataset_id}'): {told}."


def _picture(
    study: ResolvedStudy,
    rows: Sequence[ClaimRow],
    shown: Sequence[Rung],
    conditions: Sequence[str],
    output: Output,
    files: Mapping[str, str],
) -> Picture | None:
    """Differences of the claims in per cent; None where there are none."""
    drawn = [row for row in rows if wording.in_per_cent(row.claim.metric) and row.rungs]
    if not drawn:
        return None
    dots = [
        Dots(
            row.claim.says,
            {on.rung: (on.difference, on.verdict) for on in row.rungs if on.rung in shown},
            [(other.rung, other.difference) for other in row.comparisons],
        )
        for row in drawn
    ]
    told = [
        f"{says} {'; '.join(f'{LADDER[rung].name}: {d.told}, {verdict}' for rung, (d, verdict) in on.items())}."
        for says, on, _ in dots
    ]
    return Picture(
        output.figure(partial(draw_claims, dots, shown, conditions), "figures", study.study.key, "claims.svg"),
        f"Differences that decide the claims, in percentage points. {' '.join(told)}",
        "How much better the items are that are said to be better, in percentage points, with paired 95 % intervals: "
        "of each claim the comparison that decides; small dots are its others. Hollow where it cannot be told.",
        files["claims.csv"],
    )
