"""An item of a reporting checklist: what it asks, and how a run answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.run.resolved import ResolvedRun

By = Literal["this run", "this run in part", "the authors"]
"""Who answers an item."""


@dataclass(frozen=True)
class Facts:
    """All that answers rest on."""

    run: ResolvedRun
    records: list[Records]
    """Of every study that ran."""
    code: str
    """Version of leukorepro and, where it is known, its commit."""
    machine: str
    """What the report was built on."""

    @property
    def datasets(self) -> list[Records]:
        """One study's records for each dataset."""
        return list({records.resolved.dataset_id: records for records in self.records}.values())

    @property
    def simulated(self) -> bool:
        """Whether no image shows a patient."""
        return all(records.resolved.simulated for records in self.records)


class Place(NamedTuple):
    """A place of the report."""

    label: str
    address: str


@dataclass(frozen=True)
class Answer:
    """What a run says to an item."""

    text: str
    by: By = "this run"
    places: tuple[Place, ...] = ()
    """Where the report shows it."""


@dataclass(frozen=True)
class Item:
    """What a checklist asks, in our own words."""

    number: str
    module: str
    name: str
    answer: Callable[[Facts], Answer]


@dataclass(frozen=True)
class Checklist:
    """A list of items, each asked once."""

    key: str
    title: str
    source: str
    """Where the list is published, in full."""
    items: Mapping[str, Item]


def cited(records: Sequence[Records]) -> str:
    """Studies in a row, as a reader knows them."""
    return wording.listed([wording.short_citation(one.resolved.study.citation) for one in records])


def in_order(*items: Item) -> dict[str, Item]:
    """Items by their numbers.

    Raises
    ------
    ValueError
        If two have one number.
    """
    found = {item.number: item for item in items}
    if len(found) < len(items):
        raise ValueError("two items of a checklist have one number")
    return found


def for_the_authors(what: str) -> Callable[[Facts], Answer]:
    """The answer to what no pipeline knows.

    Parameters
    ----------
    what : str
        What the authors are to say, behind "For the authors to answer:".
    """
    return lambda _: Answer(f"For the authors to answer: {what}.", by="the authors")
