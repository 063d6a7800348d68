"""Pictures of explanations: an image beside its maps, with what must be said of them in the file itself."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps, font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from leukorepro.core.store import write_bytes

COLOURS = "coolwarm"
"""Moreland's diverging map, perceptually uniform: red speaks for a class, blue against it, grey for nothing."""
STRENGTH = 0.6
"""Share of the map's colour in an overlay; the rest is the image in grey."""
PANEL = 192
"""Side of a panel, in pixels."""
GAP = 6
TEXT = 11
"""Size of the text, in pixels."""
DESCRIPTION = 0x010E
"""EXIF tag of an image's description."""

RGB = NDArray[np.uint8]


def overlay(image: RGB, attribution: NDArray[np.floating[Any]]) -> RGB:
    """A map laid over its image, which is shown in grey.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB.
    attribution : ndarray, shape (size, size)
        Signed; its largest absolute value gets the strongest colour.

    Returns
    -------
    ndarray of uint8, shape (PANEL, PANEL, 3)
    """
    shown = panel(image)
    largest = float(np.abs(attribution).max()) or 1.0
    wide = Image.fromarray((attribution / largest).astype(np.float32)).resize((PANEL, PANEL), Image.Resampling.BILINEAR)
    coloured = colormaps[COLOURS]((np.asarray(wide) + 1) / 2)[..., :3]
    grey = shown.mean(axis=2, keepdims=True) / 255
    blended: RGB = np.rint(255 * (STRENGTH * coloured + (1 - STRENGTH) * grey)).astype(np.uint8)
    return blended


def panel(image: RGB) -> RGB:
    """An image as a panel, resized to a square as the networks see it."""
    return np.asarray(Image.fromarray(image).resize((PANEL, PANEL), Image.Resampling.LANCZOS))


def write_picture(panels: Sequence[tuple[str, RGB]], lines: Sequence[str], path: Path, told: str = "") -> None:
    """Write panels side by side as JPEG, each with a title, and text below; the file's description has text as well.

    Parameters
    ----------
    panels : sequence of (str, ndarray)
        Titles, each of one line for every line break, and images of side `PANEL`.
    lines : sequence of str
        Paragraphs below the panels.
    path : Path
        The JPEG file.
    told : str
        The file's description, where it says more than these.
    """
    width = len(panels) * (PANEL + GAP) - GAP
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), TEXT)
    text = [line for paragraph in lines for line in textwrap.wrap(paragraph, int(width / (0.56 * TEXT)))]
    above = max(title.count("\n") + 1 for title, _ in panels) * (TEXT + 4) + 2
    height = above + PANEL + GAP + len(text) * (TEXT + 4)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (title, image) in enumerate(panels):
        left = place * (PANEL + GAP)
        for number, line in enumerate(title.split("\n")):
            draw.text((left, number * (TEXT + 4)), _fitting(line, font), font=font, fill="black")
        sheet.paste(Image.fromarray(image), (left, above))
    for number, line in enumerate(text):
        draw.text((0, above + PANEL + GAP + number * (TEXT + 4)), line, font=font, fill="black")
    exif = Image.Exif()
    exif[DESCRIPTION] = told or " ".join(lines)
    written = io.BytesIO()
    sheet.save(written, "JPEG", quality=88, exif=exif)
    write_bytes(written.getvalue(), path)


def _fitting(line: str, font: ImageFont.FreeTypeFont) -> str:
    """A line, cut to the width of a panel."""
    while line and font.getlength(line) > PANEL:
        line = line[:-2].rstrip() + "\N{HORIZONTAL ELLIPSIS}" if len(line) > 2 else ""
    return line
