"""The report's tables, from a study's metrics: plain values that the page, the figures and the terminal lay out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leukorepro.core.tables.results import METRICS_TABLE
from leukorepro.evaluation.seeds import from_text, spread
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung, honest_rung
from leukorepro.ladder.units import SCOPE_WORDS, UNIT_WORDS
from leukorepro.report.numbers import wording
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Estimate:
    """A value of a metric, with its 95 % interval where there is one; None where nothing was measured or printed."""

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n_images: int | None = None
    n_subjects: int | None = None
    verdict: str = ""
    seeds: tuple[float, ...] = ()
    """Value of each seed, where the run has several; `value` is their mean."""

    @property
    def spread(self) -> str:
        """Standard deviation between seeds as printed, with its sign; empty where there is one seed."""
        if len(self.seeds) < 2:
            return ""
        return f"\N{PLUS-MINUS SIGN}\N{NO-BREAK SPACE}{wording.number(self.metric, spread(self.seeds))}"

    @property
    def text(self) -> str:
        """The value as printed."""
        return wording.number(self.metric, self.value)

    @property
    def interval(self) -> str:
        """The interval as printed, empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{wording.number(self.metric, self.low)}\N{EN DASH}{wording.number(self.metric, self.high)}"


class Numbers:
    """A study's metrics, looked up by table, item, rung and metric.

    Parameters
    ----------
    frame : DataFrame
        A `leukorepro.core.tables.results.METRICS_TABLE`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._ours: dict[tuple[str, str, str, str], Estimate] = {}
        self._published: dict[tuple[str, str, str], float] = {}
        for row in frame.itertuples(index=False):
            low, high = float_or_none(row.ci_low), float_or_none(row.ci_high)
            self._ours[str(row.table), str(row.item), str(row.protocol), str(row.metric)] = Estimate(
                str(row.metric),
                float_or_none(row.value),
                low,
                high,
                _int(row.n_images),
                _int(row.n_subjects),
                str(row.verdict),
                tuple(from_text(str(row.seed_values))) if "seed_values" in frame else (),
            )
            published = float_or_none(row.published)
            if published is not None:
                self._published[str(row.table), str(row.item), str(row.metric)] = published

    @classmethod
    def read(cls, file: Path) -> Numbers:
        """Read a study's ``metrics.csv``."""
        return cls(METRICS_TABLE.read(file))

    def ours(self, table: str, item: str, rung: str | None, metric: str) -> Estimate:
        """What was measured.

        Parameters
        ----------
        table, item : str
            Place of the item.
        rung : str or None
            By its key; None: no rung, on which nothing was measured.
        metric : str
            Its name in the table of metrics.

        Returns
        -------
        Estimate
            Without a value where nothing was measured.
        """
        return self._ours.get((table, item, rung or "", metric), Estimate(metric))

    def published(self, table: str, item: str, metric: str) -> Estimate:
        """What the paper prints.

        Parameters
        ----------
        table, item : str
            Place of the item.
        metric : str
            Its name in the table of metrics.

        Returns
        -------
        Estimate
            Without an interval, and without a value where the paper prints none.
        """
        return Estimate(metric, self._published.get((table, item, metric)))

    def metrics(self, table: str, first: Sequence[str] = ()) -> list[str]:
        """Metrics measured for a table.

        Parameters
        ----------
        table : str
            By its number.
        first : sequence of str
            Metrics that come in front, as far as they were measured.
        """
        measured = dict.fromkeys(self.frame.loc[self.frame["table"] == table, "metric"])
        return [m for m in first if m in measured] + [m for m in measured if m not in first]


@dataclass(frozen=True)
class Step:
    """One row of the leakage ladder of an item."""

    rung: Rung
    name: str
    removes: str
    estimate: Estimate


@dataclass(frozen=True)
class Headline:
    """The number that a paper is quoted for, beside ours."""

    table: str
    item: str
    metric: str
    published: Estimate
    as_published: Estimate
    honest: Estimate
    honest_rung: Rung | None
    steps: list[Step]

    @property
    def honest_name(self) -> str:
        """The honest rung's name."""
        return LADDER[self.honest_rung].name if self.honest_rung else wording.MISSING

    @property
    def lost(self) -> float | None:
        """How much of our value under the published protocol the honest one does not show."""
        if self.as_published.value is None or self.honest.value is None:
            return None
        return self.as_published.value - self.honest.value


@dataclass(frozen=True)
class RungRow:
    """One row of the explanation of the protocols."""

    rung: Rung
    name: str
    unit: str
    scope: str
    removes: str
    left_out: str
    """Why the rung did not run; empty where it did."""


def headline(study: ResolvedStudy, numbers: Numbers) -> Headline:
    """The study's headline item, in the first metric of its table.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    """
    table, _, item = study.study.headline.partition("/")
    return headline_of(study, numbers, table, item)


def headline_of(study: ResolvedStudy, numbers: Numbers, table: str, item: str) -> Headline:
    """An item as if the paper were quoted for it, in the first metric of its table.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    table, item : str
        Place of the item.
    """
    metric = study.study.tables[table].metrics[0]
    honest = honest_rung(study.protocols)
    return Headline(
        table,
        item,
        metric,
        numbers.published(table, item, metric),
        numbers.ours(table, item, PUBLISHED, metric),
        numbers.ours(table, item, honest, metric),
        honest,
        list(ladder(study, numbers, table, item, metric)),
    )


def ladder(study: ResolvedStudy, numbers: Numbers, table: str, item: str, metric: str) -> Iterator[Step]:
    """One item's value on every rung that ran, in the order of the ladder.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    table, item : str
        Place of the item.
    metric : str
        Its name in the table of metrics.
    """
    for rung in study.protocols:
        estimate = numbers.ours(table, item, rung, metric)
        yield Step(rung, LADDER[rung].name, LADDER[rung].removes, estimate)


def rungs(study: ResolvedStudy) -> list[RungRow]:
    """Every rung of the ladder: how it splits and fits, or why it did not run."""
    rows = []
    for rung in LADDER:
        protocol = study.protocols.get(rung)
        reason = "" if protocol else study.left_out.get(rung, "Not asked for in this run.")
        unit = UNIT_WORDS[protocol.unit] if protocol else ""
        scope = SCOPE_WORDS[protocol.scope] if protocol else ""
        rows.append(RungRow(rung, LADDER[rung].name, unit, scope, LADDER[rung].removes, reason))
    return rows


def float_or_none(value: object) -> float | None:
    """A number of a table as the report holds it: None where the table has NaN."""
    number = float(str(value))
    return None if pd.isna(number) else number


def _int(value: object) -> int | None:
    number = float_or_none(value)
    return None if number is None else int(number)
