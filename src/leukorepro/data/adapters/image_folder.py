"""One folder per class: anybody's own images."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path, PurePosixPath
from typing import Literal

from leukorepro.config.datasets import SubjectsFromCsv, SubjectsFromRegex, UnattributedDataset
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing, Row
from leukorepro.core.tables.data import SUBJECT_IDS_TABLE
from leukorepro.data.folders import is_image, some


class FolderDataset(UnattributedDataset):
    """One folder per class."""

    belongs_there = "one folder per class with its BMP, TIFF, JPEG or PNG images, or images alone"
    adapter: Literal["image_folder"]

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the first folder below the dataset's as the class, and subjects from a table or from the paths.

        Images in deeper folders belong to the class at the top. Images without any class folder have no label.

        Raises
        ------
        UserError
            If images lie beside the class folders, or if the subject of an image is missing or ambiguous.
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
            subjects, notes = _from_csv(self.subjects.csv, images)
        elif isinstance(self.subjects, SubjectsFromRegex):
            subjects = _from_regex(self.subjects.regex, folder, images)
        rows = [Row(f, label=f.split("/")[0] if "/" in f else "", subject_id=subjects.get(f, "")) for f in images]
        return Listing(rows, notes=notes)

    def list_names(self, paths: list[str]) -> list[Row]:
        """Class folders lie below what all paths share, as they do below a dataset's folder."""
        shared = os.path.commonpath([PurePosixPath(path).parent for path in paths])
        prefix = f"{shared}/" if shared else ""
        rows = super().list_names([path.removeprefix(prefix) for path in paths])
        return [dataclasses.replace(row, path=prefix + row.path) for row in rows]


ENTRY = FolderDataset


def _from_csv(table: Path, images: list[str]) -> tuple[dict[str, str], list[str]]:
    frame = SUBJECT_IDS_TABLE.read(table)
    by_name: dict[str, list[str]] = {}
    for image in images:
        by_name.setdefault(PurePosixPath(image).name, []).append(image)
    paths = set(images)
    subjects: dict[str, str] = {}
    row_of: dict[str, int] = {}
    unmatched = 0
    for row, (given, subject) in enumerate(
        zip(frame["image"].str.strip(), frame["subject"].str.strip(), strict=True), 2
    ):
        name = given.replace("\\", "/").removeprefix("./")
        matches = [name] if name in paths else by_name.get(name, [])
        if not matches:
            unmatched += 1
            continue
        if len(matches) > 1:
            raise UserError(
                f"{table}: row {row}: image '{given}' is the name of {len(matches)} images ({some(matches)}); "
                "give its path below the images' folder."
            )
        if not subject:
            raise UserError(f"{table}: row {row}: image '{given}' has no subject; write one.")
        image = matches[0]
        if subjects.get(image, subject) != subject:
            raise UserError(
                f"{table}: row {row}: image '{given}' has subject '{subject}', but '{subjects[image]}' in row "
                f"{row_of[image]}; keep one of them."
            )
        subjects[image], row_of[image] = subject, row
    missing = [image for image in images if image not in subjects]
    if missing:
        raise UserError(
            f"{table}: {len(missing):,} of {len(images):,} images have no row ({some(missing)}); add a row for each, "
            "with its path or file name in the column 'image'."
        )
    notes = [f"{table}: {unmatched:,} row(s) name an image that is not in the folder."] if unmatched else []
    return subjects, notes


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
