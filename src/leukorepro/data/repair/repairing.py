"""A user's split table with every group on one side: what is moved, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.errors import UserError, some
from leukorepro.core.tables.data import MOVES_TABLE
from leukorepro.data.copies.ties import tie
from leukorepro.data.groups import components
from leukorepro.data.image_names import as_in_manifest
from leukorepro.data.repair.assignment import Sides, assign

ROLES = ("train", "validation", "test")
"""Parts of a fold; what is excluded stays so, and no group is there."""

TOLERANCE = 0.1
"""Share by which the images of a class in a part of a fold may change."""


@dataclass(frozen=True)
class Repaired:
    """A split table that keeps groups together."""

    splits: pd.DataFrame
    """The same rows in the same order, with other roles where it needed them."""
    moves: pd.DataFrame
    """The columns of `MOVES_TABLE`; empty where the table was fine."""
    notes: list[str]
    """Where it is further from the table than was asked, and whose patient is not known, a sentence each."""


def repair(
    splits: pd.DataFrame,
    manifest: pd.DataFrame,
    copies: Sequence[Sequence[str]] = (),
    *,
    tolerance: float = TOLERANCE,
    name: str = "splits",
) -> Repaired:
    """Move as few rows as possible so that every group lies on one side of every fold.

    A group takes one of the sides that images have in the table: of folds whose test parts share no image, it is the
    roles in all of them (tested in the first, training in the others), so that test parts stay a partition, and turns
    of validation stay turns. Folds whose test parts overlap are mended one by one. Which side, `assignment` says.
    Views go with their image; a view that is never tested is excluded where its image comes to be tested. What is
    excluded stays excluded.

    Parameters
    ----------
    splits : DataFrame
        Split table; columns image_id, view, role, repeat, fold.
    manifest : DataFrame
        Manifest contract. Images that share a subject, a source or their bytes are of one group.
    copies : sequence of sequences of str
        Images of each group of duplicates, which are of one group, too.
    tolerance : float
        Share by which the images of a class in a part of a fold may change, or one image where that is more.
    name : str
        What a message begins with.

    Raises
    ------
    UserError
        If the table is empty, names an image that the manifest does not have, has a row twice, or its groups allow no
        split that trains on every class and tests each.
    """
    rows = as_in_manifest(splits, manifest["image_id"], name)
    key = ["repeat", "fold", "image_id", "view"]
    if (twice := rows.duplicated(key)).any():
        row = rows[twice].iloc[0]
        raise UserError(
            f"{name}: the row of {row['image_id']}, {row['view']}, in repeat {row['repeat']}, fold {row['fold']} is "
            "there twice; leave one of both."
        )
    tied = tie(manifest, copies)
    digests = tied["sha256"].where(tied["status"] == "ok", "")
    group = pd.Series(components(tied["subject_id"], tied["source_id"], digests), index=tied["image_id"].to_numpy())
    label = manifest.set_index("image_id")["label"]
    rows = rows.assign(group=group[rows["image_id"]].to_numpy(), label=label[rows["image_id"]].to_numpy())
    mended, notes = rows["role"].copy(), []
    for repeat, of_repeat in rows.groupby("repeat"):
        for folds in _together(of_repeat):
            part = of_repeat[of_repeat["fold"].isin(folds)]
            where = f"repeat {repeat}, fold {', '.join(map(str, folds))}"
            roles, more = _mend(part, tolerance, f"{name}: {where}")
            mended.loc[part.index] = roles
            notes += more
    moved = rows[mended != rows["role"]]
    moves = moved.assign(before=moved["role"], after=mended[moved.index], why=_reasons(rows, moved, tied))
    notes += _unknown_subjects(tied[tied["image_id"].isin(rows["image_id"])])
    return Repaired(
        splits.assign(role=mended.to_numpy()), moves[list(MOVES_TABLE.columns)].reset_index(drop=True), notes
    )


def _unknown_subjects(images: pd.DataFrame) -> list[str]:
    """That a patient may still be on both sides, where some images of a table are not known to be of anybody."""
    unknown = int((images["subject_id"] == "").sum())
    if not unknown:
        return []
    return [
        f"Subjects are not known for {unknown:,} of {len(images):,} images: these are kept together by photograph, not "
        "by patient, who may still be on both sides; name the patients with --subjects-csv, --subject-regex or "
        "--subject-level of `leukorepro data scan`, and repair the table again."
    ]


def _together(rows: pd.DataFrame) -> list[list[int]]:
    """Folds of a repeat that are mended together: all, where no image is tested in two of them; else each alone."""
    folds = sorted(int(fold) for fold in rows["fold"].unique())
    tested = rows.loc[rows["role"] == "test", ["image_id", "fold"]].drop_duplicates()
    complete = _sides(rows, folds)
    roles = {(fold, role) for fold, role in zip(rows["fold"], rows["role"], strict=True) if role != "excluded"}
    there = {(fold, role) for side in complete for fold, role in zip(folds, side, strict=True)}
    return [folds] if not tested["image_id"].duplicated().any() and roles <= there else [[fold] for fold in folds]


def _sides(rows: pd.DataFrame, folds: list[int]) -> list[tuple[str, ...]]:
    """Roles that a row has in all of some folds, excluded in none of them."""
    taking = rows[rows["role"] != "excluded"]
    table = taking.pivot(index=["image_id", "view"], columns="fold", values="role").reindex(columns=folds).dropna()
    return sorted({tuple(map(str, side)) for side in table.itertuples(index=False, name=None)})


def _mend(rows: pd.DataFrame, tolerance: float, where: str) -> tuple[pd.Series[str], list[str]]:
    """Roles of the rows of some folds of a repeat, and what must be said of them."""
    taking = rows[rows["role"] != "excluded"]
    if (taking.groupby(["fold", "group"])["role"].nunique() <= 1).all():
        return rows["role"], []
    folds = sorted(int(fold) for fold in rows["fold"].unique())
    sides = _sides(rows, folds)
    groups, numbers = np.unique(taking["group"], return_inverse=True)
    found = assign(_problem(taking.assign(number=numbers), folds, sides, len(groups)), tolerance)
    if found is None:
        raise UserError(
            f"{where}: with every group on one side, some class is never tested or never trained on, because too few "
            "groups hold it; use fewer folds, or add images of other subjects."
        )
    side_of = pd.DataFrame([sides[number] for number in found.side], index=groups, columns=folds).stack()
    wanted = pd.Series(
        side_of.reindex(pd.MultiIndex.from_frame(rows[["group", "fold"]])).to_numpy(dtype=object), index=rows.index
    )
    seen = set(zip(taking["view"], taking["role"], strict=True))
    allowed = np.array([place in seen for place in zip(rows["view"], wanted, strict=True)])
    roles = wanted.mask(~allowed | (rows["role"] == "excluded"), "excluded")
    notes = []
    if found.excess:
        notes.append(
            f"{where}: groups are too large to keep every class within {100 * tolerance:g} %; some part differs by "
            f"{100 * found.excess:.0f} % more, the least that they allow."
        )
    if not found.smallest:
        notes.append(f"{where}: the time was up; a smaller change may exist.")
    return roles, notes


def _problem(rows: pd.DataFrame, folds: list[int], sides: Sequence[tuple[str, ...]], n_groups: int) -> Sides:
    """What `assign` is asked: `number` is that of a row's group."""
    classes, label = np.unique(rows["label"], return_inverse=True)
    fold = np.searchsorted(folds, rows["fold"])
    role = np.array([ROLES.index(one) for one in rows["role"]])
    part_of_side = np.array([[ROLES.index(one) for one in side] for side in sides])
    # Rows of each group that change their role in a fold, if it takes each role there.
    of_role = np.zeros((n_groups, len(folds), len(ROLES)), dtype=np.int64)
    np.add.at(of_role, (rows["number"], fold, role), 1)
    all_rows = of_role.sum(axis=2)
    cost = np.stack(
        [sum(all_rows[:, f] - of_role[:, f, part] for f, part in enumerate(parts)) for parts in part_of_side],
        axis=1,
    )
    image = pd.DataFrame({"number": rows["number"], "count": fold * len(classes) + label, "image": rows["image_id"]})
    image = image.assign(part=role).drop_duplicates()
    once = image.drop_duplicates(["number", "count", "image"])
    counts = np.zeros((n_groups, len(folds) * len(classes)), dtype=np.int64)
    np.add.at(counts, (once["number"], once["count"]), 1)
    part = np.repeat(part_of_side, len(classes), axis=1)
    there = image.groupby(["count", "part"]).size()
    before = {
        (count, number): int(there.get((count, number), 0))
        for count in range(counts.shape[1])
        for number in np.unique(part[:, count])
    }
    return Sides(cost, counts, part, before, _kept(before, len(folds), len(classes)))


def _kept(before: dict[tuple[int, int], int], n_folds: int, n_classes: int) -> list[list[tuple[int, int]]]:
    """What must not become empty: training on a class, a fold's test part, and the test of a class in all folds."""
    train, test = ROLES.index("train"), ROLES.index("test")
    of_class = [[(fold * n_classes + label, test) for fold in range(n_folds)] for label in range(n_classes)]
    of_fold = [[(fold * n_classes + label, test) for label in range(n_classes)] for fold in range(n_folds)]
    trained = [[(count, train)] for count in range(n_folds * n_classes)]
    sums = ([place for place in places if place in before] for places in (*of_class, *of_fold, *trained))
    return [places for places in sums if sum(before[place] for place in places)]


def _reasons(rows: pd.DataFrame, moved: pd.DataFrame, tied: pd.DataFrame) -> NDArray[np.object_]:
    """Why each moved row was: its group was on several sides, or it makes room for one that was."""
    subject = tied.set_index("image_id")["subject_id"]
    taking = rows[rows["role"] != "excluded"]
    sides = taking.groupby(["repeat", "fold", "group"])["role"].agg(lambda roles: " and ".join(sorted(set(roles))))
    images = taking.groupby("group")["image_id"].unique()
    told = {}
    for number in moved["group"].unique():
        names = sorted(set(subject[images[number]]) - {""})
        of = f"subject {some(names)}" if names else f"{some(sorted(images[number]), 2)}"
        told[number] = f"group of {len(images[number])} images ({of})"
    straddles = sides.str.contains(" and ").groupby(["repeat", "group"]).any()
    reasons = []
    for row in moved.itertuples():
        side = sides.get((row.repeat, row.fold, row.group), "")
        if " and " in side:
            reasons.append(f"{told[row.group]} was in {side}")
        elif straddles.get((row.repeat, row.group), False):
            reasons.append(f"{told[row.group]} was on several sides in another fold")
        else:
            reasons.append(f"{told[row.group]} makes room, so that the classes stay balanced")
    return np.array(reasons, dtype=object)
