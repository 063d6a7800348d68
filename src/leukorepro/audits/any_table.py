"""The audit of a table of any paper: rows that a person typed, and what the paper says of the images behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from leukorepro.audits.arithmetic.confusion import (
    ENTRIES,
    Average,
    Basis,
    Quantity,
    Reported,
    Side,
    any_fits,
    confusion_matrices,
    n_candidates,
)
from leukorepro.audits.arithmetic.open_folds import OpenFolds
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.sizes import runs
from leukorepro.audits.finding import Finding
from leukorepro.audits.findings.of_tables import reason
from leukorepro.audits.images import Images
from leukorepro.audits.items import ItemAudit, audit_item, search
from leukorepro.audits.means.images import Folds, stratified
from leukorepro.audits.means.numbers import of_means
from leukorepro.audits.means.rows import Bounds, audit_means
from leukorepro.audits.paper import AVERAGES, QUANTITIES, Value, front_of, place_name, printed_values
from leukorepro.config.audit_facts import AuditFacts, TableFacts
from leukorepro.core.errors import UserError
from leukorepro.core.phrases import listed, span

SCHEMA_VERSION = 1
SIZES = (10, 3000)
"""Numbers of test images that are tried where nothing is said."""
LOOKED_AT = 90_000_000
"""Candidates after which larger test sets of a row are no longer looked at."""
LOOKED_AT_IN_ALL = 900_000_000
"""The same of all rows of a table, which share them: half a minute of one core. A count, not a time: what is found is
the same on every machine."""
A_LOOK = 10_000
"""Candidates that one look at a test set counts for beside its own: it takes as long as these."""
TO_DECIDE = "To decide it, say in the facts how many images of each class were tested, or between which numbers."
READINGS: tuple[Basis, ...] = ("positive", "negative", "macro")
TWO = ("positive", "negative")
"""Names of two classes that have none."""
OF_CLASSES = ("macro", "weighted", "micro")
REPORT_ROWS = {"accuracy": "", "macro avg": "macro", "weighted avg": "weighted", "micro avg": "micro"}
"""Rows of scikit-learn's classification report beside those of the classes, and the average that each is."""


@dataclass(frozen=True)
class AnyTable:
    """What the rows of one table allow."""

    name: str
    values: list[Value]
    items: dict[str, ItemAudit]
    searched: tuple[int, int]
    sizes: list[int] = field(default_factory=list)
    """Numbers of test images that fit the rows, where it is not told."""
    rows_sized: tuple[int, int] = (0, 0)
    """How many rows these fit, of how many whose sizes were all looked at."""


def audit_table(published: pd.DataFrame, facts: AuditFacts) -> dict[str, Any]:
    """Audit rows that a person typed.

    Parameters
    ----------
    published : DataFrame
        As `leukorepro.config.study.published.read_published` gives it.
    facts : AuditFacts
        What the paper says of them.

    Returns
    -------
    dict
        ``tables``, by name, with the keys of ``results/audit/<study>.json``; ``impossible``; ``findings``;
        ``n_unconfirmed``, numbers that were read by machine and that no person has compared with the paper.

    Raises
    ------
    UserError
        If a metric or a row of a classification report names a class, or an average, in other capitals than the facts.
    """
    values: dict[str, list[Value]] = {}
    for value in printed_values(published):
        values.setdefault(value.table, []).append(value)
    for name, printed in values.items():
        _check_names(printed, facts.of(name).names)
    rows = tqdm(values.items(), desc="tables", leave=False, disable=None)
    tables = [_table(name, printed, facts.of(name)) for name, printed in rows]
    return {
        "schema_version": SCHEMA_VERSION,
        "facts": facts.model_dump(mode="json", exclude_unset=True),
        "n_unconfirmed": int((~published["confirmed"]).sum()) if "confirmed" in published else 0,
        "tables": {table.name: _as_json(table) for table in tables},
        "impossible": list(_impossible(tables)),
        "findings": [finding.as_json() for table in tables for finding in _findings(table)],
    }


def _check_names(values: Sequence[Value], classes: Sequence[str]) -> None:
    """Refuse what would be passed over, or taken for something else, because of its capitals alone."""
    rows = (*classes, *REPORT_ROWS)
    is_report = classes and {value.item.casefold() for value in values} <= {name.casefold() for name in rows}
    for value in values:
        front, _ = front_of(value.metric)
        for what, given, known in (
            ("class", front, (*(classes or TWO), *AVERAGES)),
            ("row of a classification report", value.item, rows if is_report else ()),
        ):
            same = [name for name in known if name.casefold() == given.casefold()]
            if same and given not in known:
                raise UserError(
                    f"{place_name(value.table, value.item)}, {value.metric}: {what} '{given}' is not among "
                    f"{', '.join(known)}; did you mean '{same[0]}'?"
                )


def _table(name: str, values: list[Value], facts: TableFacts) -> AnyTable:
    rows: dict[str, list[Value]] = {}
    for value in values:
        if value.phase == "test" and not value.is_quoted:
            rows.setdefault(value.item, []).append(value)
    total = None if facts.test is None else facts.test.total
    low, high = SIZES if total is None else total
    if facts.sizes is not None:
        low = high = sum(facts.sizes)
    if facts.names and rows.keys() <= {*facts.names, *REPORT_ROWS}:
        return AnyTable(name, values, _report(rows, facts), (low, high))
    if facts.sizes is None:
        if facts.averaging == "mean_over_folds":
            why = "How many images of each class the folds have is not told."
            return AnyTable(name, values, {i: ItemAudit("too little printed", why) for i in rows}, (low, high))
        items, sizes, rows_sized = _of_unknown_size(rows, facts, range(low, high + 1), stated=total is not None)
        return AnyTable(name, values, items, (low, high), sizes, rows_sized)
    bar = tqdm(rows.items(), desc=f"rows of {name}", leave=False, disable=None)
    return AnyTable(name, values, {item: _row(row, facts, facts.sizes) for item, row in bar}, (low, high))


def _row(values: Sequence[Value], facts: TableFacts, sizes: list[int]) -> ItemAudit:
    """A row whose test images are told."""
    two = len(sizes) == 2
    if facts.averaging == "mean_over_folds" or not two:
        return _means(values, facts, sizes)
    pooled = _pooled(values, facts, sizes)
    if facts.averaging is None and facts.folds is not None and pooled.status == "impossible":
        means = _means(values, facts, sizes)
        if means.status != "impossible":
            return means
        why = f"{pooled.why} As means over folds: {means.why[0].lower()}{means.why[1:]}"
        return replace(pooled, why=why, tested=f"{pooled.words}, nor of {means.words},")
    return pooled


def _means(values: Sequence[Value], facts: TableFacts, sizes: list[int]) -> ItemAudit:
    scores = [of_means(value) for value in values]
    readings = ["positive"] if len(sizes) == 2 else list(OF_CLASSES)
    if facts.averaging in OF_CLASSES:
        readings = [facts.averaging]
    folds = facts.folds
    if folds is None or (facts.averaging != "mean_over_folds" and len(sizes) > 2):
        return audit_means(scores, Folds((tuple(sizes),), tuple(facts.names)), readings)
    bounds = _bounds(facts)
    if folds.positive is not None and folds.negative is not None:
        told = Folds(tuple(zip(folds.positive, folds.negative, strict=True)), tuple(facts.names))
        return audit_means(scores, told, readings, bounds=bounds)
    likeliest = replace(stratified(sizes, folds.n), names=tuple(facts.names))
    open_folds = OpenFolds(sizes[0], sizes[1], folds.n) if len(sizes) == 2 else None
    return audit_means(scores, likeliest, readings, exhaustive=False, open_folds=open_folds, bounds=bounds)


def _pooled(values: Sequence[Value], facts: TableFacts, sizes: list[int]) -> ItemAudit:
    reported = [r for value in values if (r := _reported(value, facts)) is not None]
    if not reported:
        return ItemAudit("too little printed", "None of its numbers follows from a confusion matrix.")
    found = _two_classes(reported, Images("test", sum(sizes), (sizes[0],), True), _readings(facts))
    left_out = [value.words for value in values if _reported(value, facts) is None]
    return replace(found, why=f"{found.why} Not looked at: {listed(left_out)}.") if left_out else found


def _two_classes(reported: Sequence[Reported], images: Images, readings: Sequence[Basis]) -> ItemAudit:
    """A row of one confusion matrix of two classes; of a single number, too, it is told what it allows."""
    found = audit_item(reported, images, readings)
    if found.status == "too little printed":
        for reading in readings:
            matrices = search(reported, images, reading)
            if matrices is not None and matrices.shape[1]:
                return replace(found, status="possible", matrices=matrices, basis=reading)
            if matrices is None:
                return replace(found, status="undecided", why="There are too many confusion matrices to look at.")
        return replace(found, status="impossible", odd=tuple(r.name for r in reported))
    return found


def _readings(facts: TableFacts) -> tuple[Basis, ...]:
    if facts.averaging in ("macro", "weighted", "micro"):
        return (facts.averaging,)
    return ("positive",) if facts.averaging == "pooled" else READINGS


def _of_unknown_size(
    rows: dict[str, list[Value]], facts: TableFacts, sizes: range, *, stated: bool
) -> tuple[dict[str, ItemAudit], list[int], tuple[int, int]]:
    """Rows of one test set of two classes whose size is to be found; sizes that fit, and how many rows of how many."""
    found = {}
    for item, values in tqdm(rows.items(), desc="rows", leave=False, disable=None):
        reported = [r for value in values if (r := _reported(value, facts)) is not None]
        found[item] = _Search(reported, _readings(facts), sizes, _share(len(rows)))
    together: set[int] = set(sizes)
    asked = [row for row in found.values() if row.reported and row.left_off is None]
    complete = [row for row in asked if row.fitting]
    for row in complete:
        together &= set(row.fitting)
    fitted = len(complete) if complete and together else 0
    if complete and not together:  # the size that most rows fit is taken for the right one where two thirds do
        votes = np.bincount([size for row in complete for size in row.fitting], minlength=1)
        if 3 * votes.max() >= 2 * len(complete) and len(complete) > 2:
            together, fitted = set(np.flatnonzero(votes == votes.max()).tolist()), int(votes.max())
    odd_one_out = _share(sum(len(row.reported) for row in asked if not row.fitting)) if stated else 0
    items = {}
    for item, row in tqdm(found.items(), desc="odd numbers", leave=False, disable=None):
        items[item] = row.told(together if len(complete) > 1 else None, odd_one_out)
    return items, sorted(together) if complete else [], (fitted, len(asked))


def _share(searches: int) -> int:
    """Candidates for each of some searches of a table."""
    return min(LOOKED_AT, LOOKED_AT_IN_ALL // max(1, searches))


class _Search:
    """All numbers of test images from which a row can come."""

    def __init__(self, reported: Sequence[Reported], readings: Sequence[Basis], sizes: range, most: int) -> None:
        self.reported, self.readings, self.sizes = list(reported), readings, sizes
        self.fitting, self.left_off, self.first = self._sizes(self.reported, most)

    def _sizes(self, reported: Sequence[Reported], most: int) -> tuple[list[int], int | None, ItemAudit | None]:
        """Sizes that fit, the first that was not looked at any more, and the row with the least that fits."""
        every = np.arange(self.sizes.start, self.sizes.stop)
        for number in reported:
            if number.quantity == "accuracy" and isinstance(number.value, Printed):
                every = every[number.value.is_share_of(every)]
        fitting: list[int] = []
        first, looked_at = None, 0
        for total in every.tolist():
            images = Images("test", total, tuple(range(1, total)), False)
            for reading in self.readings:
                looked_at += A_LOOK + n_candidates(reported, total, images.positives, reading)
                if looked_at > most:
                    return fitting, total, first
                if any_fits(reported, total, images.positives, reading):
                    fitting.append(total)
                    if first is None:
                        matrices = confusion_matrices(reported, total, images.positives, reading)
                        first = ItemAudit("possible", "", images, reading, matrices)
                    break
        return fitting, None, first

    def told(self, together: set[int] | None, most: int) -> ItemAudit:
        """What the row allows, beside rows of the same test set.

        Parameters
        ----------
        together : set of int, optional
            Sizes that these rows fit.
        most : int
            Candidates for each number that may be the odd one; 0 where the sizes are not told, and none is.
        """
        words = f"{span(self.sizes.start, self.sizes.stop - 1)} images of two classes"
        names = listed([number.words for number in self.reported])
        if not self.reported:
            return ItemAudit("too little printed", "None of its numbers follows from a confusion matrix.")
        if self.first is not None:
            fitting = [size for size in self.fitting if together is None or size in together]
            if not fitting and together:
                why = f"It fits {_runs(self.fitting)} images, the other rows {_runs(sorted(together))}."
                return ItemAudit("impossible", why, odd=tuple(r.name for r in self.reported), tested=words)
            more = "" if self.left_off is None else f"; from {self.left_off:,} on, not looked at"
            return replace(self.first, why=f"Of {words}, {_runs(fitting or self.fitting)} fit{more}.")
        if self.left_off is not None or not most:
            end = self.left_off or self.sizes.stop
            why = f"No test set of fewer than {end:,} images fits its {names}; larger ones were not looked at."
            if end == self.sizes.start:
                why = f"Test sets of {end:,} images and more leave too many confusion matrices to look at."
            why = f"{why} {TO_DECIDE}"
            return ItemAudit("undecided", why, tested=words)
        instead = {}
        for left_out in self.reported if len(self.reported) > 1 else []:
            rest, _, _ = self._sizes([number for number in self.reported if number is not left_out], most)
            if rest:
                instead[left_out.name] = f"test sets of {_runs(rest)} images alone"
        odd = tuple(instead) or tuple(number.name for number in self.reported)
        why = f"No confusion matrix of {words} gives its {names}."
        return ItemAudit("impossible", why, odd=odd, instead=instead, tested=words)


def _runs(sizes: Sequence[int]) -> str:
    parts = runs(sizes).split(", ")
    return ", ".join(parts[:6]) + (f" and others ({len(sizes):,} sizes in all)" if len(parts) > 6 else "")


def _report(rows: dict[str, list[Value]], facts: TableFacts) -> dict[str, ItemAudit]:
    """A classification report: the rows are classes and averages of one confusion matrix."""
    assert facts.sizes is not None
    scores = []
    metrics: dict[str, dict[str, str]] = {item: {} for item in rows}
    for item, values in rows.items():
        for value in values:
            own = of_means(value)
            front = "" if own.metric == "accuracy" else REPORT_ROWS.get(item, item) or own.front
            words = value.words if item == value.metric else f"{item} {value.words}"
            scores.append(replace(own, name=f"{item} {value.metric}", front=front, words=words))
            metrics[item][scores[-1].name] = value.metric
    found = audit_means(scores, Folds((tuple(facts.sizes),), tuple(facts.names)), ["macro"])
    items = {}
    for item, own_metrics in metrics.items():
        odd = tuple(own_metrics[name] for name in found.odd if name in own_metrics)
        instead = {own_metrics[name]: left for name, left in found.instead.items() if name in own_metrics}
        status = "possible" if found.status == "impossible" and not odd else found.status
        items[item] = replace(found, status=status, odd=odd, instead=instead)
    return items


def _reported(value: Value, facts: TableFacts) -> Reported | None:
    """A printed number as a condition on one confusion matrix of two classes; None: of none."""
    front, metric = front_of(value.metric)
    names = facts.names or TWO
    if metric in ENTRIES:
        entry: Quantity = ENTRIES[ENTRIES.index(metric)]
        return None if front else Reported(value.metric, entry, round(value.number), words=value.words)
    quantity = QUANTITIES.get(metric)
    if quantity is None:
        return None
    sides: dict[str, Side | Average | None] = {"": None, names[0]: "positive", names[1]: "negative"}
    sides |= {average: average for average in AVERAGES}
    return Reported(value.metric, quantity, value.printed, sides[front], value.words) if front in sides else None


def _bounds(facts: TableFacts) -> Bounds:
    """Printed bounds over the folds, with two decimals at least."""
    found = {}
    for metric, (low, high) in ({} if facts.folds is None else facts.folds.bounds).items():
        decimals = max(2, *(len(f"{value!r}".partition(".")[2]) for value in (low, high)))
        per_one = 10**decimals
        found[metric] = (Printed(round(low * per_one), per_one), Printed(round(high * per_one), per_one))
    return found


def _as_json(table: AnyTable) -> dict[str, Any]:
    accuracies = [v for v in table.values if v.share == "accuracy"]
    return {
        "title": "",
        "searched": list(table.searched),
        "consistent_n": table.sizes,
        "digits": "rounded",
        "n_accuracies": len(accuracies),
        "rows_sized": list(table.rows_sized),
        "n_values": len(table.values),
        "values": [{"item": v.item, "metric": v.metric, "value": v.text, "note": v.note} for v in table.values],
        "items": {item: found.as_json() for item, found in table.items.items()},
    }


def _impossible(tables: Iterable[AnyTable]) -> Iterable[dict[str, str]]:
    for table in tables:
        for item, found in table.items.items():
            for metric in found.odd if found.status == "impossible" else ():
                yield {"table": table.name, "item": item, "metric": metric, "reason": reason(found, metric)}


def _findings(table: AnyTable) -> Iterable[Finding]:
    printed = {(value.item, value.metric): value for value in table.values}
    for item, found in table.items.items():
        for metric in found.odd if found.status == "impossible" else ():
            value = printed[item, metric]
            text = f"The {value.words} of {item} is printed as {value.text}. {reason(found, metric)}"
            yield Finding(f"impossible/{table.name}/{item}/{metric}", "error", text, place_name(table.name, item))
