"""What an item of a study needs of pretrained weights and of its dataset; an item that lacks something is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol, Scheme
from leukorepro.config.study.study import Study
from leukorepro.core.listing import Row
from leukorepro.data.split_needs import pool_of, refusal
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import why_nowhere
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.ladder.rungs import LADDER, Need, Rung
from leukorepro.run.kept_items import only_items
from leukorepro.run.resolved import NotRun


@dataclass(frozen=True)
class Facts:
    """What studies must know of a dataset: told by its folder, or by its configuration where it is yet to be drawn."""

    dataset_id: str
    """Of two datasets, that of the first, which is trained on."""
    rows: list[Row]
    """Every image, none opened yet."""
    external_split: str | None
    """The official split that is the held-out part."""

    @cached_property
    def classes(self) -> set[str]:
        """The dataset's own."""
        return {row.label for row in self.rows}

    @cached_property
    def official_splits(self) -> set[str]:
        """Without the held-out part."""
        return {row.official_split for row in self.rows} - {"", self.external_split}

    @cached_property
    def lacks(self) -> set[Need]:
        """What rungs of the ladder need and the dataset has not."""
        has = {
            Need.SUBJECTS: any(row.subject_id for row in self.rows if row.official_split != self.external_split),
            Need.HELD_OUT_PART: self.external_split is not None,
        }
        return {need for need in Need if not has[need]}

    def images_of(self, scheme: Scheme, label_set: LabelSet | None) -> Counter[str]:
        """How many images of each class a scheme deals out.

        Parameters
        ----------
        scheme : Scheme
            How a study splits them.
        label_set : LabelSet or None
            Classes that the labels are put into; None: every label is a class.
        """
        return Counter(label for label, _ in pool_of(self.rows, scheme, self.external_split, label_set))


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
    # Of thousands of images, once for each split.
    of_classes = {split: [*_lacks_classes(study, split, facts)] for split in {t.split_of(item) for _, t, item in rows}}
    lacking: dict[str, str] = {}
    for number, table, item in rows:
        if reason := next(_lacks(study, table.split_of(item), item, extractors, facts, of_classes), None):
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
    study: Study,
    split: str,
    item: Item,
    extractors: Mapping[str, ResolvedExtractor],
    facts: Facts,
    of_classes: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """What an item needs and is not there, in words that follow a *because*; `of_classes` for each split."""
    if lacking := sorted(set(study.splits[split].official_splits or ()) - facts.official_splits):
        here = ", ".join(sorted(facts.official_splits)) or "none"
        yield f"the dataset {facts.dataset_id} has no official split '{lacking[0]}' (`splits.{split}`), but {here}"
    labels = study.splits[split].labels
    if labels is not None and (unnamed := sorted(facts.classes - study.label_sets[labels].of_label.keys())):
        yield (
            f"its classes are put together from others than those of the dataset {facts.dataset_id}, such as "
            f"'{unnamed[0]}' (`label_sets.{labels}`)"
        )
    yield from of_classes[split]
    for name in study.feature_sets[item.features]:
        if name not in extractors or extractors[name].weights != "imagenet":
            continue
        if reason := why_nowhere(find_backbone(extractors[name].backbone)):
            yield f"{reason}; where you have them, name their file: `weights: {{{name}: file:PATH}}`"


def _lacks_classes(study: Study, split: str, facts: Facts) -> Iterator[str]:
    """What no rung can do without: two classes, each with an image to train on and another to be tested."""
    labels = study.splits[split].labels
    label_set = None if labels is None else study.label_sets[labels]
    counts = facts.images_of(study.splits[split], label_set)
    where = f"(`splits.{split}`)"
    if not counts:
        yield (
            f"the dataset {facts.dataset_id} has images of its held-out part {facts.external_split} alone, and none to "
            f"train on {where}"
        )
    elif len(counts) < 2:
        of = "of it" if counts.total() == len(facts.rows) else "that are split"
        only = f"all {counts.total():,} images {of} are {next(iter(counts)) or 'beside no class folder'}"
        yield f"the dataset {facts.dataset_id} has one class only, and a classifier needs two: {only} {where}"
    if single := sorted(label for label, count in counts.items() if count == 1):
        yield (
            f"the dataset {facts.dataset_id} has a single image of the class {single[0]}, and a class needs one to "
            f"train on and another to be tested {where}; add images of it, or take the class away"
        )
    if label_set is not None and len(counts) == 2 and label_set.positive_class not in counts:
        yield (
            f"the dataset {facts.dataset_id} has images of the classes {' and '.join(sorted(counts))} alone, and "
            f"neither is the positive one (`label_sets.{labels}`)"
        )


def impossible_rungs(study: Study, ladder: Mapping[Rung, Protocol], facts: Facts) -> dict[Rung, str]:
    """Rungs that a dataset does not allow, and why: all that its images' names and subjects tell.

    A rung is left out, as one is that needs subjects where there are none, so that a laboratory with three patients of
    a class still learns what its images allow; where a run asks for the rung by name, that is an error. What only the
    opened images tell (too many that cannot be read, copies that tie subjects together) stops the run when its splits
    are made, before any features are.

    Parameters
    ----------
    study : Study
        With the items that are possible.
    ladder : mapping of Rung to Protocol
        Rungs that are looked at.
    facts : Facts
    """
    splits = {table.split_of(item) for table in study.tables.values() for item in table.items}
    found: dict[Rung, str] = {}
    for rung, protocol in ladder.items():
        if (needed := LADDER[rung].needs) and needed in facts.lacks:
            found[rung] = f"the dataset {facts.dataset_id} {needed.value}"
            continue
        for name in sorted(splits):
            scheme = study.splits[name]
            label_set = None if scheme.labels is None else study.label_sets[scheme.labels]
            if told := refusal(facts.rows, scheme, protocol, facts.external_split, label_set):
                found[rung] = f"in the dataset {facts.dataset_id} {told} (`splits.{name}`)"
                break
    return found
