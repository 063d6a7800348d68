"""Split tables as files; without the libraries that make splits, which take a second to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukorepro.config.study.schemes import Protocol
from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.store import csv_header
from leukorepro.core.tables.data import OWN_SPLITS_TABLE, SPLITS_TABLE
from leukorepro.data.groups import groups

ROLES = ("train", "validation", "test", "excluded")

ABSENT: dict[str, Any] = {"view": "identity", "repeat": 0, "fold": 0}
"""What a person's own split table means by a column that it lacks: original images, split once."""


def write_splits(splits: pd.DataFrame, path: Path) -> None:
    """Write a split table.

    Parameters
    ----------
    splits : DataFrame
        Rows of every fold, with the columns of `SPLITS_TABLE`.
    path : Path
        The file, which is replaced as a whole.
    """
    SPLITS_TABLE.write(splits, path)


def read_splits(path: Path) -> pd.DataFrame:
    """Read a split table of ours, and check it.

    Raises
    ------
    UserError
        As `leukorepro.core.tables.table.Table.read`; also if there is no row, or a role is unknown.
    """
    return _checked(SPLITS_TABLE.read(path), path)


def read_own_splits(path: Path) -> pd.DataFrame:
    """Read a split table of a person, or one of ours, and check it.

    A row for each image with `image_id` and `role` will do: without `view` the images are originals, without `repeat`
    and `fold` they are split once. Roles may be written in capitals. One with all columns is read as ours are.

    Parameters
    ----------
    path : Path
        The split table.

    Returns
    -------
    DataFrame
        As `read_splits` gives it.

    Raises
    ------
    UserError
        As `read_splits`; also if an image is there twice and nothing says which split either row is of.
    """
    is_whole = SPLITS_TABLE.columns.keys() <= set(csv_header(path))
    own = (SPLITS_TABLE if is_whole else OWN_SPLITS_TABLE).read(path)
    filled = {name: value for name, value in ABSENT.items() if name not in own}
    splits = own.assign(role=own["role"].str.strip().str.lower(), **filled)
    twice = splits[splits.duplicated(["image_id", "view", "repeat", "fold"])]
    if len(twice) and {"repeat", "fold"} & filled.keys():
        raise UserError(
            f"{path}: the image {twice['image_id'].iloc[0]} is there more than once; say in columns 'repeat' and "
            "'fold' which split each row is of, or write 0 into both where there is one split alone."
        )
    return _checked(splits[list(SPLITS_TABLE.kinds_of(splits))], path)


def _checked(splits: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows, of which there are some, with roles that there are."""
    if splits.empty:
        raise DamagedFile(path, "a split table without any row", "split the dataset again")
    unknown = splits[~splits["role"].isin(ROLES)]
    if len(unknown):
        image, role = unknown[["image_id", "role"]].iloc[0]
        told = f"the role '{role}', which is none" if role else "no role"
        raise UserError(
            f"{path}: the image {image} has {told}; allowed are {', '.join(ROLES)}.{did_you_mean(role, ROLES)}"
        )
    return splits


def of_first_seed(splits: pd.DataFrame) -> pd.DataFrame:
    """A split table of a run's first seed alone, as a run of one seed has it."""
    return splits[splits["seed"] == 0].drop(columns="seed") if "seed" in splits else splits


def read_splits_of(manifest: pd.DataFrame, path: Path, protocol: Protocol | None = None) -> pd.DataFrame:
    """Read a split table that must have been made from a manifest.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    path : Path
        The split table.
    protocol : Protocol, optional
        Where it is given, what it keeps on one side of a split must be there in every fold, by the manifest's subjects
        and sources.

    Returns
    -------
    DataFrame
        As `read_splits` gives it.

    Raises
    ------
    UserError
        As `read_splits`; also if an image is no readable one of the manifest, or the protocol is not kept to.
    """
    splits = read_splits(path)
    again = "run `snakemake` again, which splits anew, or give the manifest that it was made from"
    usable = manifest[manifest["status"] == "ok"]
    lost = splits["image_id"][~splits["image_id"].isin(usable["image_id"])]
    if len(lost):
        raise UserError(
            f"{path}: has the image {lost.iloc[0]}, which is not among the {len(usable)} readable images of the "
            f"manifest, so that it was made from another one; {again}."
        )
    if protocol is not None and (shared := _on_both_sides(splits, usable, protocol)) is not None:
        raise UserError(
            f"{path}: has the image {shared} on one side of a fold and another of its {protocol.unit} on another, by "
            f"the manifest, which {protocol.rung} does not allow, so that it was made from another one; {again}."
        )
    return splits


def _on_both_sides(splits: pd.DataFrame, usable: pd.DataFrame, protocol: Protocol) -> str | None:
    """An image that a fold shares a source or a subject's group with in another role; None where there is none."""
    if protocol.unit == "view":
        return None
    subject = usable["subject_id"] if protocol.unit == "subject" else np.full(len(usable), "")
    unit = pd.Series(groups(subject, usable["source_id"]), index=usable["image_id"].to_numpy())
    parts = splits[splits["role"] != "excluded"].drop(columns="view").drop_duplicates()
    parts = parts.assign(unit=unit[parts["image_id"]].to_numpy())
    sides = parts.groupby(["repeat", "fold", "unit"])["role"].transform("nunique")
    return None if (sides == 1).all() else str(parts.loc[sides > 1, "image_id"].iloc[0])


def part_sizes(splits: pd.DataFrame) -> pd.DataFrame:
    """Original images of every fold that are trained on and tested; views of an image are no further images.

    Returns
    -------
    DataFrame
        Columns ``train, test``, by repeat and fold.
    """
    originals = splits[splits["view"] == "identity"]
    counts = originals.groupby(["repeat", "fold"])["role"].value_counts().unstack(fill_value=0)
    return counts.reindex(columns=["train", "test"], fill_value=0)
