"""Contact sheets of a dataset's images and of their views."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from leukorepro.core.store import write_bytes
from leukorepro.data.images import read_scanned
from leukorepro.data.views import apply_view
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import sentence

SIDE = 132
GAP = 6
COUNT = 8
LINE = 16
"""Height of a line of the note, in pixels."""
CHARACTER = 7
"""Room for a letter of it."""


def pick(manifest: pd.DataFrame, label: str, count: int = COUNT) -> pd.DataFrame:
    """Readable images of one class, spread over its subjects, or over its source photographs where none are known.

    Of the first subject its first image is taken, of the second its second one, and so on, so that the kinds of images
    that every subject has are all seen.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    label : str
        The class.
    count : int
        How many, or fewer where the class has fewer.
    """
    rows = manifest[(manifest["status"] == "ok") & (manifest["label"] == label)]
    owner = rows["subject_id"].where(rows["subject_id"] != "", rows["source_id"])
    of_owner = rows.groupby(owner, sort=False)
    rounds = (of_owner.cumcount() - of_owner.ngroup()) % of_owner["path"].transform("size")
    rows = rows.iloc[np.argsort(rounds.to_numpy(), kind="stable")]
    first = rows[: max(count, int((rounds == 0).sum()))]
    return first.iloc[np.unique(np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int))]


def contact_sheet(folder: Path, images: pd.DataFrame, max_pixels: int, conditions: Sequence[str], output: Path) -> None:
    """Write a strip of thumbnails as JPEG: whole images, aspect kept, on white, side by side.

    Parameters
    ----------
    folder : Path
        Of the dataset's images.
    images : DataFrame
        Rows of its manifest.
    max_pixels : int
        Largest image that is decoded.
    conditions : sequence of str
        Written under the picture.
    output : Path

    Raises
    ------
    UserError
        If an image cannot be read any more, or its content has changed since it was scanned.
    """
    _write([[_thumbnail(pixels) for _, pixels in _read(folder, images, max_pixels)]], conditions, output)


def view_sheet(
    folder: Path,
    images: pd.DataFrame,
    views: Sequence[str],
    max_pixels: int,
    conditions: Sequence[str],
    output: Path,
) -> None:
    """Write thumbnails of the views of some images as JPEG, an image in each row and a view in each column.

    Parameters
    ----------
    folder : Path
        Of the dataset's images.
    images : DataFrame
        Rows of its manifest.
    views : sequence of str
        As `leukorepro.data.views.apply_view` takes them.
    max_pixels : int
        Largest image that is decoded.
    conditions : sequence of str
        Written under the picture.
    output : Path

    Raises
    ------
    UserError
        As `contact_sheet` does.
    """
    read = _read(folder, images, max_pixels)
    _write(
        [[_thumbnail(apply_view(pixels, view, name)) for view in views] for name, pixels in read], conditions, output
    )


def _read(folder: Path, images: pd.DataFrame, max_pixels: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pixels, as they were scanned: another image would stand under a label that nobody gave it."""
    for name, path, sha256 in images[["image_id", "path", "sha256"]].itertuples(index=False):
        yield name, read_scanned(folder / path, sha256, max_pixels)


def _thumbnail(pixels: NDArray[np.uint8]) -> Image.Image:
    return ImageOps.contain(Image.fromarray(pixels), (SIDE, SIDE), Image.Resampling.LANCZOS)


def _write(rows: Sequence[Sequence[Image.Image]], conditions: Sequence[str], output: Path) -> None:
    """Thumbnails in the middle of their places, and under them what a copy of the picture must carry along."""
    width, height = (n * (SIDE + GAP) - GAP for n in (len(rows[0]), len(rows)))
    note = textwrap.wrap(sentence(conditions), width // CHARACTER) if conditions else []
    sheet = Image.new("RGB", (width, height + len(note) * LINE), "white")
    for row, thumbnails in enumerate(rows):
        for column, image in enumerate(thumbnails):
            left = column * (SIDE + GAP) + (SIDE - image.width) // 2
            sheet.paste(image, (left, row * (SIDE + GAP) + (SIDE - image.height) // 2))
    for number, line in enumerate(note):
        place = (width, height + number * LINE)
        ImageDraw.Draw(sheet).text(place, line, fill=style.NOTE, font=ImageFont.load_default(LINE - 4), anchor="ra")
    encoded = io.BytesIO()
    sheet.save(encoded, format="JPEG", quality=85)
    write_bytes(encoded.getvalue(), output)
