"""Which images are asked about: files, folders and manifests, in the order in which they are given."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.folders import count_ignored, is_image, walk

if TYPE_CHECKING:
    from leukorepro.config.datasets import UnattributedDataset


@dataclass(frozen=True)
class Asked:
    """An image file that somebody asks about.

    Attributes
    ----------
    path : str
        As it was given; below a folder, with the folder in front.
    name : str
        Below its folder or its manifest's; tables and expressions of subjects know it by this.
    subject_id : str
        Empty where nobody is named.
    note : str
        What a reader of its line should know.
    """

    path: str
    name: str
    subject_id: str = ""
    note: str = ""


@dataclass
class Asking:
    """All images that are asked about, and what was left out."""

    images: list[Asked] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Files of folders that are no images, by ending or by what they are."""
    notes: list[str] = field(default_factory=list)
    """Sentences on subjects."""

    @property
    def has_subjects(self) -> bool:
        """Whether anybody is named."""
        return any(image.subject_id for image in self.images)


def find_images(
    given: Sequence[str], images: Path | None = None, subjects: UnattributedDataset | None = None
) -> Asking:
    """List the images that are meant; none is opened.

    Parameters
    ----------
    given : sequence of str
        Files, which are taken whatever they are called; folders, of which the image files are taken; and manifests.
    images : Path, optional
        Folder that the paths of manifests are relative to; default: each manifest's own.
    subjects : UnattributedDataset, optional
        Says whose the images are, if it says anything of subjects; else they are nobody's, but for what manifests say.

    Raises
    ------
    UserError
        If there is no image at all, or `images` but no manifest; if a folder cannot be read, a manifest is broken, or
        subjects cannot be told.
    """
    if not any(map(os.path.lexists, given)):
        raise UserError(f"{', '.join(given)}: no such file or folder; name images, folders or manifests.")
    if images is not None and not any(map(_is_table, given)):
        raise UserError(f"--images {images}: begins the paths in manifests, and none is given; leave it out.")
    found = Asking()
    for path in given:
        if Path(path).is_dir():
            found.images += _of_folder(path, found.left_out)
        elif _is_table(path):
            found.images += _of_manifest(Path(path), images)
        else:
            found.images.append(Asked(path, path))
    if not found.images:
        left_out = ", ".join(f"{n:,} {what}" for what, n in found.left_out.items())
        raise UserError(
            f"{', '.join(given)}: no image there{f' (left out: {left_out})' if left_out else ''}; name image files, "
            "folders that hold some, or a manifest."
        )
    found.images = _once(found.images)
    if subjects is not None and subjects.subjects_from:
        _attribute(found, subjects, ", ".join(given))
    return found


def _is_table(path: str) -> bool:
    return path.lower().endswith(".csv") and not Path(path).is_dir()


def _of_folder(folder: str, left_out: Counter[str]) -> list[Asked]:
    """Its image files; the folder itself, where it is called like one and holds none."""
    walked = walk(Path(folder))
    names = [name for name in walked.files if is_image(name)]
    left_out.update(count_ignored(walked.files, set(names)))
    left_out.update(walked.left_out)
    if not names and is_image(folder):
        return [Asked(folder, folder)]
    return [Asked(os.path.join(folder, name), name) for name in names]  # noqa: PTH118 - as it was given


def _of_manifest(table: Path, images: Path | None) -> list[Asked]:
    """Its images, those too that could not be read when it was made."""
    from leukorepro.data.manifest import read_manifest

    with table.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if lacking := [name for name in MANIFEST_TABLE.columns if name not in header]:
        raise UserError(
            f"{table}: no image, and no manifest (no column {', '.join(lacking)}); name images, or a table that "
            "`leukorepro data scan` wrote."
        )
    manifest = read_manifest(table)
    folder = table.parent if images is None else images
    rows = zip(manifest["path"], manifest["subject_id"], strict=True)
    return [Asked(str(folder / path), path, subject) for path, subject in rows]


def _once(images: Sequence[Asked]) -> list[Asked]:
    """Every file once, where it was named first."""
    times = Counter(os.path.abspath(image.path) for image in images)  # noqa: PTH100 - links are other files
    once: dict[str, Asked] = {}
    for image in images:
        place = os.path.abspath(image.path)  # noqa: PTH100
        note = f"given {times[place]} times" if times[place] > 1 else ""
        once.setdefault(place, Asked(image.path, image.name, image.subject_id, note))
    return list(once.values())


def _attribute(found: Asking, subjects: UnattributedDataset, where: str) -> None:
    """Say of every image whose it is."""
    from leukorepro.data.subjects.attributed import subjects_of

    subject_of, found.notes = subjects_of(subjects, where, [image.name for image in found.images])
    found.images = [Asked(image.path, image.name, subject_of[image.name], image.note) for image in found.images]
