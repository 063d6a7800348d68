"""What of a study is drawn and how its tables are laid out: small tables whole, of large ones what is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leukorepro.config.study.items import Item
from leukorepro.config.study.tables import Table
from leukorepro.ladder.rungs import PUBLISHED, Rung, honest_rung
from leukorepro.report.numbers.tables import Numbers
from leukorepro.run.resolved import ResolvedStudy

FEW_ITEMS = 6
"""Tables of more items have curves and confusion matrices of one only; the others' numbers are in the files."""


@dataclass(frozen=True)
class Matrix:
    """A table in which every classifier is combined with every feature set."""

    features: list[str]
    classifiers: list[str]
    names: dict[tuple[str, str], str]
    """Item of every classifier and feature set, in this order."""

    def row(self, classifier: str) -> list[str]:
        """Items of a classifier, over the feature sets."""
        return [self.names[classifier, features] for features in self.features]


def shown_rungs(study: ResolvedStudy) -> list[Rung]:
    """The published protocol and the honest one, as far as they ran; without either, whatever ran."""
    honest = honest_rung(study.protocols)
    return [rung for rung in study.protocols if rung in (PUBLISHED, honest)] or list(study.protocols)


def main_item(study: ResolvedStudy, numbers: Numbers, key: str) -> str:
    """The item that stands for a table: the study's headline, else the best printed one, else the first.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    key : str
        Number of one of its tables.
    """
    table, _, item = study.study.headline.partition("/")
    spec = study.study.tables[key]
    return item if table == key else best_printed(numbers, key, spec.metrics, [i.item for i in spec.items])


def best_printed(numbers: Numbers, key: str, metrics: Sequence[str], items: Sequence[str]) -> str:
    """The item of a table with the best printed number, in the first metric that any has one in; else the first.

    Parameters
    ----------
    numbers : Numbers
        The study's metrics, and what its paper prints.
    key : str
        Number of a table.
    metrics : sequence of str
        Tried one after another.
    items : sequence of str
        Of the table, at least one.
    """
    for metric in metrics:
        printed = {item: numbers.published(key, item, metric).value for item in items}
        known = {name: value for name, value in printed.items() if value is not None}
        if known:
            return max(known, key=known.__getitem__)
    return items[0]


def drawn_items(study: ResolvedStudy, numbers: Numbers, key: str) -> list[str]:
    """Items of a table that have curves and confusion matrices on the page, second readings only where all are few.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    key : str
        Number of one of its tables.
    """
    items = study.study.tables[key].items
    if len(items) > FEW_ITEMS:
        items = [item for item in items if item.reading_of is None]
    return [i.item for i in items] if len(items) <= FEW_ITEMS else [main_item(study, numbers, key)]


def drawn_before(study: ResolvedStudy, key: str) -> str | None:
    """An earlier table of the same part that has all of a table's items and so the same predictions, or None.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    key : str
        Number of one of its tables.
    """

    def systems(table: Table) -> set[Item]:
        return {item.model_copy(update={"split": table.split_of(item)}) for item in table.items}

    tables = study.study.tables
    before = list(tables)[: list(tables).index(key)]
    earlier = [name for name in before if tables[name].of_training_rows == tables[key].of_training_rows]
    return next((name for name in earlier if systems(tables[key]) <= systems(tables[name])), None)


def readings_last(table: Table) -> list[Item]:
    """A table's items, second readings behind the item that they read anew."""
    names = [item.item for item in table.items]
    return sorted(table.items, key=lambda i: (names.index(i.reading_of or i.item), i.reading_of is not None))


def matrix_of(table: Table) -> Matrix | None:
    """The table as a matrix, second readings apart; None where it is none."""
    items = [item for item in table.items if item.reading_of is None]
    features = list(dict.fromkeys(item.features for item in items))
    classifiers = list(dict.fromkeys(item.classifier for item in items))
    names = {(item.classifier, item.features): item.item for item in items}
    plain = all(item.reducer is None and item.split is None for item in items)
    full = len(names) == len(items) == len(features) * len(classifiers)
    if not (plain and full and len(features) > 1 and len(classifiers) > 1):
        return None
    return Matrix(features, classifiers, names)


def in_paper(study: ResolvedStudy, numbers: Numbers, key: str) -> bool:
    """Whether the paper prints any number of a table.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    numbers : Numbers
        The study's metrics, and what its paper prints.
    key : str
        Number of one of its tables.
    """
    table = study.study.tables[key]
    return any(
        numbers.published(key, item.item, metric).value is not None for item in table.items for metric in table.metrics
    )
