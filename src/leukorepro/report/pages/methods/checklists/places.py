"""Places of the report that an answer points at."""

from __future__ import annotations

from collections.abc import Sequence

from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.report.pages import addresses
from leukorepro.report.pages.methods.checklists.item import Facts, Place

START = (Place("Start", addresses.START),)


def in_methods(section: str = "") -> tuple[Place, ...]:
    """The methods page, or a section of it."""
    return (Place("Methods", _at(addresses.METHODS, section)),)


def in_provenance(section: str) -> tuple[Place, ...]:
    """A section of the provenance page."""
    return (Place("Provenance", _at(addresses.PROVENANCE, section)),)


def of_datasets(facts: Facts) -> tuple[Place, ...]:
    """The page of every dataset."""
    return tuple(
        Place(one.resolved.dataset.title or one.resolved.dataset_id, addresses.of_dataset(one.resolved.dataset_id))
        for one in facts.datasets
    )


def of_papers(records: Sequence[Records], section: str = "") -> tuple[Place, ...]:
    """The pages of papers, or a section of each.

    Parameters
    ----------
    records : sequence of Records
        Of every study that ran.
    section : str
        Of the page, by its anchor; empty: the page itself.
    """
    return tuple(
        Place(
            wording.short_citation(one.resolved.study.citation),
            _at(addresses.of_paper(one.resolved.study.key), section),
        )
        for one in records
    )


def _at(address: str, section: str) -> str:
    return f"{address}#{section}" if section else address
