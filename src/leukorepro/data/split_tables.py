"""Split tables as files; without the libraries that make splits, which take a second to import."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import SPLITS_TABLE

ROLES = ("train", "validation", "test", "excluded")


def write_splits(splits: pd.DataFrame, path: Path) -> None:
    """Write a split table."""
    SPLITS_TABLE.write(splits, path)


def read_splits(path: Path) -> pd.DataFrame:
    """Read a split table, ours or a user's, and check it.

    Raises
    ------
    UserError
        As `leukorepro.core.tables.table.Table.read`; also if a role is unknown.
    """
    splits = SPLITS_TABLE.read(path)
    unknown = sorted(set(splits["role"]) - set(ROLES))
    if unknown:
        raise UserError(f"{path}: unknown role(s) {', '.join(unknown)}; allowed are {', '.join(ROLES)}.")
    return splits


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
