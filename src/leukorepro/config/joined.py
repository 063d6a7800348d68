"""Two datasets as one, of which the second is held out: what a study runs on whose run names an `external` dataset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag, TypeAdapter

from leukorepro.config.datasets import Dataset
from leukorepro.config.fields import Strict
from leukorepro.core.validation import parse, read_yaml


class PlacedDataset(Strict):
    """A dataset, and where its images lie."""

    id: str
    """Folder below `results/datasets`: the dataset's key, and the budget where it is simulated."""
    dataset: Dataset
    images: Path

    @property
    def title(self) -> str:
        """What it is called."""
        return self.dataset.title or self.id


class JoinedDataset(Strict):
    """Two datasets, in the classes of the first that both have.

    Nobody configures one: a run puts it together, writes it to `results/datasets`, and jobs read it there. Image,
    subject and source ids of the second have its id and a colon in front, so that no two patients become one.
    """

    first: PlacedDataset
    second: PlacedDataset
    classes: dict[str, str | None]
    """Class of the first for labels of the second that are called otherwise there; None: of no class."""
    positive_class: str | None
    with_own_part: bool
    """Whether the held-out part of the first stays among its images, as schemes pool it; it is left out otherwise."""

    @property
    def parts(self) -> tuple[PlacedDataset, PlacedDataset]:
        """The first and the second."""
        return self.first, self.second

    @property
    def title(self) -> str:
        """What both are called."""
        return f"{self.first.title}, tested on {self.second.title}"

    @property
    def images(self) -> Path:
        """Folder that holds the images of both."""
        return Path(os.path.commonpath([_comparable(part.images, self.parts) for part in self.parts]) or ".")

    @property
    def max_unreadable(self) -> int:
        """How many unreadable files are tolerated in both."""
        return sum(part.dataset.max_unreadable for part in self.parts)

    @property
    def max_pixels(self) -> int:
        """Largest image of either, in pixels."""
        return max(part.dataset.max_pixels for part in self.parts)

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """Files that say something of the images of either."""
        return tuple(file for part in self.parts for file in part.dataset.files_beside)

    def below_images(self, part: PlacedDataset, path: str) -> str:
        """Path of an image of a part, from the folder that holds both, with forward slashes.

        Parameters
        ----------
        part : PlacedDataset
            The first or the second dataset.
        path : str
            Of the image, from that part's own folder.
        """
        return (Path(os.path.relpath(part.images, self.images)) / path).as_posix()

    def name_in_second(self, name: str) -> str:
        """Id of an image, subject or source of the second; empty where it has none."""
        return f"{self.second.id}:{name}" if name else ""


def _comparable(path: Path, parts: tuple[PlacedDataset, ...]) -> str:
    """A path as it is where both are told from the project's root, else from the root of all folders."""
    either = any(part.images.is_absolute() for part in parts)
    return os.path.abspath(path) if either else os.path.normpath(path)  # noqa: PTH100 - links stay as they are


def _kind(value: Any) -> str:
    joined = isinstance(value, JoinedDataset) or (isinstance(value, dict) and "first" in value)
    return "joined" if joined else "single"


StudiedDataset = Annotated[
    Annotated[Dataset, Tag("single")] | Annotated[JoinedDataset, Tag("joined")], Discriminator(_kind)
]
"""What a study runs on: a dataset as it is configured, or two of them."""

STUDIED: TypeAdapter[Any] = TypeAdapter(StudiedDataset)


def load_studied(path: Path) -> StudiedDataset:
    """Read and validate the configuration of a dataset, or what a run wrote of two."""
    dataset: StudiedDataset = parse(STUDIED, read_yaml(path), path)
    return dataset
