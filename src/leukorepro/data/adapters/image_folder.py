"""One folder per class: anybody's own images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from leukorepro.config.datasets import UnattributedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Listing, Row
from leukorepro.data.folders import is_image, shared_prefix
from leukorepro.data.subjects.attributed import subjects_of


class FolderDataset(UnattributedDataset):
    """One folder per class."""

    belongs_there = "one folder per class with its BMP, TIFF, JPEG, PNG or WebP images, or images alone"
    adapter: Literal["image_folder"]

    @model_validator(mode="after")
    def _subjects_below_classes(self) -> FolderDataset:
        if self.subject_level == 1:
            raise ValueError(
                "subject_level: given 1, which is the folder of an image's class; subjects' folders lie below it, at 2 "
                "or deeper"
            )
        return self

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the first folder below the dataset's as the class, and subjects from a table, the paths or the folders.

        Images in deeper folders belong to the class at the top. Images without any class folder have no label.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

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
        subjects, notes = subjects_of(self, str(folder), images)
        rows = [Row(f, label=f.split("/")[0] if "/" in f else "", subject_id=subjects.get(f, "")) for f in images]
        return Listing(rows, notes=notes)

    def list_names(self, paths: list[str]) -> list[Row]:
        """Class folders lie below what all paths share, as they do below a dataset's folder."""
        prefix = shared_prefix(paths)
        rows = super().list_names([path.removeprefix(prefix) for path in paths])
        return [dataclasses.replace(row, path=prefix + row.path) for row in rows]


ENTRY = FolderDataset
