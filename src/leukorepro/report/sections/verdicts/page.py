"""What became of every number that a paper prints: counts, a sentence, and each verdict with its reason."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leukorepro.config.study.answers import QUOTED
from leukorepro.evaluation.testability import IMPOSSIBLE, NOT_REPRODUCED, NOT_TESTED, REPRODUCED, VERDICTS
from leukorepro.ladder.rungs import LADDER, Rung, honest_rung
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Estimate, float_or_none
from leukorepro.report.output import Output
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class VerdictRow:
    """A printed number, ours beside it, and the verdict."""

    table: str
    item: str
    reading: str
    """The second reading whose numbers stand beside the printed one; empty where it is the item itself."""
    metric: str
    published: Estimate
    ours: Estimate
    honest: Estimate
    verdict: str
    reason: str
    rests_on: str
    """Of a number that was tested: what the paper leaves open and our value depends on; else empty."""


@dataclass(frozen=True)
class QuotedRow:
    """A number that the paper quotes from another."""

    table: str
    item: str
    source: str
    metric: str
    value: Estimate


class Verdicts:
    """Verdicts on a study's printed numbers.

    Parameters
    ----------
    frame : DataFrame
        A `leukorepro.core.tables.results.VERDICTS_TABLE`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        tested = frame[frame["verdict"].isin([REPRODUCED, NOT_REPRODUCED])]
        self._rests_on = {(r.table, r.item, r.metric): str(r.rests_on) for r in tested.itertuples()}
        self._of = {(r.table, r.item, r.metric): (str(r.verdict), str(r.reason)) for r in frame.itertuples()}

    def of(self, table: str, item: str, metric: str) -> tuple[str, str]:
        """The verdict on a number, and its reason; not tested where the paper prints none.

        Parameters
        ----------
        table, item : str
            Place of the item.
        metric : str
            Its name in the published table.
        """
        return self._of.get((table, item, metric), (NOT_TESTED, "the paper prints no such number"))

    def rests_on(self, table: str, item: str, metric: str) -> str:
        """What the paper leaves open and our value depends on, of a number that was tested; else empty.

        Parameters
        ----------
        table, item : str
            Place of the item.
        metric : str
            Its name in the published table.
        """
        return self._rests_on.get((table, item, metric), "")

    @property
    def own(self) -> pd.DataFrame:
        """Those that are not quoted from other papers."""
        return self.frame[self.frame["answered_by"] != "quoted"]

    @property
    def quoted(self) -> pd.DataFrame:
        """The others."""
        return self.frame[self.frame["answered_by"] == "quoted"]

    @property
    def sizes(self) -> pd.Series:
        """Verdicts on the paper's own counts, which need no result."""
        return self.own.loc[self.own["answered_by"] == "count", "verdict"]

    @property
    def results(self) -> pd.DataFrame:
        """The paper's own numbers beside its counts."""
        return self.own[self.own["answered_by"] != "count"]

    def counts(self) -> dict[str, int]:
        """How many of the paper's own results have each verdict, those that occur."""
        counts = self.results["verdict"].value_counts()
        return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}

    def sentences(self, honest: Rung | None, untested: Sequence[str]) -> str:
        """The counts in words, and what is left of the reproduced numbers on the honest rung.

        Parameters
        ----------
        honest : rung or None
            The one that stands for the honest measurement.
        untested : sequence of str
            Why no number could be tested, as `leukorepro.evaluation.testability.untested` gives it.
        """
        if self.own.empty:
            return "No printed numbers of this paper are recorded here."
        counts, results = self.counts(), self.results
        had, not_had = (int((results["verdict"] == verdict).sum()) for verdict in (REPRODUCED, NOT_REPRODUCED))
        total = wording.count(len(results), "printed result")
        told = [f"Of {total}, {had + not_had or 'none'} could be tested{': ' * bool(untested)}{'; '.join(untested)}."]
        if had or not_had:
            told.append(f"Reproduced under the paper's own protocol: {had}; not reproduced: {not_had}.")
        if had and honest is not None:
            rows = results[results["verdict"] == REPRODUCED]
            survive = int((rows["honest_verdict"] == REPRODUCED).sum())
            told.append(f"With {LADDER[honest].honest_means}, our intervals still contain {survive} of these {had}.")
        if len(self.sizes):
            told.append(f"{wording.count(len(self.sizes), 'printed count')}: {sizes_in_words(self.sizes)}.")
        if IMPOSSIBLE in counts:
            are = "is" if counts[IMPOSSIBLE] == 1 else "are"
            told.append(f"{counts[IMPOSSIBLE]} {are} arithmetically impossible, whatever the data.")
        return " ".join(told)


def sizes_in_words(sizes: pd.Series) -> str:
    """What became of printed counts, from their verdicts."""
    found = sizes.value_counts()
    words = {REPRODUCED: "the same here", NOT_REPRODUCED: "another here", NOT_TESTED: "not tested"}
    return ", ".join(f"{found[verdict]} {told}" for verdict, told in words.items() if verdict in found)


@dataclass(frozen=True)
class VerdictsPage:
    """Everything that the template lays out."""

    headline: str
    """Verdict on the number that the paper is quoted for,"""
    reason: str
    """and why,"""
    rests_on: str
    """and what it rests on that the paper leaves open; empty where it was not tested."""
    counts: dict[str, int]
    sentences: str
    rows: list[VerdictRow]
    quoted: list[QuotedRow]
    """What the paper compares itself with; nothing of ours is compared with it."""
    csv: str


def verdicts_page(study: ResolvedStudy, sources: Sources, untested: Sequence[str], output: Output) -> VerdictsPage:
    """Verdicts on the printed numbers of one study.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    sources : Sources
        What earlier stages left of the study.
    untested : sequence of str
        Why no number could be tested; empty where they could.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    verdicts = Verdicts(sources.verdicts)
    table, _, item = study.study.headline.partition("/")
    top = (table, item, study.study.tables[table].metrics[0])
    headline, reason = verdicts.of(*top)
    return VerdictsPage(
        headline=headline,
        reason=reason,
        rests_on=verdicts.rests_on(*top),
        counts=verdicts.counts(),
        sentences=verdicts.sentences(honest_rung(study.protocols), untested),
        rows=[_row(row, verdicts) for row in verdicts.own.to_dict("records")],
        quoted=[_quoted(row) for row in verdicts.quoted.to_dict("records")],
        csv=output.copy(sources.verdicts_file, "data", study.study.key, "verdicts.csv"),
    )


def _quoted(row: Mapping[Hashable, Any]) -> QuotedRow:
    metric = str(row["metric"])
    return QuotedRow(
        table=wording.table_name(str(row["table"])),
        item=str(row["item"]),
        source=str(row["reason"]).removeprefix(QUOTED).strip(),
        metric=wording.metric_heading(metric),
        value=Estimate(metric, float_or_none(row["published"])),
    )


def _row(row: Mapping[Hashable, Any], verdicts: Verdicts) -> VerdictRow:
    metric = str(row["metric"])

    def number(column: str) -> float | None:
        return float_or_none(row[column])

    return VerdictRow(
        table=wording.table_name(str(row["table"])),
        item=str(row["item"]),
        reading=str(row["reading"]) if row["reading"] != row["item"] else "",
        metric=wording.metric_heading(metric),
        published=Estimate(metric, number("published")),
        ours=Estimate(metric, number("value"), number("ci_low"), number("ci_high")),
        honest=Estimate(metric, number("honest_value"), number("honest_ci_low"), number("honest_ci_high")),
        verdict=str(row["verdict"]),
        reason=str(row["reason"]),
        rests_on=verdicts.rests_on(str(row["table"]), str(row["item"]), metric),
    )
