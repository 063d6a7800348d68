"""A dataset's folder: the walk that finds its files, and what its adapter says of them."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from leukorepro.config.datasets import Dataset
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing

IMAGE_SUFFIXES = frozenset({".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".png"})
"""A file with one of these endings is a row of the manifest, whatever it holds."""

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def list_images(dataset: Dataset, folder: Path) -> Listing:
    """List a dataset's image files with all that its adapter knows, without opening any.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        Folder of the images.

    Returns
    -------
    Listing
        Rows sorted by path; the files that are no rows are counted in `ignored`.

    Raises
    ------
    UserError
        If the folder is missing or holds no image, or if the adapter finds a fault.
    """
    folder = Path(folder)
    expected = f"expected there: {dataset.belongs_there}. Put them there, or let `images` name their folder."
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; {expected}")
    files, hidden = walk(folder)
    listing = dataset.list_rows(folder, files)
    if not listing.rows:
        raise UserError(f"{folder}: holds no image of the dataset; {expected}")
    rows = sorted(listing.rows, key=lambda row: row.path)
    return dataclasses.replace(listing, rows=rows, ignored=count_ignored(files, {row.path for row in rows}, hidden))


def walk(folder: Path) -> tuple[list[str], int]:
    """List the files below a folder, links followed.

    Parameters
    ----------
    folder : Path
        The dataset's folder.

    Returns
    -------
    files : list of str
        Paths below `folder` with forward slashes, sorted, so that the order of the disk does not matter.
    hidden : int
        Number of hidden files and of files in ``__MACOSX``, which are not listed.

    Raises
    ------
    UserError
        If a folder links back to one above it, or a name cannot be written into a table.
    """
    files: list[str] = []
    hidden = 0
    for here, folders, names in os.walk(folder, followlinks=True):
        below = Path(here).relative_to(folder)
        shown = PurePosixPath(*below.parts)
        if any(part.startswith(".") or part == "__MACOSX" for part in below.parts):
            hidden += len(names)
            continue
        prefix = "" if not below.parts else f"{shown}/"
        for name in folders:
            link = Path(here, name)
            if link.is_symlink() and Path(here).resolve().is_relative_to(link.resolve()):
                raise UserError(f"{link}: links back to a folder above it; remove the link.")
        for name in names:
            if name.startswith("."):
                hidden += 1
            elif _CONTROL.search(prefix + name):
                raise UserError(
                    f"{folder}: the name {prefix + name!r} has control or undecodable characters; rename it."
                )
            else:
                files.append(prefix + name)
    return sorted(files), hidden


def is_image(path: str) -> bool:
    """Whether a file's name ends as an image's does."""
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - ten thousand files, at each start


def count_ignored(files: Iterable[str], taken: Collection[str], hidden: int = 0) -> dict[str, int]:
    """Count the files that are not taken for images, by ending; those that are hidden as ``hidden``."""
    counts = Counter(PurePosixPath(f).suffix.lower() or PurePosixPath(f).name for f in files if f not in taken)
    if hidden:
        counts["hidden"] = hidden
    return dict(sorted(counts.items()))


def some(values: Iterable[str], most: int = 5) -> str:
    """Name a few of many, for a sentence: ``a, b and 3 more``."""
    given = list(values)
    return ", ".join(given[:most]) + (f" and {len(given) - most:,} more" if len(given) > most else "")
