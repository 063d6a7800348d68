"""What an item of a study needs of pretrained weights and of its dataset; an item that lacks something is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.config.study.tables import Table
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import why_nowhere
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.ladder.rungs import Need
from leukorepro.run.kept_items import only_items
from leukorepro.run.resolved import NotRun


class Facts(NamedTuple):
    """What studies must know of a dataset: told by its folder, or by its configuration where it is yet to be drawn."""

    dataset_id: str
    classes: set[str]
    official_splits: set[str]
    """Without the held-out part."""
    external_split: str | None
    lacks: set[Need]
    """What rungs of the ladder need and the dataset has not."""


class Possible(NamedTuple):
    """A study with what can be run of it."""

    study: Study
    left_out_items: dict[str, str]
    """Items that lack something, each as ``<table>/<item>``, and what; those of tables that are left out are not here.
    """
    left_out_tables: dict[str, str]
    """Tables of which no item can be run, and what the first one lacks."""


def possible_part(study: Study, extractors: Mapping[str, ResolvedExtractor], facts: Facts) -> Possible | NotRun:
    """Leave out the items that need what is not there, or the study where all of them do.

    Of the second readings of a printed item that is left out the first one takes its place, and the others are readings
    of that one: no printed number is compared with any of them. Figures that lose an item go, and tables that lose all.
    Where the headline goes, the first item that is left of its table stands for it, or the first one of all.

    Parameters
    ----------
    study : Study
    extractors : mapping of str to ResolvedExtractor
        Of the study, by their names.
    facts : Facts
        Of its dataset.
    """
    rows = [(number, table, item) for number, table in study.tables.items() for item in table.items]
    lacking: dict[str, str] = {}
    for number, table, item in rows:
        if reason := next(_lacks(study, table, item, extractors, facts), None):
            lacking[f"{number}/{item.item}"] = reason
    if not lacking:
        return Possible(study, {}, {})
    kept = [f"{number}/{item.item}" for number, _, item in rows if f"{number}/{item.item}" not in lacking]
    if not kept:
        told = next(iter(lacking.values()))
        return NotRun(key=study.key, citation=study.citation, what="no item of it has what it needs", told=told)
    if study.headline not in kept:
        of_its_table = [name for name in kept if name.startswith(f"{study.headline.partition('/')[0]}/")]
        study = study.model_copy(update={"headline": [*of_its_table, *kept][0]})
    smaller = _readings_in_place(only_items(study, kept))
    return Possible(
        smaller,
        {name: reason for name, reason in lacking.items() if name.partition("/")[0] in smaller.tables},
        {
            number: lacking[f"{number}/{table.items[0].item}"]
            for number, table in study.tables.items()
            if number not in smaller.tables
        },
    )


def _readings_in_place(study: Study) -> Study:
    """The study with readings of items that it has no more in the place of these."""
    tables = {}
    for number, table in study.tables.items():
        names = {item.item for item in table.items}
        first = {item.reading_of: item.item for item in reversed(table.items) if item.reading_of not in names}
        items = [
            item
            if item.reading_of is None or item.reading_of in names
            else item.model_copy(update={"reading_of": None if (own := first[item.reading_of]) == item.item else own})
            for item in table.items
        ]
        tables[number] = table.model_copy(update={"items": items})
    return study.model_copy(update={"tables": tables})


def _lacks(
    study: Study, table: Table, item: Item, extractors: Mapping[str, ResolvedExtractor], facts: Facts
) -> Iterator[str]:
    """What an item needs and is not there, in words that follow a *because*."""
    split = table.split_of(item)
    if lacking := sorted(set(study.splits[split].official_splits or ()) - facts.official_splits):
        here = ", ".join(sorted(facts.official_splits)) or "none"
        yield f"the dataset {facts.dataset_id} has no official split '{lacking[0]}' (`splits.{split}`), but {here}"
    labels = study.splits[split].labels
    if labels is not None and (unnamed := sorted(facts.classes - study.label_sets[labels].of_label.keys())):
        yield (
            f"its classes are put together from others than those of the dataset {facts.dataset_id}, such as "
            f"'{unnamed[0]}' (`label_sets.{labels}`)"
        )
    for name in study.feature_sets[item.features]:
        if name not in extractors or extractors[name].weights != "imagenet":
            continue
        if reason := why_nowhere(find_backbone(extractors[name].backbone)):
            yield f"{reason}; where you have them, name their file: `weights: {{{name}: file:PATH}}`"
