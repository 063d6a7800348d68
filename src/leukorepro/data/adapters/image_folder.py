"""One folder per class: anybody's own images."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Literal

from leukorepro.config.datasets import SubjectsFromCsv, SubjectsFromRegex, UnattributedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Listing, Row
from leukorepro.data.folders import is_image, shared_prefix
from leukorepro.data.subjects.missing import take_out_missing
from leukorepro.data.subjects.tables import read_subjects


class FolderDataset(UnattributedDataset):
    """One folder per class."""

    belongs_there = "one folder per class with its BMP, TIFF, JPEG, PNG or WebP images, or images alone"
    adapter: Literal["image_folder"]

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the first folder below the dataset's as the class, and subjects from a table or from the paths.

        Images in deeper folders belong to the class at the top. Images without any class folder have no label.

        Raises
        ------
        UserError
            If images lie beside the class folders, or if the subject of an image is missing or ambiguous, or spelled
            as if none were known and not listed in `missing_subjects`.
        """
        images = [f for f in files if is_image(f)]
        loose = [f for f in images if "/" not in f]
        if loose and len(loose) < len(images):
            raise UserError(
                f"{folder}: {len(loose):,} image(s) lie beside the class folders ({some(loose)}); "
                "move each into the folder of its class, or away."
            )
        subjects: dict[str, str] = {}
        notes: list[str] = []
        if isinstance(self.subjects, SubjectsFromCsv):
            subjects, notes = read_subjects(self.subjects.csv, images)
        elif isinstance(self.subjects, SubjectsFromRegex):
            subjects = _from_regex(self.subjects.regex, folder, images)
        subjects, unknown = take_out_missing(subjects, self.missing_subjects, str(self.subjects_table or folder))
        rows = [Row(f, label=f.split("/")[0] if "/" in f else "", subject_id=subjects.get(f, "")) for f in images]
        return Listing(rows, notes=[*notes, *unknown])

    def list_names(self, paths: list[str]) -> list[Row]:
        """Class folders lie below what all paths share, as they do below a dataset's folder."""
        prefix = shared_prefix(paths)
        rows = super().list_names([path.removeprefix(prefix) for path in paths])
        return [dataclasses.replace(row, path=prefix + row.path) for row in rows]


ENTRY = FolderDataset


def _from_regex(regex: str, folder: Path, images: list[str]) -> dict[str, str]:
    pattern = re.compile(regex)
    group: str | int = "subject" if "subject" in pattern.groupindex else 1
    subjects = {}
    for image in images:
        match = pattern.search(image)
        if match and match[group]:
            subjects[image] = str(match[group])
    missing = [image for image in images if image not in subjects]
    if missing:
        raise UserError(
            f"{folder}: the expression '{regex}' for subjects finds none in {len(missing):,} of {len(images):,} images "
            f"({some(missing)}); it is searched in the path below the folder. Correct it."
        )
    return subjects
