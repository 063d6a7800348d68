"""A paper as the audit sees it: its printed numbers by their places, and what is declared about them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from leukorepro.audits.arithmetic.confusion import ENTRIES, Average, Quantity, Reported, Side
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.finding import capital
from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.answers import QUOTED
from leukorepro.config.study.audits import TEXT, Audit, AuditTable
from leukorepro.config.study.study import Study
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.phrases import listed, table_or_figure
from leukorepro.metrics.names import named

QUANTITIES: dict[str, Quantity] = {
    "accuracy": "accuracy",
    "sensitivity": "recall",
    "recall": "recall",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "f1",
    "npv": "npv",
    "balanced_accuracy": "balanced_accuracy",
    "kappa": "kappa",
    "mcc": "mcc",
}
AVERAGES: tuple[Average, ...] = ("macro", "weighted", "micro")
COLUMNS = ("table", "item", "metric", "value", "half_unit", "note")
PHASES = ("test", "val", "train")
COUNTED = ("size", "n_features")
"""Metrics that a place without a metric may stand for."""


@dataclass(frozen=True)
class Value:
    """One printed number."""

    table: str
    item: str
    metric: str
    number: float
    half_unit: float
    note: str

    @property
    def text(self) -> str:
        """Its digits, as in `config/published`."""
        decimals = max(0, round(-math.log10(2 * self.half_unit)))
        return f"{self.number:.{decimals}f}"

    @property
    def words(self) -> str:
        """The metric in a sentence."""
        return named(self.metric).words

    @property
    def printed(self) -> Printed:
        """As a number of units of its last digit."""
        return Printed.of(self.number, self.half_unit)

    @property
    def phase(self) -> str:
        """Part of the images that it is about: ``train``, ``val``, or ``test`` where nothing else is said."""
        return named(self.metric).part or "test"

    @property
    def share(self) -> str:
        """The metric without its phase."""
        return self.metric.removeprefix(f"{self.phase}_")

    @property
    def is_share(self) -> bool:
        """Whether it is a metric between 0 and 1."""
        return named(self.metric).spec.kind.is_share

    @property
    def is_quoted(self) -> bool:
        """Whether the paper quotes it from another."""
        return self.note.startswith(QUOTED)

    @property
    def quoted_from(self) -> str:
        """From whom, and of what."""
        return self.note.removeprefix(QUOTED).strip()

    def agrees(self, other: Value) -> bool:
        """Whether both may be the same number, each rounded in its own way."""
        return abs(self.number - other.number) < (self.half_unit + other.half_unit) * (1 - 1e-9)


def front_of(metric: str) -> tuple[str, str]:
    """What stands in front of a metric, a class or an average, and the metric without it: ``macro`` and ``recall``."""
    name = named(metric)
    average, _, rest = name.metric.partition("_")
    if average in AVERAGES and not name.of_class:
        return average, rest
    return name.of_class, name.metric


def printed_values(published: pd.DataFrame) -> list[Value]:
    """Printed numbers of a table, as `leukorepro.config.study.published.read_published` gives it."""
    return [
        Value(table, item, metric, float(number), float(half_unit), note)
        for table, item, metric, number, half_unit, note in zip(*(published[c] for c in COLUMNS), strict=True)
    ]


class Paper:
    """The printed numbers of one study.

    Parameters
    ----------
    study : Study
    published : DataFrame
        As `leukorepro.config.study.published.read_published` gives them.

    Raises
    ------
    UserError
        If what is declared about them names a table that is not among them.
    """

    def __init__(self, study: Study, published: pd.DataFrame) -> None:
        self.study = study
        self.audit: Audit = study.audit
        self.values = printed_values(published)
        self._check_tables()

    @cached_property
    def tables(self) -> dict[str, list[Value]]:
        """Numbers by their table, in the paper's order."""
        names = dict.fromkeys(value.table for value in self.values)
        return {name: [value for value in self.values if value.table == name] for name in names}

    def about(self, table: str) -> AuditTable:
        """What is declared about a table."""
        return self.audit.tables.get(table, AuditTable())

    def items(self, table: str) -> dict[str, dict[str, Value]]:
        """Numbers of a table by item and metric, without those that the paper does not print or quotes from others."""
        items: dict[str, dict[str, Value]] = {}
        for value in self.tables[table]:
            if value.metric not in self.about(table).not_printed and not value.is_quoted:
                items.setdefault(value.item, {})[value.metric] = value
        return items

    def quoted(self, table: str) -> dict[str, dict[str, Value]]:
        """Numbers of a table that the paper quotes from others, by item and metric."""
        items: dict[str, dict[str, Value]] = {}
        for value in self.tables[table]:
            if value.is_quoted:
                items.setdefault(value.item, {})[value.metric] = value
        return items

    def title(self, table: str) -> str:
        """What a table is about."""
        if table in self.study.tables:
            return self.study.tables[table].title
        return self.about(table).title or ("Numbers in the text" if table == TEXT else "")

    def tested(self, table: str) -> dict[str, list[Value]]:
        """Shares and entries of a confusion matrix by item, of the one part of the images that the table is about.

        That is the test part, or without numbers of it the validation part, or the training part.
        """
        found: dict[str, list[Value]] = {}
        items = self.items(table)
        usable = {item: [v for v in values.values() if self._is_of_a_matrix(v)] for item, values in items.items()}
        phases = {value.phase for values in usable.values() for value in values}
        for phase in PHASES:
            if phase in phases:
                found = {item: [v for v in values if v.phase == phase] for item, values in usable.items()}
                break
        return {item: values for item, values in found.items() if values}

    def reported(self, value: Value, *, cut: bool = False, foreign: bool = False) -> Reported:
        """A printed number as a condition on a confusion matrix.

        Parameters
        ----------
        value : Value
            One of `tested`.
        cut : bool
            Take its digits for cut off instead of rounded.
        foreign : bool
            Call it by its table too.
        """
        place = f" in {table_name(value.table)}" if foreign else ""
        name, words = f"{value.metric}{place}", f"{value.words}{place}"
        if (entry := self._entry(value)) is not None:
            return Reported(name, entry, round(value.number), words=words)
        side, share = self._side(value)
        printed = value.printed.cut_off() if cut else value.printed
        return Reported(name, QUANTITIES[share], printed, side, words)

    def value(self, place: str, metric: str, where: str) -> Value:
        """The number of a metric at a place.

        Parameters
        ----------
        place : str
            ``table/item``, or an item of the text alone.
        metric : str
            As the published table names it.
        where : str
            The key that names the place.

        Raises
        ------
        UserError
            If it is not printed; the message begins with `where`.
        """
        table, item = self.split(place, where)
        values = self.items(table)[item]
        if metric not in values:
            raise UserError(f"{self._file}: {where}: '{place}': {unknown('metric', metric, values)}")
        return values[metric]

    def count(self, place: str | int, where: str) -> int:
        """A number of images, subjects or features: given, or printed at a place.

        Parameters
        ----------
        place : str or int
            ``table/item`` or an item of the text, which has one such number; or the number itself.
        where : str
            The key that names the place.

        Raises
        ------
        UserError
            If there is none, or more than one; the message begins with `where`.
        """
        if isinstance(place, int):
            return place
        table, item = self.split(place, where)
        found = [v for metric, v in self.items(table)[item].items() if metric in COUNTED]
        if len(found) != 1:
            raise UserError(f"{self._file}: {where}: '{place}' has {len(found)} metrics of {', '.join(COUNTED)}.")
        return round(found[0].number)

    def split(self, place: str, where: str) -> tuple[str, str]:
        """Table and item of a place.

        Parameters
        ----------
        place : str
            ``table/item``, or an item of the text alone.
        where : str
            The key that names the place.

        Raises
        ------
        UserError
            If there is none such; the message begins with `where`.
        """
        table, slash, item = place.partition("/")
        if not slash or table not in self.tables:
            table, item = TEXT, place
        known = self.items(table) if table in self.tables else {}
        if item not in known:
            raise UserError(f"{self._file}: {where}: '{place}': {unknown('item', item, known)} of {table_name(table)}")
        return table, item

    def _is_of_a_matrix(self, value: Value) -> bool:
        return self._entry(value) is not None or (value.is_share and self._side(value)[1] in QUANTITIES)

    def _entry(self, value: Value) -> Quantity | None:
        """Which entry of the confusion matrix a number is, the first class being the positive one; None: of none."""
        side, name = self._side(value)
        turned = ENTRIES[::-1] if side == "negative" else ENTRIES
        return turned[ENTRIES.index(name)] if name in ENTRIES else None

    def _side(self, value: Value) -> tuple[Side | Average | None, str]:
        """The class or the average in front of a metric, and the metric without it."""
        sides: tuple[Side, Side] = ("positive", "negative")
        for side, name in zip(sides, self.audit.classes, strict=False):
            if value.share.startswith(f"{name}_"):
                return side, value.share.removeprefix(f"{name}_")
        for average in AVERAGES:
            if value.share.startswith(f"{average}_"):
                return average, value.share.removeprefix(f"{average}_")
        return None, value.share

    @property
    def _file(self) -> str:
        return f"{study_path(self.study.key)}: audit"

    def _check_tables(self) -> None:
        for where, table in self._named_tables():
            if table not in self.tables:
                raise UserError(
                    f"{self._file}: {where}: {unknown('table', table, self.tables)} "
                    f"They are those of {published_path(self.study.key)}."
                )

    def _named_tables(self) -> Iterator[tuple[str, str]]:
        audit = self.audit
        yield from (("tables", name) for name in audit.tables)
        yield from (("same_predictions", name) for names in audit.same_predictions for name in names)
        yield from (("splits", name) for split in audit.splits for name in (split.test, split.train))
        yield from (("layers", layers.table) for layers in audit.layers)


def table_name(table: str) -> str:
    """A table's name in a sentence: ``Table 3``, ``Figure 6``, ``the text``."""
    if table == TEXT:
        return "the text"
    return table_or_figure(table)


def table_names(tables: Sequence[str]) -> str:
    """Several tables' names in a sentence: ``Tables 3 and 5``, ``Table 5 and Figure 8``."""
    names = [table_name(table) for table in tables]
    kinds = {name.partition(" ")[0] for name in names}
    if len(names) > 1 and len(kinds) == 1 and kinds <= {"Table", "Figure"}:
        return f"{kinds.pop()}s {listed([name.partition(' ')[2] for name in names])}"
    return listed(names)


def place_name(table: str, item: str) -> str:
    """Where an item stands: ``Table 3, VGG-16``.

    Parameters
    ----------
    table : str
        Its number as printed.
    item : str
        Its name in the table.
    """
    return capital(f"{table_name(table)}, {item}")
