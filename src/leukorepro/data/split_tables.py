"""Split tables as files; without the libraries that make splits, which take a second to import."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_csv, write_csv

COLUMNS = ("image_id", "view", "role", "repeat", "fold")
ROLES = ("train", "validation", "test", "excluded")


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
    unknown = sorted(set(splits["role"]) - set(ROLES))
    if unknown:
        raise UserError(f"{path}: unknown role(s) {', '.join(unknown)}; allowed are {', '.join(ROLES)}.")
    return splits
