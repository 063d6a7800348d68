"""The leakage ladder of the number that a paper is quoted for: every rung, and what it takes from the rungs above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Headline, Step, float_or_none


@dataclass(frozen=True)
class Difference:
    """A paired difference of two values of a metric, with its 95 % interval; None where there is none."""

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n_groups: int | None = None
    """Groups of images that it was resampled over."""

    @property
    def text(self) -> str:
        """The difference as printed, with its sign."""
        return wording.difference(self.metric, self.value)

    @property
    def interval(self) -> str:
        """The interval as printed, empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{wording.difference(self.metric, self.low)} to {wording.difference(self.metric, self.high)}"

    @property
    def is_none(self) -> bool:
        """Whether it is zero and could be nothing else: both values are of the same predictions."""
        return self.low == self.high == 0

    @property
    def is_clear(self) -> bool:
        """Whether its interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def told(self) -> str:
        """The difference with its interval, for a figure or a sentence."""
        return f"{self.text} ({self.interval})" if self.interval else self.text


class Differences:
    """A study's paired differences between rungs, looked up by table, item, metric and both rungs.

    Parameters
    ----------
    frame : DataFrame
        A `leukorepro.core.tables.results.DIFFERENCES_TABLE`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._of = {}
        for row in frame[frame["kind"] == "rung"].itertuples():
            value, low, high, n_groups = map(float_or_none, (row.difference, row.ci_low, row.ci_high, row.n_groups))
            key = (str(row.table), str(row.item), str(row.metric), str(row.protocol), str(row.against_protocol))
            groups = None if n_groups is None else int(n_groups)
            self._of[key] = Difference(str(row.metric), value, low, high, groups)

    def between(self, table: str, item: str, metric: str, rung: Rung, against: Rung) -> Difference:
        """An item's value on a rung less its value on another.

        Parameters
        ----------
        table, item : str
            Place of the item.
        metric : str
            Its name in the table of metrics.
        rung : Rung
            Whose value counts.
        against : Rung
            Whose value is taken away.

        Returns
        -------
        Difference
            Without a value where the two were not compared.
        """
        return self._of.get((table, item, metric, rung, against), Difference(metric))


@dataclass(frozen=True)
class Climb:
    """A rung of the ladder below the first, and how its value differs from those above."""

    step: Step
    from_above: Difference
    """Less the value on the rung above."""
    from_first: Difference
    """Less the value on the first rung."""

    @property
    def removes(self) -> str:
        """What the rung removes, in a few words."""
        return LADDER[self.step.rung].removes_short


@dataclass(frozen=True)
class Ladder:
    """The headline's ladder."""

    top: Headline
    climbs: list[Climb]
    """Every rung below the first that ran."""

    @property
    def to_honest(self) -> list[Climb]:
        """The rungs down to the honest one; all of them where none is honest."""
        rungs = [climb.step.rung for climb in self.climbs]
        end = rungs.index(self.top.honest_rung) + 1 if self.top.honest_rung in rungs else len(rungs)
        return self.climbs[:end]

    @property
    def beyond(self) -> list[Climb]:
        """The rungs below the honest one."""
        return self.climbs[len(self.to_honest) :]

    @property
    def whole(self) -> str:
        """From which rung to which the differences add up."""
        first, last = self.top.steps[0].name, self.to_honest[-1].step.name
        return f"{first.lower()} to {last.lower()}"

    def sentences(self) -> str:
        """How far the number falls, what of that goes with each kind of leakage, and how far it falls beyond; empty
        where only one rung ran."""
        if not self.climbs:
            return ""
        total = self.to_honest[-1].from_first
        unit = " points" if wording.in_per_cent(self.top.metric) else ""
        interval = f" (95 % interval {total.interval})" if total.interval else ""
        doubt = "" if total.is_clear or total.is_none or not total.interval else ", not distinguishable from 0"
        name = wording.in_a_sentence(self.top.metric)
        parts = [f"From {self.whole}, the {name} changes by {total.text}{unit}{interval}{doubt}."]
        if len(self.to_honest) > 1:
            clear = [climb for climb in self.to_honest if climb.from_above.is_clear]
            unclear = [climb for climb in self.to_honest if not (climb.from_above.is_clear or climb.from_above.is_none)]
            none = [climb for climb in self.to_honest if climb.from_above.is_none]
            if clear:
                parts.append(f"Steps distinguishable from 0: {_listed(clear)}.")
            if unclear:
                parts.append(f"Steps not distinguishable from 0: {_listed(unclear)}.")
            if none:
                parts.append(f"The same predictions before and after: {wording.listed([c.removes for c in none])}.")
        for above, climb in zip(self.top.steps[len(self.to_honest) :], self.beyond, strict=False):
            change = climb.from_above
            interval = f" (95 % interval {change.interval})" if change.interval else ""
            parts.append(
                f"From {above.name.lower()} to {climb.step.name.lower()} it changes by a further "
                f"{change.text}{unit}{interval}."
            )
        return " ".join(parts)


def ladder_of(top: Headline, differences: Differences) -> Ladder:
    """The ladder of a headline.

    Parameters
    ----------
    top : Headline
    differences : Differences
    """
    rungs = [step.rung for step in top.steps]

    def less(rung: Rung, against: Rung) -> Difference:
        return differences.between(top.table, top.item, top.metric, rung, against)

    return Ladder(
        top,
        [
            Climb(step, less(step.rung, above), less(step.rung, rungs[0]))
            for above, step in zip(rungs, top.steps[1:], strict=False)
        ],
    )


def _listed(climbs: Sequence[Climb]) -> str:
    return wording.listed([f"{climb.removes} {climb.from_above.told}" for climb in climbs])
