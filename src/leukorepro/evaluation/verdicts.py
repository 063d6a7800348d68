"""A verdict on every number that a paper prints, each with its reason in one sentence.

A verdict asks whether the number can be had again under the paper's own protocol; what is left of it on the honest rung
stands beside it. Where a paper can be read in several ways, a number is ``reproduced`` if one of the readings does it,
and the reason names which. ``arithmetically impossible`` goes before all else: it needs no data.

A verdict belongs to the printed number and a rung, not to a measurement. In the table of metrics, all rows that stand
beside one printed number on one rung, those of the item and of its second readings, carry the same:

- on the rung ``as_published``, the verdict of the table of verdicts;
- on every rung below it, if that verdict is ``reproduced`` or ``not reproduced``, whether the number survives that
  rung's stricter split: it lies in the interval there of the reading that the verdict names (``not tested`` where that
  reading has none). Of the honest rung this is `honest_verdict`;
- on every rung, the verdict itself if it is ``arithmetically impossible`` or ``not tested``.

A row beside which the paper prints nothing is ``not tested``.

In a run of several seeds the interval is that of their mean, over groups and seeds, and decides as ever. The reason of
`reproduced` says by which of both it stands: whether the number also lies in the interval for the groups alone, and in
that for the seeds alone. Every reason says how many of the seeds reach the number: have a value of their own that is as
good, to its rounding, or better.

Not every number is a result of an item of its own table (`leukorepro.evaluation.answers`):

- One that the paper prints again is compared with the item that answers it where it stands first, by its own digits.
- An entry of a confusion matrix is compared where its classes have as many test images here as in the paper.
- A count, such as of images, features or learnables, is ``reproduced`` if ours is the same to every printed digit; it
  has no interval. Of several folds one is enough. What the study's configuration fixes (widths of feature sets,
  learnables of networks, settings) is counted at the published size and judged in every run: no image and no budget has
  a part in it. What is counted of images is judged on a complete copy of the published dataset, whatever the budget.
- What a paper quotes from others, and what describes something beyond our images and systems, is ``not tested``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from leukorepro.config.study.answers import QUOTED, By
from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.core.tables.results import MEASURED_TABLE, METRICS_TABLE, VERDICTS_TABLE
from leukorepro.evaluation.answers import Answer, Counted, Number, Tied, Unanswered
from leukorepro.evaluation.seeds import from_text
from leukorepro.evaluation.testability import IMPOSSIBLE, NOT_REPRODUCED, NOT_TESTED, REPRODUCED, verdicts
from leukorepro.ladder.rungs import PUBLISHED, honest_rung
from leukorepro.metrics.names import named
from leukorepro.metrics.registry import Source
from leukorepro.run.resolved import ResolvedStudy


class Judged(NamedTuple):
    """What is measured of a study, and what becomes of its paper's numbers."""

    metrics: pd.DataFrame
    """A `METRICS_TABLE`, a row for each one measured, in their order; `published` is NaN where the paper prints
    no such number of the item, or of what item and metric are second readings of."""
    verdicts: pd.DataFrame
    """A `VERDICTS_TABLE`, a row for each printed number, in their order. `reading` is the item that `value` and
    its interval, under the published protocol, and `honest_value` and its own are of, with the metric in parentheses
    where it is read as another; these are NaN where nothing was measured. `honest_verdict` says of a number that was
    tested whether it survives the honest rung; `rests_on` what the paper leaves open of that item."""


class _Estimate(NamedTuple):
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: tuple[float, ...] = ()
    """Value of each seed, where the run has several."""
    alone: Mapping[str, tuple[float, float]] = {}
    """Intervals for the groups alone and for the seeds alone, where the run has several seeds."""


def _seeds(row: Any) -> tuple[tuple[float, ...], Mapping[str, tuple[float, float]]]:
    """What a row of the table of metrics says of several seeds, as `_Estimate` keeps it."""
    alone = {"groups": (row.groups_low, row.groups_high), "seeds": (row.seeds_low, row.seeds_high)}
    return tuple(from_text(str(row.seed_values))), alone


class _Reading(NamedTuple):
    """What a printed number may be of; all empty where nothing was measured."""

    table: str = ""
    item: str = ""
    metric: str = ""


class _Verdict(NamedTuple):
    verdict: str
    reason: str
    reading: _Reading
    """What stands beside the published number."""


class _Printed(NamedTuple):
    value: float
    half_unit: float
    """How far the unrounded number may lie from the printed one."""


def judge(
    measured: pd.DataFrame,
    published: pd.DataFrame,
    resolved: ResolvedStudy,
    impossible: Mapping[Number, str],
    circumstances: Sequence[str],
    other_images: Mapping[str, str],
    answers: Mapping[Number, Answer],
) -> Judged:
    """A verdict on every number that a paper prints, beside each measurement that it is compared with.

    Parameters
    ----------
    measured : DataFrame
        As `leukorepro.evaluation.measure.measure` gives it.
    published : DataFrame
        As `leukorepro.config.study.published.read_published` gives it.
    resolved : ResolvedStudy
        What was run.
    impossible : mapping
        Numbers that cannot be, each with its reason, as `read_impossible` gives them.
    circumstances : sequence of str
        Why no number can be tested here, as `leukorepro.evaluation.testability.untested` gives it.
    other_images : mapping of str to str
        By split, why no number on it can be tested, as `leukorepro.evaluation.testability.of_other_images` gives it.
    answers : mapping
        What answers numbers that no item of their own table does, as `leukorepro.evaluation.answers.read_answers` gives
        it.

    Raises
    ------
    UserError
        If a number that is said to be impossible is not among the published ones.
    """
    printed = {
        (str(r.table), str(r.item), str(r.metric)): _Printed(float(str(r.value)), float(str(r.half_unit)))
        for r in published.itertuples()
    }
    for number in impossible:
        if number not in printed:
            raise UserError(
                f"study '{resolved.study.key}': the audit calls {', '.join(number)} impossible, which is not among the "
                "published numbers; run the audit again."
            )
    court = _Court(printed, measured, resolved, impossible, circumstances, other_images, answers)
    rows = [court.row(number) for number in printed]
    return Judged(court.compared(measured), VERDICTS_TABLE.frame(rows))


def read_measured(path: Path, study: Study) -> pd.DataFrame:
    """What was measured of a study, as `leukorepro.evaluation.measure.measure` gives it.

    Parameters
    ----------
    path : Path
        The table that `leukorepro evaluate` wrote.
    study : Study
        Whose items its rows are of.

    Raises
    ------
    UserError
        If the file is missing or no such table, or if a row is of no item of the study or is there twice.
    """
    measured = MEASURED_TABLE.read(path)
    again = "evaluate the study again, as `snakemake` does"
    known = {(key, item.item) for key, table in study.tables.items() for item in table.items}
    for place in measured[["table", "item"]].itertuples(index=False, name=None):
        if place not in known:
            raise UserError(f"{path}: study '{study.key}' has no item {'/'.join(place)}; {again}.")
    twice = measured[measured.duplicated(["table", "item", "protocol", "metric"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(f"{path}: {row['metric']} of {row['table']}/{row['item']} is there twice; {again}.")
    return measured


def read_impossible(path: Path, study: str) -> dict[Number, str]:
    """Numbers of a study that its audit calls arithmetically impossible, each with its reason.

    Parameters
    ----------
    path : Path
        The JSON file that `leukorepro audit published` writes.
    study : str
        Its key.

    Returns
    -------
    dict of (str, str, str) to str
        Table, item and metric, and why no confusion matrix gives the number.

    Raises
    ------
    UserError
        If the file is missing, is no audit or has nothing on the study.
    """
    reasons: dict[Number, list[str]] = {}
    try:
        for row in read_json(path)["studies"][study]["impossible"]:
            reasons.setdefault((row["table"], row["item"], row["metric"]), []).append(row["reason"].rstrip("."))
    except (AttributeError, KeyError, TypeError):
        raise UserError(
            f"{path}: no audit of the numbers of study '{study}'; make it with `leukorepro audit published {study}`."
        ) from None
    return {number: "; ".join(told) for number, told in reasons.items()}


class _Court:
    """What is known of a study when its numbers are judged."""

    def __init__(
        self,
        printed: Mapping[Number, _Printed],
        measured: pd.DataFrame,
        resolved: ResolvedStudy,
        impossible: Mapping[Number, str],
        circumstances: Sequence[str],
        other_images: Mapping[str, str],
        answers: Mapping[Number, Answer],
    ) -> None:
        self.printed = printed
        self.resolved = resolved
        self.impossible = impossible
        self.circumstances = circumstances
        self.other_images = other_images
        self.answers = answers
        self.honest = honest_rung(resolved.protocols)
        self.measured = {
            (str(r.table), str(r.item), str(r.protocol), str(r.metric)): _Estimate(
                float(str(r.value)),
                float(str(r.ci_low)),
                float(str(r.ci_high)),
                *_seeds(r) if "seed_values" in measured else (),
            )
            for r in measured.itertuples()
        }
        self.found = {number: self._judged(number) for number in printed}

    def row(self, number: Number) -> tuple[object, ...]:
        """A row of the table of verdicts."""
        found, honest = self.found[number], self.honest or ""
        ours, answer = self._ours(found.reading, PUBLISHED), self.answers.get(number)
        if isinstance(answer, Counted) and answer.ours:
            ours = _Estimate(_nearest(answer.ours, self.printed[number]))
        ours_honest = self._ours(found.reading, honest)
        survives = NOT_TESTED if found.verdict == IMPOSSIBLE or not found.reading.item else self.verdict(number, honest)
        _, item, read = found.reading
        reading = item if read in ("", self._place(number)[2]) else f"{item} ({read})"
        return (
            *(self.resolved.study.key, *number, self.printed[number].value, self._answered_by(number)),
            *(found.verdict, found.reason, reading, *ours[:3], honest, *ours_honest[:3], survives),
            "; ".join(self._rests_on(found.reading)),
        )

    def compared(self, measured: pd.DataFrame) -> pd.DataFrame:
        """The table of metrics: what was measured, the printed number beside it and the verdict."""
        tables = self.resolved.study.tables
        printed_as = {
            (number, item.item): item.reading_of or item.item
            for number, table in tables.items()
            for item in table.items
        }
        names = measured[["table", "item", "metric"]].astype(str).itertuples(index=False)
        numbers = [
            (table, printed_as[table, item], tables[table].metric_readings.get(metric, metric))
            for table, item, metric in names
        ]
        return measured.assign(
            published=[self.printed[number].value if number in self.printed else math.nan for number in numbers],
            verdict=[self.verdict(*place) for place in zip(numbers, measured["protocol"], strict=True)],
        )[list(METRICS_TABLE.kinds_of(measured))]

    def verdict(self, number: Number, rung: str) -> str:
        """The verdict on a number on a rung; not tested where the paper does not print it."""
        found = self.found.get(number)
        if found is None:
            return NOT_TESTED
        if rung == PUBLISHED or found.verdict not in (REPRODUCED, NOT_REPRODUCED):
            return found.verdict
        if self._of_other_rows(number, found.reading, rung):
            return NOT_TESTED
        return self._word(number, self._ours(found.reading, rung))

    def _word(self, number: Number, ours: _Estimate) -> str:
        return str(verdicts(*self.printed[number], ours.low, ours.high))

    def _place(self, number: Number) -> Number:
        """Where what answers a number stands."""
        answer = self.answers.get(number)
        return answer.place if isinstance(answer, Tied) else number

    def _answered_by(self, number: Number) -> By:
        """What answers a number; an item that this run leaves out does so too."""
        if number in self.answers:
            return self.answers[number].by
        table, item, _ = number
        known = bool(self._readings(*number)) or f"{table}/{item}" in self.resolved.left_out_items
        return "item" if known or table in self.resolved.left_out_tables else "nothing"

    def _judged(self, number: Number) -> _Verdict:
        if number in self.impossible:
            readings = self._measured_readings(number)
            return _Verdict(IMPOSSIBLE, self.impossible[number], readings[0] if readings else _Reading())
        answer = self.answers.get(number)
        if isinstance(answer, Unanswered):
            reason = f"{QUOTED} {answer.why}" if answer.by == "quoted" else answer.why
            return _Verdict(NOT_TESTED, reason, _Reading())
        if isinstance(answer, Counted):
            return self._counted(answer, number)
        found = self._by_interval(number)
        if answer is None:
            return found
        table, item, _ = answer.place
        return found._replace(reason=f"{found.reason}; compared as {table}/{item}")

    def _counted(self, answer: Counted, number: Number) -> _Verdict:
        """A count has no interval: it is the same number to every printed digit, or it is not."""
        if answer.untested or not answer.ours:
            return _Verdict(NOT_TESTED, answer.untested or "nothing of the kind is here", _Reading())
        value, half_unit = self.printed[number]
        same = abs(_nearest(answer.ours, self.printed[number]) - value) <= half_unit
        ours = " or ".join(f"{count:,}" for count in answer.ours)
        return _Verdict(REPRODUCED if same else NOT_REPRODUCED, f"published {value:,.0f}, ours {ours}", _Reading())

    def _by_interval(self, number: Number) -> _Verdict:
        """A number beside our intervals of what it may be of."""
        _, item, metric = place = self._place(number)
        printed = self.printed[number]
        readings = self._measured_readings(number)
        if not readings:
            return _Verdict(NOT_TESTED, self._why_unmeasured(*place), _Reading())
        first = readings[0]
        if self.circumstances:
            return _Verdict(NOT_TESTED, "; ".join(self.circumstances), first)
        if PUBLISHED not in self.resolved.protocols:
            return _Verdict(NOT_TESTED, "the paper's own protocol did not run here", first)
        others = {
            reading: self.other_images.get(self._split_of(reading)) or self._of_other_rows(number, reading, PUBLISHED)
            for reading in readings
        }
        readings = [reading for reading in readings if not others[reading]]
        if not readings:
            return _Verdict(NOT_TESTED, others[first], first)
        ours = {reading: self._ours(reading, PUBLISHED) for reading in readings}
        words = {reading: self._word(number, estimate) for reading, estimate in ours.items()}
        called = {reading: _read_as(reading, item, metric) for reading in readings}
        for word in (REPRODUCED, NOT_REPRODUCED):
            chosen = next((reading for reading in readings if words[reading] == word), None)
            if chosen is not None:
                reason = _comparison(metric, printed, ours[chosen])
                if ours[chosen].seeds:
                    stands = f"; {_stands_by(metric, printed, ours[chosen])}" * (word == REPRODUCED)
                    reason += f"{stands}; {_reached(metric, printed, ours[chosen].seeds)}"
                if chosen != place:
                    reason += f", read as {called[chosen]}"
                against = [other for other in readings if other != chosen and words[other] == NOT_REPRODUCED]
                if against:
                    told = [
                        f"{called[other]} ({_interval(metric, printed.half_unit, ours[other])})" for other in against
                    ]
                    reason += f"; it does not lie in that of {' or '.join(told)}"
                return _Verdict(word, reason, chosen)
        if all(math.isnan(estimate.value) for estimate in ours.values()):
            return _Verdict(NOT_TESTED, "this metric cannot be measured here", first)
        return _Verdict(NOT_TESTED, "our value has no interval to compare the published one with", first)

    def _measured_readings(self, number: Number) -> list[_Reading]:
        return [reading for reading in self._readings(*self._place(number)) if self._is_measured(reading)]

    def _readings(self, table: str, item: str, metric: str) -> list[_Reading]:
        """What a number may be of: the item of that name and the second readings of it, and so the metric."""
        spec = self.resolved.study.tables.get(table)
        if spec is None:
            return []
        items = [i.item for i in spec.items if i.item == item] + [i.item for i in spec.items if i.reading_of == item]
        metrics = [metric, *(other for other, printed in spec.metric_readings.items() if printed == metric)]
        return [_Reading(table, *place) for place in product(items, metrics)]

    def _item(self, reading: _Reading) -> Item:
        return next(own for own in self.resolved.study.tables[reading.table].items if own.item == reading.item)

    def _split_of(self, reading: _Reading) -> str:
        return self.resolved.study.tables[reading.table].split_of(self._item(reading))

    def _of_other_rows(self, number: Number, reading: _Reading, rung: str) -> str:
        """Why a count of ours has nothing to do with a printed one: its classes have other numbers of rows."""
        table, item, metric = number
        if not (others := named(metric).others):
            return ""
        if (table, item, others) not in self.printed:
            return "the paper does not print of how many images of the class it is"
        theirs = self.printed[number].value + self.printed[table, item, others].value
        rest = reading._replace(metric=named(reading.metric).others)
        ours = self._ours(reading, rung).value + self._ours(rest, rung).value
        if math.isnan(ours) or round(ours) == round(theirs):
            return ""
        return f"it is of {theirs:,.0f} images of the class by the paper's own counts, and ours is of {ours:,.0f}"

    def _rests_on(self, reading: _Reading) -> list[str]:
        """What the paper leaves open of the item whose numbers stand beside the printed one."""
        if not reading.item:
            return []
        return [fact.what for fact in self.resolved.rests_on(reading.table, self._item(reading))]

    def _is_measured(self, reading: _Reading) -> bool:
        table, item, metric = reading
        return any((table, item, rung, metric) in self.measured for rung in self.resolved.protocols)

    def _ours(self, reading: _Reading, rung: str) -> _Estimate:
        table, item, metric = reading
        return self.measured.get((table, item, rung, metric), _Estimate())

    def _why_unmeasured(self, table: str, item: str, metric: str) -> str:
        study = self.resolved.study
        if no_result := named(metric).spec.no_result:
            return no_result
        if (left_out := self.resolved.left_out_items.get(f"{table}/{item}")) is not None:
            return left_out
        if table in self.resolved.left_out_tables:
            return f"its table was not made here: {self.resolved.left_out_tables[table]}"
        if named(metric).spec.source is Source.PAPER:
            return "nothing in the study's `audit:` says what it counts"
        kept_or_not = {*study.tables, *(name.partition("/")[0] for name in self.resolved.left_out_items)}
        if table not in kept_or_not:
            return "it stands in none of the tables that the study's configuration has"
        if not self._readings(table, item, metric):
            return "this run has no such item in its table"
        return "the study's configuration does not have this metric measured"


def _read_as(reading: _Reading, item: str, metric: str) -> str:
    """What a number is read as, in words."""
    if reading.metric == metric:
        return f"'{reading.item}'"
    words = named(reading.metric).words
    return words if reading.item == item else f"'{reading.item}', {words}"


def _nearest(counts: Sequence[int], printed: _Printed) -> int:
    """Of several counts, such as those of folds, the one that is nearest to a printed number."""
    return min(counts, key=lambda count: abs(count - printed.value))


def _comparison(metric: str, printed: _Printed, ours: _Estimate) -> str:
    """How a published number lies to our interval, in words and numbers."""
    value, half_unit = printed
    place = "in"
    if not ours.low <= value <= ours.high:
        near = ours.low - half_unit <= value <= ours.high + half_unit
        place = "within its rounding of" if near else "below" if value < ours.low else "above"
    published, unit = _as_printed(metric, value, half_unit), " %" if named(metric).spec.kind.per_cent else ""
    interval = _interval(metric, half_unit, ours)
    whose = f"the mean of {len(ours.seeds)} seeds, " if ours.seeds else ""
    where = f"our interval {'of ' if whose else ''}{whose}{interval}{unit} under the paper's protocol"
    return f"published {published}{unit} lies {place} {where}"


def _reached(metric: str, printed: _Printed, seeds: Sequence[float]) -> str:
    """How many seeds are as good as a published number by their own values, to its rounding."""
    sign = -1 if named(metric).spec.kind.less_is_better else 1
    n = sum(sign * (value - printed.value) >= -printed.half_unit for value in seeds)
    unit = " %" if named(metric).spec.kind.per_cent else ""
    verb = "reaches" if n == 1 else "reach"
    return f"{n} of {len(seeds)} seeds {verb} {_as_printed(metric, *printed)}{unit}"


def _stands_by(metric: str, printed: _Printed, ours: _Estimate) -> str:
    """By which of both a reproduced number stands, groups or seeds: which of their own intervals holds it, too."""
    unit = " %" if named(metric).spec.kind.per_cent else ""
    held: list[str] = []
    others: list[str] = []
    for name, bounds in ours.alone.items():
        interval = _interval(metric, printed.half_unit, _Estimate(math.nan, *bounds))
        (held if verdicts(*printed, *bounds) == REPRODUCED else others).append(
            f"by the {name} alone ({interval}{unit})"
        )
    if not held:
        return f"it stands by both together only, not {' or '.join(others)}"
    return f"it stands {' and '.join(held)}" + "".join(f", not {other}" for other in others)


def _interval(metric: str, half_unit: float, ours: _Estimate) -> str:
    unit = half_unit if named(metric).spec.kind.whole else min(half_unit, 0.0005)
    return " to ".join(_as_printed(metric, bound, unit) for bound in (ours.low, ours.high))


def _as_printed(metric: str, value: float, half_unit: float) -> str:
    """A number with the digits of one whose last printed digit has that half unit; shares in per cent."""
    scale = 100 if named(metric).spec.kind.per_cent else 1
    digits = max(0, round(-math.log10(2 * half_unit * scale)))
    return f"{scale * value:.{digits}f}"
