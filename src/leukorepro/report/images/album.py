"""A dataset's images in small: each is decoded once, whatever the page shows of it."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from leukorepro.core.store import write_bytes
from leukorepro.data.images import read_scanned
from leukorepro.data.views import apply_view
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import sentence

SIDE = 132
"""Longer side of a small picture, in pixels."""

SQUARE = 32
"""Side of the square that an image's colours are measured in, in pixels."""

GAP = 6
"""Between pictures of a sheet, in pixels."""

LINE = 16
CHARACTER = 6
"""Height of a line of the note, and mean width of a character, in pixels."""

ORIGINAL = "identity"


class Album:
    """Small pictures of a dataset's images, by their names, kept once they were made.

    Parameters
    ----------
    folder : Path
        Of the images.
    manifest : DataFrame
        Manifest contract.
    max_pixels : int
        Largest image that is decoded.
    conditions : sequence of str
        What a copy of a picture must say, such as that its images are simulated.
    """

    def __init__(self, folder: Path, manifest: pd.DataFrame, max_pixels: int, conditions: Sequence[str]) -> None:
        self.conditions = conditions
        names = manifest[["path", "sha256"]].itertuples(index=False, name=None)
        self._files = dict(zip(manifest["image_id"], names, strict=True))
        self._folder = folder
        self._max_pixels = max_pixels
        self._small: dict[str, Image.Image] = {}
        self._square: dict[str, NDArray[np.uint8]] = {}

    def small(self, image_id: str) -> Image.Image:
        """A whole image, aspect kept, its longer side `SIDE`.

        Raises
        ------
        UserError
            If the image cannot be read any more, or its content has changed since it was scanned: another one would
            stand under a label that nobody gave it.
        """
        if image_id not in self._small:
            pixels = self._read(image_id)
            self._small[image_id], self._square[image_id] = _small(pixels), _square(pixels)
        return self._small[image_id]

    def square(self, image_id: str) -> NDArray[np.uint8]:
        """A whole image averaged to a square, shape (`SQUARE`, `SQUARE`, 3); `small` says more."""
        if image_id not in self._square:
            self._square[image_id] = _square(self._read(image_id))
        return self._square[image_id]

    def views(self, image_id: str, views: Sequence[str]) -> list[Image.Image]:
        """Small pictures of an image's views, which `leukorepro.data.views.apply_view` makes; `small` says more.

        Parameters
        ----------
        image_id : str
            Of the dataset's manifest.
        views : sequence of str
            Names of views, in the order in which they are to come.
        """
        if list(views) == [ORIGINAL]:
            return [self.small(image_id)]
        pixels = self._read(image_id)
        return [_small(apply_view(pixels, view, image_id)) for view in views]

    def _read(self, image_id: str) -> NDArray[np.uint8]:
        path, sha256 = self._files[image_id]
        return read_scanned(self._folder / path, sha256, self._max_pixels)


def _small(pixels: NDArray[np.uint8]) -> Image.Image:
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=1.5)


def _square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize((SQUARE, SQUARE), Image.Resampling.BOX))


def size_of(rows: int, columns: int, conditions: Sequence[str]) -> tuple[int, int]:
    """Width and height of a sheet, in pixels.

    Parameters
    ----------
    rows, columns : int
        Of the small images on the sheet.
    conditions : sequence of str
        What sets the images apart from the paper's; they take lines below the images.
    """
    width = columns * (SIDE + GAP) - GAP
    return width, rows * (SIDE + GAP) - GAP + len(_note(width, conditions)) * LINE


def _note(width: int, conditions: Sequence[str]) -> list[str]:
    """What a sheet must carry along, in lines that have room."""
    return textwrap.wrap(sentence(conditions), width // CHARACTER) if conditions else []


def write_sheet(rows: Sequence[Sequence[Image.Image]], conditions: Sequence[str], path: Path) -> None:
    """Write pictures as one JPEG, in rows of equal length, each in the middle of its place, with a note under them.

    Parameters
    ----------
    rows : sequence of sequence of Image
        Made by an `Album`.
    conditions : sequence of str
        What a copy of the picture must carry along.
    path : Path
        The JPEG file.
    """
    width, height = size_of(len(rows), len(rows[0]), conditions)
    note = _note(width, conditions)
    sheet = Image.new("RGB", (width, height), "white")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            left = column * (SIDE + GAP) + (SIDE - picture.width) // 2
            sheet.paste(picture, (left, row * (SIDE + GAP) + (SIDE - picture.height) // 2))
    for number, line in enumerate(note):
        place = (width, height - (len(note) - number) * LINE)
        ImageDraw.Draw(sheet).text(place, line, fill=style.NOTE, font=ImageFont.load_default(LINE - 4), anchor="ra")
    encoded = io.BytesIO()
    sheet.save(encoded, format="JPEG", quality=85)
    write_bytes(encoded.getvalue(), path)
