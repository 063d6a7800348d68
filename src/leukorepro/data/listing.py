"""What an adapter reads out of a dataset's folder, and the walk that finds the files."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from leukorepro.core.errors import UserError

IMAGE_SUFFIXES = frozenset({".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".png"})
"""A file with one of these endings is a row of the manifest, whatever it holds."""

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """An image file and what its dataset says about it; empty where it says nothing."""

    path: str
    """Below the dataset's folder, with forward slashes."""
    label: str = ""
    subject_id: str = ""
    source_id: str = ""
    """The photograph that the image comes from; empty: the image itself."""
    official_split: str = ""


@dataclass(frozen=True)
class Part:
    """A part of a published dataset: what a complete copy holds, and what is here."""

    name: str
    expected: dict[str, int]
    """Such as ``{"images": 260, "images of class all": 130, "images of class healthy": 130}``."""
    found: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether all that a complete copy holds is here, and nothing more."""
        return self.found == self.expected

    @property
    def sentence(self) -> str:
        """Complete or not, in words."""
        if self.complete:
            return f"complete {self.name}: {self.expected['images']:,} images"
        if not any(self.found.values()):
            return f"nothing of the {self.name}"
        counts = ", ".join(f"{self.found[k]:,} of {v:,} {k}" for k, v in self.expected.items() if self.found[k] != v)
        extra = any(self.found[k] > v for k, v in self.expected.items())
        return f"{'not the published' if extra else 'a part of the'} {self.name}: {counts}"


@dataclass(frozen=True)
class Listing:
    """The images of a dataset's folder and what its adapter knows about them."""

    rows: list[Row]
    parts: list[Part] = field(default_factory=list)
    """Of a published dataset; empty for one's own images."""
    external_split: str = ""
    """The official split that is the dataset's held-out part; empty: it has none."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out or looks odd."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Files that are no rows, counted by their ending."""

    @property
    def has_subjects(self) -> bool:
        """Whether the dataset says who the patients are."""
        return any(row.subject_id for row in self.rows)


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
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES


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
