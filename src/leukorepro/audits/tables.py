"""The tables of a paper: the images that each is about, and what is possible for its items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from leukorepro.audits.arithmetic.confusion import Basis, Reported
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.sizes import consistent_sizes
from leukorepro.audits.images import Images, tested_images
from leukorepro.audits.items import ItemAudit, audit_item, bases, is_possible, search
from leukorepro.audits.means.numbers import of_means
from leukorepro.audits.means.rows import of_unknown_classes
from leukorepro.audits.paper import Paper
from leukorepro.config.study.audits import TEXT, AuditAverage
from leukorepro.core.phrases import listed


@dataclass(frozen=True)
class TableAudit:
    """What the numbers of one table allow."""

    name: str
    searched: tuple[int, int]
    """Least and greatest number of images that was tried."""
    sizes: tuple[int, ...]
    """Numbers of images that all accuracies allow, rounded or `cut`."""
    accuracies: tuple[Printed, ...]
    cut: bool
    """Whether the accuracies fit the images only with their further digits cut off."""
    images: Images | None
    """What the table is about: what at least two thirds of its items fit, or what the paper says."""
    items: dict[str, ItemAudit]
    unfit: dict[str, tuple[Images, tuple[str, ...]]] = field(default_factory=dict)
    """Sets that the table might be about, by name, with the items that are impossible on each."""


class TablesAudit:
    """The audit of all tables of a paper.

    Parameters
    ----------
    paper : Paper

    Raises
    ------
    UserError
        If a declared set of images names a number that is not printed.
    """

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.tested = {table: {} if table == TEXT else paper.tested(table) for table in paper.tables}
        self.sizes = {table: self._sizes(table) for table in paper.tables}
        self.open_sets = [n for n, s in paper.audit.sets.items() if s.positives is None and s.negatives is None]
        self.sets = {name: self._narrowed(name) for name in paper.audit.sets}
        self.tables = {table: self._table(table) for table in paper.tables}

    def joint(self, table: str, item: str, images: Images) -> list[Reported]:
        """Numbers of an item in a table and, behind them, in those about the same predictions.

        Parameters
        ----------
        table, item : str
            Place of the item.
        images : Images
            What the table is about, perhaps: other tables count that may be about the same.
        """
        numbers = self._own(table, item, images)
        for other in self.joined(table, images.name):
            for value in self.tested[other].get(item, []):
                numbers.append(self.paper.reported(value, cut=self._is_cut(other, images.total), foreign=True))
        return numbers

    def joined(self, table: str, images: str) -> list[str]:
        """Other tables about the same predictions that may be about the same images.

        Parameters
        ----------
        table : str
            Its number as printed.
        images : str
            Name of a set of images.
        """
        return [
            other
            for group in self.paper.audit.same_predictions
            for other in group
            if table in group and other != table and images in self.paper.about(other).sets
        ]

    def _own(self, table: str, item: str, images: Images) -> list[Reported]:
        cut = self._is_cut(table, images.total)
        return [self.paper.reported(value, cut=cut) for value in self.tested[table][item]]

    def _table(self, table: str) -> TableAudit:
        candidates = {name: self.sets[name] for name in self.paper.about(table).sets}
        scores = {name: self._score(table, images) for name, images in candidates.items() if images is not None}
        enough = [name for name, score in scores.items() if 3 * max(map(len, score)) >= 2 * len(self.tested[table])]
        chosen = max(enough, key=lambda name: self._rank(candidates[name], scores[name]), default=None)
        if chosen is None:
            chosen = next((name for name in scores if self._is_stated(table, candidates[name])), None)
        images = None if chosen is None else candidates[chosen]
        unfit = {}
        for name, (joint, _) in scores.items():
            missing = tuple(item for item in self.tested[table] if item not in joint)
            other = candidates[name]
            if name != chosen and missing and other is not None:
                unfit[name] = (other, missing)
        cut = images is not None and self._is_cut(table, images.total)
        return TableAudit(
            table,
            self._searched(table),
            tuple(self._sizes(table, cut=True) if cut else self.sizes[table]),
            tuple(self._accuracies(table)),
            cut,
            images,
            {item: self._item(table, item, images) for item in self.tested[table]},
            unfit,
        )

    def _item(self, table: str, item: str, images: Images | None) -> ItemAudit:
        if self.paper.about(table).classes > 2:
            return self._of_several_classes(table, item, images)
        if images is None:
            return ItemAudit("too little printed", "How many images were tested is not told, or fits too few items.")
        averages = self._averages(table, images)
        together = audit_item(self.joint(table, item, images), images, averages)
        if together.status != "impossible":
            return together
        alone = audit_item(self._own(table, item, images), images, averages)
        if alone.status != "impossible":
            return replace(alone, conflict=together)
        both = [name for name in alone.odd if name in together.odd] or alone.odd
        return replace(alone, odd=tuple(both))

    def _of_several_classes(self, table: str, item: str, images: Images | None) -> ItemAudit:
        """An item of more than two classes; where the table's images are not known, of any that it may be about."""
        about = self.paper.about(table)
        tried = {}
        for name in about.sets:
            if (other := self.sets[name]) is not None and images in (None, other):
                scores = [of_means(v, cut=self._is_cut(table, other.total)) for v in self.tested[table][item]]
                tried[other.total] = replace(of_unknown_classes(scores, other.total, about.classes), images=other)
        found = next((audit for audit in tried.values() if audit.status == "possible"), None)
        if found is None and images is not None:
            return tried[images.total]
        totals = listed([f"{total:,}" for total in tried], "or")
        why = (
            f"No {totals} images in classes of equal size have its numbers. The paper tells neither the sizes of the "
            "classes nor whether these are means over folds."
        )
        return found or ItemAudit("undecided", why)

    def _is_stated(self, table: str, images: Images | None) -> bool:
        """Whether the paper says what the images are, and all accuracies are shares of them."""
        if images is None or not images.stated or images.name in self.open_sets:
            return False
        return all(self._is_share(table, item, images.total) for item in self.tested[table])

    @staticmethod
    def _rank(images: Images | None, score: tuple[set[str], set[str]]) -> tuple[int, int, bool]:
        """The more items are possible the better; then, a set whose classes are told."""
        return len(score[0]), len(score[1]), images is not None and len(images.positives) == 1

    def _averages(self, table: str, images: Images) -> tuple[AuditAverage, ...]:
        """Readings that a table allows, first the one that fits most of its items."""
        averages = self.paper.about(table).averages
        fitting: Counter[AuditAverage] = Counter()
        for item in self.tested[table]:
            numbers = self.joint(table, item, images)
            fitting.update(average for average in averages if is_possible(numbers, images, [average]))
        return tuple(sorted(averages, key=lambda average: -fitting[average]))

    def _score(self, table: str, images: Images) -> tuple[set[str], set[str]]:
        """Items that are possible on some images: with other tables about the same predictions, and alone."""
        averages = self.paper.about(table).averages
        fitting = {i for i in self.tested[table] if self._is_share(table, i, images.total)}
        if self.paper.about(table).classes > 2 or 3 * len(fitting) < 2 * len(self.tested[table]):
            return fitting, fitting
        return (
            {i for i in self.tested[table] if is_possible(self.joint(table, i, images), images, averages)},
            {i for i in self.tested[table] if is_possible(self._own(table, i, images), images, averages)},
        )

    def _narrowed(self, name: str) -> Images | None:
        """A declared set with those numbers of positive images that most items of its tables allow."""
        tables = [table for table in self.tested if name in self.paper.about(table).sets]
        consistent = self.sizes[tables[0]] if tables else []
        images = tested_images(self.paper, name, consistent)
        if images is None or len(images.positives) == 1:
            return images
        items = list({item: None for table in tables for item in self._groups(table, images)})
        shares = [self._is_share(table, item, images.total) for table in tables for item in self.tested[table]]
        if 3 * sum(shares) < 2 * len(shares):
            return images  # not these images at all
        for most in (True, False):  # items with most numbers first: they leave little to search for the others
            longest = max((len(numbers) for numbers, _ in items), default=0)
            chosen = [item for item in items if not most or len(item[0]) == longest]
            votes: Counter[int] = Counter()
            for numbers, averages in chosen:
                votes.update(_possible_positives(numbers, images, averages))
            if votes and 2 * max(votes.values()) >= len(chosen):
                best = [p for p, count in votes.items() if count == max(votes.values())]
                images = replace(images, positives=tuple(sorted(best)))
            elif most:
                return images
        return images

    def _groups(self, table: str, images: Images) -> list[tuple[tuple[Reported, ...], tuple[Basis, ...]]]:
        """Numbers of each item with the readings that are tried; the same for tables about the same predictions."""
        found: list[tuple[tuple[Reported, ...], tuple[Basis, ...]]] = []
        if self.paper.about(table).classes > 2:
            return found
        first = next((t for t in self.tested if t == table or t in self.joined(table, images.name)), table)
        for item in self.tested[table]:
            source = first if item in self.tested[first] else table
            numbers = tuple(self.joint(source, item, images))
            readings = bases(numbers, self.paper.about(table).averages)
            found.append((numbers, tuple(basis for basis in readings if basis != "mixed")))
        return found

    def _searched(self, table: str) -> tuple[int, int]:
        low, high = self.paper.about(table).sizes or self.paper.audit.sizes
        return low, high

    def _accuracies(self, table: str) -> list[Printed]:
        """Printed accuracies of a table, if they are shares of a number of images."""
        if self.paper.about(table).means_of is not None:
            return []
        return [v.printed for values in self.tested[table].values() for v in values if v.share == "accuracy"]

    def _sizes(self, table: str, *, cut: bool = False) -> list[int]:
        accuracies = self._accuracies(table)
        read = [value.cut_off() for value in accuracies] if cut else accuracies
        found: list[int] = consistent_sizes(read, *self._searched(table)).tolist()
        return found

    def _is_share(self, table: str, item: str, total: int) -> bool:
        """Whether the accuracies of an item are shares of a number of images."""
        cut = self._is_cut(table, total)
        printed = [value.printed for value in self.tested[table][item] if value.share == "accuracy"]
        return all((value.cut_off() if cut else value).is_share_of([total])[0] for value in printed)

    def _is_cut(self, table: str, total: int) -> bool:
        """Whether a table's accuracies fit a number of images only with further digits cut off."""
        accuracies = self._accuracies(table)

        def fit(values: Sequence[Printed]) -> bool:
            return all(value.is_share_of([total])[0] for value in values)

        return not fit(accuracies) and fit([value.cut_off() for value in accuracies])


def _possible_positives(numbers: Sequence[Reported], images: Images, readings: Sequence[Basis]) -> set[int]:
    """Numbers of positive images with which some confusion matrix gives the numbers."""
    possible: set[int] = set()
    for basis in readings:
        found = search(numbers, images, basis)
        if found is not None:
            possible.update(np.unique(found[0] + found[1]).tolist())
    return possible
