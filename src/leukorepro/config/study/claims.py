"""What a paper concludes from its numbers: that items are better than others, which our own numbers are asked too.

Not to be confused with `leukorepro.config.study.audits.Statement`, a sentence that printed numbers alone can refute. A
place here is ``table/item`` of the study's tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from leukorepro.config.fields import Strict, refuse_twice
from leukorepro.config.study.schemes import Scheme
from leukorepro.config.study.tables import Metric, Table
from leukorepro.core.errors import unknown
from leukorepro.core.validation import pattern

Place = Annotated[str, Field(pattern=pattern(r"^[^/]+/.+$", "an item with its table in front, as in 5/SVM"))]
"""An item with its table in front, as in ``5/SVM``."""


class Comparison(Strict):
    """An item that is said to be better than each of some others."""

    better: Place
    than: Annotated[list[Place], Field(min_length=1)]


class Claim(Strict):
    """A conclusion of the paper; it holds where every one of its comparisons does."""

    says: str
    """The conclusion as a sentence, in words of our own."""
    where: str
    """Where the paper draws it, as in ``section 4``."""
    metric: Metric = "accuracy"
    """What better means."""
    comparisons: list[Comparison] = []
    rising: list[Annotated[list[Place], Field(min_length=2)]] = []
    """Items in an order in which each is said to be better than the one before."""
    split: str | dict[Place, str] | None = None
    """Split that all items are compared on, or some of them; an item of another split is fitted once more for it, in a
    table of its own, so that all are tested on the same images."""

    @model_validator(mode="after")
    def _compares(self) -> Claim:
        if not self.pairs:
            raise ValueError("compares nothing; give `comparisons` or `rising`")
        refuse_twice([f"{one} better than {other}" for one, other in self.pairs])
        if isinstance(self.split, dict):
            for place in self.split:
                if place not in self.places:
                    raise ValueError(f"split: {unknown('item', place, self.places)}")
        return self

    @property
    def pairs(self) -> list[tuple[Place, Place]]:
        """Every comparison as two items, of which the first is said to be the better one."""
        named = [(comparison.better, other) for comparison in self.comparisons for other in comparison.than]
        return [*named, *((better, worse) for row in self.rising for worse, better in pairwise(row))]

    @property
    def places(self) -> list[Place]:
        """All items, each once."""
        return list(dict.fromkeys(place for pair in self.pairs for place in pair))

    def judged_at(self, place: Place, tables: Mapping[str, Table]) -> tuple[str, str]:
        """Table and item that an item is measured at: its own, or those of the same item fitted once more.

        Parameters
        ----------
        place : str
            One of `places`.
        tables : mapping of str to Table
            The study's.
        """
        number, _, item = place.partition("/")
        split = self._split_of(place, tables)
        return (number if split == _own_split(place, tables) else refitted_table(number, split)), item

    def refitted(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, str, str]]:
        """Table, item and split of every item that is fitted once more."""
        for place in self.places:
            number, _, item = place.partition("/")
            split = self._split_of(place, tables)
            if split != _own_split(place, tables):
                yield number, item, split

    def check(self, tables: Mapping[str, Table], splits: Mapping[str, Scheme]) -> None:
        """Raise ValueError if it names an item or a split that a study has not, or compares what cannot be compared.

        Items cannot be compared that tell different classes apart, or that are measured on different splits while the
        claim names no split for them.

        Parameters
        ----------
        tables : mapping of str to Table
            The study's tables by their numbers.
        splits : mapping of str to Scheme
            The study's splits by name.
        """
        known = [f"{number}/{item.item}" for number, table in tables.items() for item in table.items]
        for place in self.places:
            if place not in known:
                raise ValueError(unknown("item", place, known))
        for name in [self.split] if isinstance(self.split, str) else (self.split or {}).values():
            if name not in splits:
                raise ValueError(f"split: {unknown('split', name, splits)}")
        for pair in self.pairs:
            one, other = (self._split_of(place, tables) for place in pair)
            if one != other and not isinstance(self.split, dict):
                raise ValueError(
                    f"'{pair[0]}' is of the split '{one}', '{pair[1]}' of '{other}'; name the `split` that both are "
                    "compared on"
                )
            if splits[one].labels != splits[other].labels:
                raise ValueError(f"'{pair[0]}' and '{pair[1]}' tell different classes apart; compare items that do not")

    def _split_of(self, place: Place, tables: Mapping[str, Table]) -> str:
        """Split that an item is compared on."""
        if isinstance(self.split, str):
            return self.split
        return (self.split or {}).get(place) or _own_split(place, tables)


class LeftOutClaim(Strict):
    """A claim that a run cannot judge."""

    claim: Claim
    reason: str


def refitted_table(number: str, split: str) -> str:
    """Key of the table of a table's items that are fitted once more, on another split.

    Parameters
    ----------
    number : str
        Of the table, as printed.
    split : str
        Name of the other split.
    """
    return f"{number} on {split}"


def _own_split(place: Place, tables: Mapping[str, Table]) -> str:
    number, _, name = place.partition("/")
    table = tables[number]
    return next(table.split_of(item) for item in table.items if item.item == name)
