"""Splits: which rows train and which are tested, on every rung of the leakage ladder.

A split table is written to a file before anything is fitted (`leukorepro.data.split_tables`). It holds one row per
image, view, repeat and fold.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import (
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from leukorepro.config.study.schemes import HoldOutScheme, LabelSet, Protocol, Scheme
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import SPLITS_TABLE
from leukorepro.data.groups import groups
from leukorepro.data.split_needs import UNITS, ImpossibleSplit, parts_needed, too_few
from leukorepro.ladder.rungs import Rung

Rows = NDArray[np.int64]
Parts = Iterator[tuple[Rows, Rows]]
"""Test and validation part of every fold, as positions; the others train."""


def make_splits(
    manifest: pd.DataFrame,
    scheme: Scheme,
    protocol: Protocol,
    seed: int,
    external_split: str | None,
    label_set: LabelSet | None = None,
    seeds: int = 1,
) -> pd.DataFrame:
    """Split table of one scheme under one protocol.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract; unreadable rows take no part.
    scheme : KFoldScheme or HoldOutScheme
        Parts, repeats and views.
    protocol : Protocol
        Its unit decides what stays on one side: a row (`view`), a source image, or a group of images that share a
        subject or a source. Where it is the group, images without a subject take no part.
    seed : int
        Repeat r is shuffled with seed + r, alike for all protocols.
    external_split : str or None
        Value of `official_split` that marks the held-out part. Only a rung that tests it sees these rows, unless
        the scheme pools them.
    label_set : LabelSet, optional
        Classes that the parts are stratified by; default: the dataset's own.
    seeds : int, optional
        How often all of it is drawn. Every seed has repeats of its own, which follow those of the one before; a
        held-out part is the same for all of them.

    Returns
    -------
    DataFrame with columns image_id, view, role, repeat, fold, and, of several seeds, seed
        role is `train`, `validation`, `test` or `excluded`. Where the unit is not a view, or only training images are
        augmented, only identity views are tested; the other views of a tested image are excluded.

    Raises
    ------
    ImpossibleSplit
        If the images do not allow it, with the counts that say so.
    UserError
        If they allow none: without labels, or of no such official split.
    """
    usable = manifest[manifest["status"] == "ok"].reset_index(drop=True)
    if (unlabelled := int((usable["label"] == "").sum())) > 0:
        raise UserError(f"manifest: {unlabelled} of {len(usable)} images have no label; put each class into a folder.")
    # Groups are those of all images: two subjects may be tied by one that takes no part.
    group = groups(list(usable["subject_id"]), list(usable["source_id"]))
    usable = usable.assign(label=classes_of(usable["label"], label_set), group=group)
    usable = _taking_part(usable, scheme, external_split)
    held_out = (usable["official_split"] == external_split).to_numpy() & (external_split is not None)
    if protocol.tests_held_out_part:
        part = _external(usable, held_out, scheme.views)
        return _of_seeds([part.assign(repeat=repeat) for repeat in range(seeds)], seeds)
    pool = usable if scheme.include_external else usable[~held_out].reset_index(drop=True)
    if protocol.unit == "subject":
        pool = _of_known_subjects(pool, protocol.rung)
    split = _by_view if protocol.unit == "view" and scheme.augment == "all" else _by_image
    repeats = range(seeds * scheme.repeats)
    tables = [split(pool, scheme, protocol, seed + repeat).assign(repeat=repeat) for repeat in repeats]
    return _of_seeds(tables, seeds)


def _of_seeds(repeats: list[pd.DataFrame], seeds: int) -> pd.DataFrame:
    """Repeats in one table, which says whose each is where there are several seeds."""
    table = pd.concat(repeats, ignore_index=True)[list(SPLITS_TABLE.columns)]
    return table if seeds == 1 else table.assign(seed=table["repeat"] // (len(repeats) // seeds))


def _taking_part(usable: pd.DataFrame, scheme: Scheme, external_split: str | None) -> pd.DataFrame:
    """Images of the official splits that a scheme names, and those of the held-out part."""
    if scheme.official_splits is None:
        return usable
    here = sorted(set(usable["official_split"]) - {"", external_split})
    if lacking := [name for name in scheme.official_splits if name not in here]:
        raise UserError(
            f"manifest: no image of the official split '{lacking[0]}', which the study's split names; it has "
            f"{', '.join(here) or 'none'}."
        )
    return usable[usable["official_split"].isin([*scheme.official_splits, external_split])].reset_index(drop=True)


def _of_known_subjects(pool: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Images whose subject is known; which side of a split the others belong on, nobody can say."""
    known = pool["subject_id"] != ""
    if not known.any():
        raise ImpossibleSplit(f"none of {len(pool)} images has a subject; give them some")
    if unknown := int((~known).sum()):
        print(f"{rung}: {unknown} of {len(pool)} images have no subject, and neither train nor are tested")
    return pool[known].reset_index(drop=True)


def classes_of(labels: pd.Series[str], label_set: LabelSet | None) -> pd.Series[str]:
    """Classes of a dataset's labels.

    Parameters
    ----------
    labels : Series of str
        As the manifest has them.
    label_set : LabelSet or None
        Classes that they are put into; None: every label is a class.

    Raises
    ------
    UserError
        If a label belongs to no class of the label set.
    """
    if label_set is None:
        return labels
    classes = labels.map(label_set.of_label)
    if classes.isna().any():
        raise UserError(
            f"manifest: the label '{labels[classes.isna()].iloc[0]}' belongs to none of the classes "
            f"{', '.join(label_set.classes)}; name it in the study's `label_sets`, or leave these tables out."
        )
    return classes


def _by_view(pool: pd.DataFrame, scheme: Scheme, _: Protocol, seed: int) -> pd.DataFrame:
    """Rows are dealt out one by one, views of an image apart from one another."""
    rows = _rows(pool, scheme.views)
    labels = np.repeat(pool["label"].to_numpy(), len(scheme.views))
    tables = []
    for fold, (test, validation) in enumerate(_parts_of_rows(labels, scheme, seed, "rows")):
        role = np.full(len(rows), "train", dtype=object)
        role[test], role[validation] = "test", "validation"
        tables.append(rows.assign(role=role, fold=fold))
    return pd.concat(tables, ignore_index=True)


def _by_image(pool: pd.DataFrame, scheme: Scheme, protocol: Protocol, seed: int) -> pd.DataFrame:
    """Images are dealt out with all their views; only originals are tested."""
    labels = pool["label"].to_numpy()
    if protocol.unit == "view":
        parts = _parts_of_rows(labels, scheme, seed, "images")
    else:
        parts = _parts_of_groups(labels, _units(pool, protocol), scheme, protocol, seed)
    rows = _rows(pool, scheme.views)
    original = (rows["view"] == "identity").to_numpy()
    tables = []
    for fold, (test, validation) in enumerate(parts):
        role = np.full(len(pool), "train", dtype=object)
        role[test], role[validation] = "test", "validation"
        lacking = sorted(set(labels) - set(labels[role == "train"]))
        if lacking:
            raise ImpossibleSplit(
                f"the training part of fold {fold} has no image of {', '.join(lacking)}, because too few "
                f"{protocol.unit}s hold that class; use fewer folds"
            )
        of_row = np.repeat(role, len(scheme.views))
        tables.append(rows.assign(role=np.where(original | (of_row == "train"), of_row, "excluded"), fold=fold))
    return pd.concat(tables, ignore_index=True)


def _parts_of_rows(labels: NDArray[np.object_], scheme: Scheme, seed: int, what: str) -> Parts:
    counts = pd.Series(labels).value_counts()
    positions = np.arange(len(labels))
    _require(counts, scheme, what)
    if not isinstance(scheme, HoldOutScheme):
        for _, test in StratifiedKFold(scheme.n_splits, shuffle=True, random_state=seed).split(positions, labels):
            yield test, test[:0]
        return
    rest, test = _test_part(positions, labels, scheme, seed)
    share = scheme.validation_share / (1 - scheme.test_share)
    yield test, _hold_out(rest, labels[rest], share, seed)[1] if share else test[:0]


def _test_part(positions: Rows, labels: NDArray[np.object_], scheme: HoldOutScheme, seed: int) -> tuple[Rows, Rows]:
    """The positions in two parts, the second of them the test part."""
    if scheme.test_counts is not None and _can_be_drawn(scheme.test_counts, labels, scheme.test_share):
        draw = np.random.default_rng(seed)
        drawn = [
            draw.choice(positions[labels == label], count, replace=False)
            for label, count in sorted(scheme.test_counts.items())
        ]
        test = np.sort(np.concatenate(drawn))
        return np.setdiff1d(positions, test), test
    if not scheme.stratify:
        splitter = ShuffleSplit(1, test_size=_test_size(labels, scheme.test_share), random_state=seed)
        rest, test = next(splitter.split(positions))
        if set(labels[rest]) == set(labels[test]) == set(labels):
            return positions[rest], positions[test]
        raise ImpossibleSplit(
            f"stratify: false: {len(rest)} training or {len(test)} test rows, drawn from all alike, lack a class; "
            "add images, or leave `stratify` out"
        )
    return _hold_out(positions, labels, scheme.test_share, seed)


def _can_be_drawn(printed: dict[str, int], labels: NDArray[np.object_], share: float) -> bool:
    """Whether these are as many rows of such classes as the printed test part is of; says so where they are not."""
    size, there = _test_size(labels, share), pd.Series(labels).value_counts().to_dict()
    possible = sum(printed.values()) == size and there.keys() == printed.keys()
    if possible and all(count < there[label] for label, count in printed.items()):
        return True
    told = ", ".join(f"{count} of {label}" for label, count in sorted(printed.items()))
    print(f"test_counts: {told} are of other images; the test part of these, {size} rows, is stratified")
    return False


def _test_size(labels: NDArray[np.object_], share: float) -> int:
    """Rows of a test part, one of each class at least."""
    return max(int(np.ceil(share * len(labels))), len(set(labels)))


def _hold_out(positions: Rows, labels: NDArray[np.object_], share: float, seed: int) -> tuple[Rows, Rows]:
    """The positions in two parts, the second with the given share of each class, no class missing in either."""
    splitter = StratifiedShuffleSplit(1, test_size=_test_size(labels, share), random_state=seed)
    try:
        rest, part = next(splitter.split(positions, labels))
    except ValueError as error:
        raise ImpossibleSplit(f"{len(labels)} rows: {error}; add images") from None
    return positions[rest], positions[part]


def _parts_of_groups(
    labels: NDArray[np.object_], unit: NDArray[np.int64], scheme: Scheme, protocol: Protocol, seed: int
) -> Parts:
    what = UNITS[protocol.unit]
    counts = pd.DataFrame({"label": labels, "unit": unit}).groupby("label")["unit"].nunique()
    _require(counts, scheme, what)
    n_parts = parts_needed(scheme)
    if isinstance(scheme, HoldOutScheme):
        wanted = max(n_parts, round(1 / scheme.test_share))
        n_parts = max(n_parts, min(wanted, int(counts.min())))
        if n_parts < wanted:
            print(
                f"{protocol.rung}: the smallest class has {n_parts} {what}, so that the test part is 1/{n_parts} of "
                f"the images instead of 1/{wanted}"
            )
    splitter = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
    parts = [test for _, test in splitter.split(labels, labels, unit)]
    if not isinstance(scheme, HoldOutScheme):
        yield from ((test, test[:0]) for test in parts)
        return
    n_validation = max(1, round(scheme.validation_share * n_parts)) if scheme.validation_share else 0
    for turn in range(min(scheme.turns, n_parts)):
        following = [parts[(turn + 1 + i) % n_parts] for i in range(n_validation)]
        yield parts[turn], np.concatenate([parts[turn][:0], *following])


def _rows(pool: pd.DataFrame, views: list[str]) -> pd.DataFrame:
    """One row per image and view, views of one image together."""
    return pd.DataFrame(
        {
            "image_id": np.repeat(pool["image_id"].to_numpy(), len(views)),
            "view": np.tile(np.asarray(views, dtype=object), len(pool)),
        }
    )


def _external(usable: pd.DataFrame, held_out: NDArray[np.bool_], views: list[str]) -> pd.DataFrame:
    labels = usable["label"].to_numpy()
    lacking = sorted(set(labels[held_out]) - set(labels[~held_out]))
    if not held_out.any() or held_out.all() or lacking:
        raise ImpossibleSplit(
            f"{int(held_out.sum())} held-out and {int((~held_out).sum())} other images"
            + (f", none of the others of class {', '.join(lacking)}" if lacking else "")
            + "; add images: this rung needs both parts, with every held-out class among the others"
        )
    group = usable["group"].to_numpy()
    shared = ~held_out & np.isin(group, group[held_out])
    trained = set(labels[~held_out & ~shared])
    if untrained := sorted(set(labels) - trained):
        raise ImpossibleSplit(
            f"every image of class {', '.join(untrained)} beside the held-out part shares a subject or a source with "
            "it, so that none is left to train on; add images of other subjects"
        )
    rows = _rows(usable, views)
    identity = (rows["view"] == "identity").to_numpy()
    test, excluded = np.repeat(held_out, len(views)), np.repeat(shared, len(views))
    role = np.where(test, np.where(identity, "test", "excluded"), np.where(excluded, "excluded", "train"))
    return rows.assign(role=role, repeat=0, fold=0)


def _units(pool: pd.DataFrame, protocol: Protocol) -> NDArray[np.int64]:
    """What stays together: the source, or the group of a shared subject or source."""
    if protocol.unit == "source":
        return np.unique(pool["source_id"], return_inverse=True)[1].astype(np.int64)
    return pool["group"].to_numpy()


def _require(counts: pd.Series[int], scheme: Scheme, what: str) -> None:
    if len(counts) < 2:
        told = ", ".join(map(str, counts.index))
        raise ImpossibleSplit(f"manifest: only one class ({told}), and a classifier needs two; add images of another")
    if told := too_few({str(label): int(n) for label, n in counts.items()}, scheme, what):
        raise ImpossibleSplit(told)
