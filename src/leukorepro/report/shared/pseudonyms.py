"""Numbers drawn at random in the place of the names of a dataset's images, photographs, subjects and sites."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from random import SystemRandom
from typing import Any

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.data.folders import IMAGE_SUFFIXES

WITHHELD = "(left out of what is shared: it may name files or patients)"

LONG_ENOUGH = 4
"""Characters of a name that no text has by chance."""

IMAGES = ("image_id", "images", "examples", "nowhere", "several", "other_class", "source_id", "photograph")
SUBJECTS = ("subject_id", "subjects", "linked_subjects")
"""Keys and columns that name images and photographs, and subjects."""

SITES = "sites"
"""Key of what is counted by site."""

EXCLUDED = "excluded"
"""Key of what a dataset's configuration leaves out: a list, each with a ``value`` of a column, such as a patient."""

IGNORED = "ignored"
"""Key of what is counted by the endings of files: of a file without one by its name, and an ending is whatever follows
the last dot, so that either may name somebody."""

ENDINGS = IMAGE_SUFFIXES | frozenset(
    {
        *("hidden", "not a file"),  # as a scan counts files, whatever their ending
        *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".json", ".xml", ".yaml", ".yml", ".txt", ".md", ".log", ".xyc"),
        *(".doc", ".docx", ".odt", ".rtf", ".pdf", ".ppt", ".pptx", ".htm", ".html", ".ini", ".db", ".py", ".ipynb"),
        *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".h5", ".hdf5", ".mat", ".npy", ".npz"),
        *(".gif", ".svg", ".dcm", ".svs", ".ndpi", ".czi", ".mp4", ".avi", ".mov"),
    }
)
"""Endings that name a kind of file and nobody."""

OTHER_ENDINGS = "of other kinds"
"""What the others are counted under, in words that follow a number of files."""

IN_WORDS = ("notes", "reason", "suspicions")
"""Keys of what was written about single files."""


@dataclass(frozen=True)
class Pseudonyms:
    """What the images, photographs, subjects and sites of one dataset are called instead."""

    images: Mapping[str, str]
    """By the names of images and of photographs."""
    paths: Mapping[str, str]
    """By the paths of images, which end as before."""
    subjects: Mapping[str, str]
    sites: Mapping[str, str] = field(default_factory=dict)

    def frame(self, frame: pd.DataFrame, where: str) -> pd.DataFrame:
        """A table with the new names.

        Parameters
        ----------
        frame : DataFrame
            Its columns that name images, photographs or subjects are changed.
        where : str
            The table's file, with which the message begins.

        Raises
        ------
        UserError
            If it names an image or a subject that the manifest has not.
        """
        of_columns = {"path": self.paths} | dict.fromkeys(IMAGES, self.images) | dict.fromkeys(SUBJECTS, self.subjects)
        changed = {}
        for column in of_columns.keys() & set(frame.columns):
            names = frame[column].astype("str")
            new = names.map({"": "", **of_columns[column]})
            if (unknown := new.isna()).any():
                name = names[unknown].iloc[0]
                raise UserError(f"{where}: {column} has '{name}', which the manifest has not; run the workflow again.")
            changed[column] = new
        return frame.assign(**changed)

    def value(self, value: Any, key: str = "", *, in_words: Collection[str] = IN_WORDS) -> Any:
        """What a JSON file holds under a key, with the new names.

        Texts are left out that name an image or a subject, or whose key says that they were written about files; files
        that are no images are counted by well-known endings alone.

        Parameters
        ----------
        value : Any
            Of a JSON file, or of a part of it.
        key : str
            That it stands under; empty: none.
        in_words : collection of str
            Keys of texts that were written about files.
        """
        if isinstance(value, dict) and key == SITES:
            return {self.sites.get(name, WITHHELD): counts for name, counts in value.items()}
        if isinstance(value, dict) and key == IGNORED:
            return _by_known_ending(value)
        if isinstance(value, list) and key == EXCLUDED:
            return [one | {"value": excluded(number)} for number, one in enumerate(value, start=1)]
        if isinstance(value, dict):
            return {name: self.value(one, name, in_words=in_words) for name, one in value.items()}
        if isinstance(value, list):
            return [self.value(one, key, in_words=in_words) for one in value]
        if not isinstance(value, str) or not value:
            return value
        if key in IMAGES:
            return self.images.get(value, WITHHELD)
        if key in SUBJECTS:
            return self.subjects.get(value, WITHHELD)
        if key in in_words or self._names_somebody(value):
            return WITHHELD
        return value

    def _names_somebody(self, text: str) -> bool:
        known = (*self.images, *self.subjects)
        return any(len(name) >= LONG_ENOUGH and name in text for name in known)


def _by_known_ending(counts: Mapping[str, int]) -> dict[str, int]:
    """How many files have each ending that names nobody, and how many have another."""
    known = {ending: n for ending, n in counts.items() if ending in ENDINGS}
    others = sum(counts.values()) - sum(known.values())
    return known | ({OTHER_ENDINGS: others} if others else {})


def excluded(number: int) -> str:
    """What is said instead of a value that the configuration leaves out."""
    return f"value {number}"


def draw(manifest: pd.DataFrame, sites: Iterable[str] = ()) -> Pseudonyms:
    """Draw new names for a dataset, others each time.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    sites : iterable of str
        Where its images were made.

    Returns
    -------
    Pseudonyms
        A new name for every image, photograph, subject and site.
    """
    images = _numbered("image", manifest["image_id"])
    photographs = _numbered("photograph", set(manifest["source_id"]) - images.keys())
    paths = {
        path: f"{images[image]}{PurePosixPath(path).suffix.lower()}"
        for image, path in manifest[["image_id", "path"]].itertuples(index=False, name=None)
    }
    subjects, places = _numbered("subject", manifest["subject_id"]), _numbered("site", sites)
    return Pseudonyms(images | photographs, paths, subjects, places)


def _numbered(what: str, names: Iterable[str]) -> dict[str, str]:
    known = sorted(set(names) - {""})
    numbers = SystemRandom().sample(range(1, len(known) + 1), len(known))
    return {name: f"{what} {number}" for name, number in zip(known, numbers, strict=True)}
