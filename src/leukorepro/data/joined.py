"""Two datasets as one: rows of both in the classes that they share, the second as the held-out part."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from leukorepro.config.joined import JoinedDataset, PlacedDataset
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.listing import Listing, Row


def shared_classes(
    first: Collection[str], second: Collection[str], classes: Mapping[str, str | None]
) -> dict[str, str]:
    """Class of the first for every label of the second that has one.

    Parameters
    ----------
    first, second : collection of str
        Their labels.
    classes : mapping of str to str or None
        Of labels of the second that are called otherwise in the first; None: of none of its classes. A label that is
        not there is the first's class of the same name, where it has one.

    Raises
    ------
    UserError
        If a label is unknown, or none is left.
    """
    for label, name in classes.items():
        if label not in second:
            raise UserError(f"classes: {unknown('class of the second dataset', label, sorted(second))}")
        if name is not None and name not in first:
            raise UserError(f"classes.{label}: {unknown('class of the first dataset', name, sorted(first))}")
    named = {label: classes.get(label, label if label in first else None) for label in sorted(second)}
    if shared := {label: name for label, name in named.items() if name is not None}:
        return shared
    raise UserError(
        f"no class in common: the first dataset has {', '.join(sorted(first))}, the second "
        f"{', '.join(sorted(second))}; say under `classes` which of the second's is which of the first's."
    )


def left_out_of(rows: Iterable[Row], kept: Collection[str]) -> dict[str, int]:
    """Images of each label that no class of the other dataset is a partner of.

    Parameters
    ----------
    rows : iterable of Row
        Images of one of the two datasets.
    kept : collection of str
        Its labels that take part.

    Returns
    -------
    dict of str to int
        Number of images of each label that does not, sorted by label; empty where all take part.
    """
    return dict(sorted(Counter(row.label for row in rows if row.label not in kept).items()))


def join(dataset: JoinedDataset, first: Listing, second: Listing) -> Listing:
    """List the images of two datasets as those of one.

    Parameters
    ----------
    dataset : JoinedDataset
    first, second : Listing
        As their adapters give them.

    Returns
    -------
    Listing
        Paths from the folder that holds both; the second's `official_split` is its id, and the held-out part. The parts
        of a published dataset are the first's, where all of its images take part.

    Raises
    ------
    UserError
        If they have no class in common.
    """
    own = _own_rows(dataset, first)
    shared = classes_of_both(dataset, first, second)
    partners = set(shared.values())
    rows = [_moved(dataset, dataset.first, row) for row in own if row.label in partners]
    for row in second.rows:
        if row.label in shared:
            moved = _moved(dataset, dataset.second, row)
            rows.append(
                dataclasses.replace(
                    moved,
                    label=shared[row.label],
                    image_id=dataset.name_in_second(moved.image_id),
                    subject_id=dataset.name_in_second(row.subject_id),
                    source_id=dataset.name_in_second(moved.source_id),
                    official_split=dataset.second.id,
                )
            )
    lost = left_out_of(own, partners)
    return Listing(
        sorted(rows, key=lambda row: row.path),
        parts=[] if lost else first.parts,
        external_split=dataset.second.id,
        notes=[
            *told_left_out(dataset.first, lost),
            *told_left_out(dataset.second, left_out_of(second.rows, shared)),
            *(
                f"{dataset.first.id}: its own held-out part {first.external_split} is left out, "
                f"{len(first.rows) - len(own):,} images"
                for _ in range(len(own) < len(first.rows))
            ),
            *(f"{part.id}: {note}" for part, one in _each(dataset, first, second) for note in one.notes),
        ],
        excluded=[*first.excluded, *second.excluded],
        suspicions=[f"{part.id}: {told}" for part, one in _each(dataset, first, second) for told in one.suspicions],
        crops=[dataset.below_images(part, path) for part, one in _each(dataset, first, second) for path in one.crops],
        photographs=[
            dataset.below_images(part, path) for part, one in _each(dataset, first, second) for path in one.photographs
        ],
    )


def told_left_out(part: PlacedDataset, counts: Mapping[str, int]) -> list[str]:
    """A sentence on the images of a part that take no part, or none where all do.

    Parameters
    ----------
    part : PlacedDataset
        One of the two datasets.
    counts : mapping of str to int
        Its images of each label that takes no part, see `left_out_of`.
    """
    if not counts:
        return []
    told = ", ".join(f"{count:,} of {label or 'no class'}" for label, count in counts.items())
    return [f"{part.id}: left out, because the other dataset has no such class: {told}"]


def _each(dataset: JoinedDataset, first: Listing, second: Listing) -> list[tuple[PlacedDataset, Listing]]:
    return [(dataset.first, first), (dataset.second, second)]


def classes_of_both(dataset: JoinedDataset, first: Listing, second: Listing) -> dict[str, str]:
    """Class of the first for every label of the second that takes part; see `shared_classes`.

    Parameters
    ----------
    dataset : JoinedDataset
        Both, and what was said of their classes.
    first, second : Listing
        What the folders of the two say about their images.
    """
    own = {row.label for row in _own_rows(dataset, first)}
    return shared_classes(own, {row.label for row in second.rows}, dataset.classes)


def _own_rows(dataset: JoinedDataset, first: Listing) -> list[Row]:
    """Images of the first that may be trained on."""
    return [row for row in first.rows if dataset.with_own_part or not _held_out(row, first)]


def _held_out(row: Row, listing: Listing) -> bool:
    return bool(listing.external_split) and row.official_split == listing.external_split


def _moved(dataset: JoinedDataset, part: PlacedDataset, row: Row) -> Row:
    """A row with its path from the folder that holds both datasets, and with the ids that it had without one."""
    path = dataset.below_images(part, row.path)
    return dataclasses.replace(row, path=path, image_id=row.name, source_id=row.source_id or row.name)
