"""One of the study's tables laid out: what the paper prints beside ours, as plain values for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leukorepro.config.study.items import Item
from leukorepro.config.study.systems import TrainedFeaturesSpec
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung, honest_rung
from leukorepro.metrics.names import named
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import Matrix, in_paper, matrix_of, readings_last, shown_rungs
from leukorepro.report.numbers.tables import Estimate, Numbers
from leukorepro.run.resolved import ResolvedStudy

WIDE_METRICS = 4
"""Tables of more metrics have a row for each kind of number instead of columns."""

Row = tuple[str, Rung | None, list[Estimate]]
"""Kind of number, its rung (None: the paper), and its values."""


@dataclass(frozen=True)
class Label:
    """What a row or a group of rows is called."""

    name: str
    note: str = ""
    """What a second reading reads anew; empty for a printed item."""
    marked: bool = False
    """Whether it is the study's headline."""


@dataclass(frozen=True)
class Block:
    """A table with groups of rows, one row for each kind of number."""

    caption: str
    corner: str
    """Heading of the first column."""
    columns: list[str]
    groups: list[tuple[Label, list[Row]]]


@dataclass(frozen=True)
class Layout:
    """A table of the study."""

    in_paper: bool
    metrics: list[str]
    wide: list[tuple[Label, list[list[Estimate]]]]
    """By item and metric: what is published (in the paper's own tables), ours as published, ours honest."""
    blocks: list[Block]
    """The same in groups of rows, where it would be too wide."""
    everything: Block
    """Every metric of every item on every rung."""
    has_readings: bool


def lay_out(study: ResolvedStudy, numbers: Numbers, key: str) -> Layout:
    """Lay out a table: classifiers against feature sets where it is such a matrix, else a row for each item.

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
    builder = _Builder(study, numbers, key)
    matrix = matrix_of(table)
    items = readings_last(table)
    listed = [item for item in items if item.reading_of is not None] if matrix else items
    blocks = list(builder.matrices(matrix)) if matrix else []
    measured = shown_metrics(numbers, key, table.metrics)
    wide = len(table.metrics) <= WIDE_METRICS
    if listed and not wide:
        blocks.append(builder.by_item(listed, table.metrics, builder.compared, ""))
    return Layout(
        in_paper=builder.in_paper,
        metrics=table.metrics,
        wide=[builder.wide(item) for item in listed] if wide else [],
        blocks=blocks,
        everything=builder.by_item(items, measured, list(study.protocols), "all rungs"),
        has_readings=bool(table.metric_readings) or any(item.reading_of is not None for item in items),
    )


def shown_metrics(numbers: Numbers, key: str, printed: Sequence[str]) -> list[str]:
    """Metrics of a table, those that the paper prints in front; of two words for one metric the printed one.

    Parameters
    ----------
    numbers : Numbers
        The study's metrics, and what its paper prints.
    key : str
        Number of a table.
    printed : sequence of str
        Metrics that the paper's table prints.
    """
    metrics = numbers.metrics(key, first=printed)
    shown: dict[object, str] = {}
    for metric in metrics:  # the printed ones in front
        shown.setdefault(named(metric).meaning, metric)
    return [metric for metric in metrics if metric in printed or metric in shown.values()]


class _Builder:
    """Looks up the numbers of one table."""

    def __init__(self, study: ResolvedStudy, numbers: Numbers, key: str) -> None:
        self._study, self._numbers, self._key = study, numbers, key
        self.in_paper = in_paper(study, numbers, key)
        self.compared = shown_rungs(study)
        table, _, item = study.study.headline.partition("/")
        self._headline = item if table == key else None

    def label(self, item: Item) -> Label:
        notes = [f"another reading of {item.reading_of}"] if item.reading_of else []
        reducer = self._study.study.reducers[item.reducer] if item.reducer is not None else None
        if isinstance(reducer, TrainedFeaturesSpec):
            notes.append(f"on the output of {reducer.network} before its last layer")
        return Label(item.item, ", ".join(notes), item.item == self._headline)

    def wide(self, item: Item) -> tuple[Label, list[list[Estimate]]]:
        honest = honest_rung(self._study.protocols)
        return self.label(item), [
            [
                *([self._numbers.published(self._key, item.item, metric)] if self.in_paper else []),
                self._numbers.ours(self._key, item.item, PUBLISHED, metric),
                self._numbers.ours(self._key, item.item, honest, metric),
            ]
            for metric in self._study.study.tables[self._key].metrics
        ]

    def by_item(self, items: Sequence[Item], metrics: Sequence[str], rungs: Sequence[Rung], caption: str) -> Block:
        """A group of rows for every item, a column for every metric."""
        groups = [(self.label(item), self._rows([(item.item, metric) for metric in metrics], rungs)) for item in items]
        return Block(caption, "Item", [wording.metric_heading(metric) for metric in metrics], groups)

    def matrices(self, matrix: Matrix) -> Iterator[Block]:
        """For every metric a group of rows for each classifier, a column for each feature set."""
        for metric in self._study.study.tables[self._key].metrics:
            groups = [
                (
                    Label(classifier, marked=self._headline in matrix.row(classifier)),
                    self._rows([(item, metric) for item in matrix.row(classifier)], self.compared),
                )
                for classifier in matrix.classifiers
            ]
            yield Block(wording.metric_heading(metric), "Classifier", matrix.features, groups)

    def _rows(self, fields: Sequence[tuple[str, str]], rungs: Sequence[Rung]) -> list[Row]:
        """A row of published values, where there are any, and one for each rung; fields are items and metrics."""
        ours: list[Row] = [
            (
                LADDER[rung].name,
                rung,
                [self._numbers.ours(self._key, item, rung, metric) for item, metric in fields],
            )
            for rung in rungs
        ]
        if not self.in_paper:
            return ours
        return [("Published", None, [self._numbers.published(self._key, *field) for field in fields]), *ours]
