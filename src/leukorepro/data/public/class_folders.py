"""Published datasets whose images lie in folders called after their classes: a reader that needs facts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar

from leukorepro.config.datasets import UnattributedDataset
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.data.folders import is_image
from leukorepro.data.subjects.attributed import subjects_of


class ClassFolderDataset(UnattributedDataset):
    """One folder per class, below the folders of official parts or any others; an adapter fills in the facts."""

    title_of_all: ClassVar[str]
    """What the images are called that `counts` counts."""
    counts: ClassVar[Mapping[str, int | None]]
    """How many images of each class a complete copy holds, in the parts that `counted` names; None where that is not
    published."""
    images_of_all: ClassVar[int]
    """How many images it holds there."""
    splits: ClassVar[Mapping[str, int | None]] = {}
    """Folders of official parts, and how many images each holds; None where that is not published."""
    counted: ClassVar[tuple[str, ...]] = ()
    """Parts that `counts` counts; empty: all there is."""
    held_out: ClassVar[str] = ""
    """The part that no system is trained on."""
    left_out: ClassVar[tuple[str, ...]] = ()
    """Folders whose images are no images of the dataset: copies that were worked on."""

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the folder named as a class for the class, in either case and however deep it is nested.

        Subjects come from a table or from the paths, as in any folder of images.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If an image lies in no class's folder, or in those of several, or if the subject of an image is missing or
            ambiguous.
        """
        images = [file for file in files if is_image(file)]
        kept = [file for file in images if _named(file, self.left_out) is None]
        subjects, notes = subjects_of(self, str(folder), kept)
        rows = [
            Row(file, self._class(folder, file), subjects.get(file, ""), official_split=_named(file, self.splits) or "")
            for file in kept
        ]
        if len(kept) < len(images):
            notes = [
                f"Left out, since they lie in {' or '.join(self.left_out)}: {len(images) - len(kept):,} images.",
                *notes,
            ]
        there = any(row.official_split == self.held_out for row in rows)
        return Listing(rows, self._parts(rows), external_split=self.held_out if there else "", notes=notes)

    def _class(self, folder: Path, file: str) -> str:
        told = {name for part in PurePosixPath(file).parts[:-1] if (name := _match(part, self.counts))}
        if not told:
            raise UserError(
                f"{folder / file}: lies in no folder of a class ({', '.join(self.counts)}); move it into one, or away."
            )
        if len(told) > 1:
            raise UserError(
                f"{folder / file}: lies in folders of several classes ({', '.join(sorted(told))}); move it."
            )
        return told.pop()

    def _parts(self, rows: list[Row]) -> list[Part]:
        """What a complete copy holds beside what is here: all classes, then official parts."""
        # Where somebody has taken the folders of the parts away, all there is is counted.
        parted = any(row.official_split for row in rows)
        labels = Counter(r.label for r in rows if not (self.counted and parted) or r.official_split in self.counted)
        expected = {"images": self.images_of_all}
        found = {"images": labels.total()}
        for name, count in self.counts.items():
            if count is None:
                continue
            expected[f"images of class {name}"] = count
            found[f"images of class {name}"] = labels[name]
        parts = [Part(self.title_of_all, expected, found)]
        if parted:
            splits = Counter(row.official_split for row in rows)
            parts += [
                Part(f"{self.title_of_all}, part {name}", {"images": count}, {"images": splits[name]})
                for name, count in self.splits.items()
                if count is not None
            ]
        return parts


def _named(file: str, names: Mapping[str, int | None] | tuple[str, ...]) -> str | None:
    """Which of the names one of a file's folders has."""
    return next((name for part in PurePosixPath(file).parts[:-1] if (name := _match(part, names))), None)


def _match(folder: str, names: Mapping[str, int | None] | tuple[str, ...]) -> str | None:
    """The name that a folder is called by, whatever its case and what it has between words."""
    return {_plain(name): name for name in names}.get(_plain(folder))


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
