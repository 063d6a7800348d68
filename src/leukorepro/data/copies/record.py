"""The record of duplicates as a file; without the libraries that look at images, which take a second to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json

SCHEMA_VERSION = 1


def read_duplicates(path: Path) -> dict[str, Any]:
    """Read what `leukorepro.data.duplicates.find_duplicates` found.

    Raises
    ------
    UserError
        If the file is missing or is not such a table.
    """
    found = read_json(path)
    if not (isinstance(found, dict) and found.get("schema_version") == SCHEMA_VERSION and "groups" in found):
        raise UserError(f"{path}: not made by `leukorepro data duplicates` of this version; make it again.")
    return found


def read_copies(path: Path) -> list[list[str]]:
    """Read the images of every group of duplicates, and nothing else of the record.

    Raises
    ------
    UserError
        As `read_duplicates`; also if a group does not name its images.
    """
    groups = read_duplicates(path)["groups"]
    if not (isinstance(groups, list) and all(isinstance(group, dict) and "images" in group for group in groups)):
        raise UserError(
            f"{path}: its `groups` do not name their `images`; make it again with `leukorepro data duplicates`."
        )
    return [list(map(str, group["images"])) for group in groups]
