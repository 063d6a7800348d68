"""Splits: which rows train and which are tested, on every rung of the leakage ladder.

A split table is written to a file before anything is fitted. It holds one row per image, view, repeat and fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from leukorepro.config import KFoldScheme, Protocol
from leukorepro.data.groups import groups
from leukorepro.errors import UserError
from leukorepro.store import read_csv, write_csv

COLUMNS = ("image_id", "view", "role", "repeat", "fold")


def make_splits(
    manifest: pd.DataFrame, scheme: KFoldScheme, protocol: Protocol, seed: int, external_split: str | None
) -> pd.DataFrame:
    """Split table of one scheme under one protocol.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract; unreadable rows take no part.
    scheme : KFoldScheme
        Folds, repeats and views.
    protocol : Protocol
        Its unit decides what stays on one side: a row (`view`), a source image, or a group of images that share a
        subject or a source.
    seed : int
        Repeat r is shuffled with seed + r, alike for all protocols.
    external_split : str or None
        Value of `official_split` that marks the held-out part. Only the rung `external` sees these rows.

    Returns
    -------
    DataFrame with columns image_id, view, role, repeat, fold
        role is `train`, `test` or `excluded`. Where the unit is not a view, only identity views are tested; the other
        views of a tested image are excluded.

    Raises
    ------
    UserError
        If the split is impossible, with the counts that make it so.
    """
    usable = manifest[manifest["status"] == "ok"].reset_index(drop=True)
    if (unlabelled := int((usable["label"] == "").sum())) > 0:
        raise UserError(f"manifest: {unlabelled} of {len(usable)} images have no label; put each class into a folder.")
    held_out = (usable["official_split"] == external_split).to_numpy() & (external_split is not None)
    if protocol.rung == "external":
        return _external(usable, held_out, scheme.views)
    pool = usable[~held_out].reset_index(drop=True)
    tables = []
    for repeat in range(scheme.repeats):
        if protocol.unit == "view":
            tables.append(_by_view(pool, scheme, seed + repeat, repeat))
        else:
            tables.append(_by_group(pool, scheme, protocol, seed + repeat, repeat))
    return pd.concat(tables, ignore_index=True)


def write_splits(splits: pd.DataFrame, path: Path) -> None:
    """Write a split table."""
    write_csv(splits[list(COLUMNS)], path)


def read_splits(path: Path) -> pd.DataFrame:
    """Read a split table, ours or a user's, and check it.

    Raises
    ------
    UserError
        If a column is missing or a role is unknown.
    """
    splits = read_csv(path, COLUMNS, text=("image_id", "view", "role"))
    unknown = sorted(set(splits["role"]) - {"train", "test", "excluded"})
    if unknown:
        raise UserError(f"{path}: unknown role(s) {', '.join(unknown)}; allowed are train, test and excluded.")
    return splits


def _rows(pool: pd.DataFrame, views: Sequence[str]) -> pd.DataFrame:
    """One row per image and view, views of one image together."""
    return pd.DataFrame(
        {
            "image_id": np.repeat(pool["image_id"].to_numpy(), len(views)),
            "view": np.tile(np.asarray(views, dtype=object), len(pool)),
        }
    )


def _by_view(pool: pd.DataFrame, scheme: KFoldScheme, seed: int, repeat: int) -> pd.DataFrame:
    rows = _rows(pool, scheme.views)
    labels = np.repeat(pool["label"].to_numpy(), len(scheme.views))
    _require(pd.Series(labels).value_counts(), scheme.n_splits, "rows")
    folds = StratifiedKFold(scheme.n_splits, shuffle=True, random_state=seed)
    tables = []
    for fold, (_, test) in enumerate(folds.split(rows, labels)):
        role = np.full(len(rows), "train", dtype=object)
        role[test] = "test"
        tables.append(rows.assign(role=role, repeat=repeat, fold=fold))
    return pd.concat(tables, ignore_index=True)


def _by_group(pool: pd.DataFrame, scheme: KFoldScheme, protocol: Protocol, seed: int, repeat: int) -> pd.DataFrame:
    unit = _units(pool, protocol)
    counts = pool.groupby("label")["image_id"].agg(lambda ids: len(set(unit[ids.index])))
    _require(
        counts, scheme.n_splits, "groups of images that share a subject" if protocol.unit == "subject" else "sources"
    )
    rows = _rows(pool, scheme.views)
    image = np.repeat(np.arange(len(pool)), len(scheme.views))
    labels = pool["label"].to_numpy()
    folds = StratifiedGroupKFold(scheme.n_splits, shuffle=True, random_state=seed)
    tables = []
    for fold, (train, test) in enumerate(folds.split(pool, labels, unit)):
        lacking = sorted(set(labels) - set(labels[train]))
        if lacking:
            raise UserError(
                f"{protocol.rung}: the training part of fold {fold} has no image of {', '.join(lacking)}, because too "
                f"few {protocol.unit}s hold that class; use fewer folds or leave this rung out (`rungs:` of the run)."
            )
        tested = np.isin(image, test)
        role = np.where(tested, np.where(rows["view"] == "identity", "test", "excluded"), "train")
        tables.append(rows.assign(role=role, repeat=repeat, fold=fold))
    return pd.concat(tables, ignore_index=True)


def _external(usable: pd.DataFrame, held_out: NDArray[np.bool_], views: Sequence[str]) -> pd.DataFrame:
    labels = usable["label"].to_numpy()
    lacking = sorted(set(labels[held_out]) - set(labels[~held_out]))
    if not held_out.any() or held_out.all() or lacking:
        raise UserError(
            f"external: {int(held_out.sum())} held-out and {int((~held_out).sum())} other images"
            + (f", none of the others of class {', '.join(lacking)}" if lacking else "")
            + "; this rung needs both parts, with every held-out class among the others."
        )
    group = groups(list(usable["subject_id"]), list(usable["source_id"]))
    shared = ~held_out & np.isin(group, group[held_out])
    rows = _rows(usable, views)
    identity = (rows["view"] == "identity").to_numpy()
    test, excluded = np.repeat(held_out, len(views)), np.repeat(shared, len(views))
    role = np.where(test, np.where(identity, "test", "excluded"), np.where(excluded, "excluded", "train"))
    return rows.assign(role=role, repeat=0, fold=0)


def _units(pool: pd.DataFrame, protocol: Protocol) -> NDArray[np.int64]:
    """What stays together: the source, or the group of a shared subject or source."""
    if protocol.unit == "source":
        return np.unique(pool["source_id"], return_inverse=True)[1].astype(np.int64)
    if (missing := int((pool["subject_id"] == "").sum())) > 0:
        raise UserError(
            f"{protocol.rung}: {missing} of {len(pool)} images have no subject; give every image one, or leave this "
            "rung out (`rungs:` of the run)."
        )
    return groups(list(pool["subject_id"]), list(pool["source_id"]))


def _require(counts: pd.Series[int], folds: int, what: str) -> None:
    few = {str(label): int(n) for label, n in counts.items() if n < folds}
    if len(counts) < 2:
        raise UserError(f"manifest: only one class ({', '.join(map(str, counts.index))}); a classifier needs two.")
    if few:
        told = ", ".join(f"{label} has {n}" for label, n in sorted(few.items()))
        raise UserError(
            f"cannot make {folds} folds: every class needs at least {folds} {what}, but {told}; use fewer folds, add "
            "images, or leave this rung out (`rungs:` of the run)."
        )
