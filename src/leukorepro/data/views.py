"""Views: mirrored and rotated copies of an image, each named by a word.

A view keeps its source's ``image_id``; a row of everything downstream is a pair (image_id, view).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RGB = NDArray[np.uint8]

_EXACT: dict[str, Callable[[RGB], RGB]] = {
    "identity": lambda image: image,
    "hflip": lambda image: image[:, ::-1],
    "vflip": lambda image: image[::-1],
    "rot90": lambda image: np.rot90(image, 1),
    "rot180": lambda image: np.rot90(image, 2),
    "rot270": lambda image: np.rot90(image, 3),
}

_PILLOWS = {
    "identity": None,
    "hflip": Image.Transpose.FLIP_LEFT_RIGHT,
    "vflip": Image.Transpose.FLIP_TOP_BOTTOM,
    "rot90": Image.Transpose.ROTATE_90,
    "rot180": Image.Transpose.ROTATE_180,
    "rot270": Image.Transpose.ROTATE_270,
}

_MIRRORED = {
    "identity": ("identity", "identity"),
    "hflip": ("identity", "hflip"),
    "vflip": ("identity", "vflip"),
    "rot180": ("identity", "rot180"),
    "rot90": ("rot90", "identity"),
    "rot270": ("rot90", "rot180"),
}

_WORDS = {
    "identity": "the original",
    "hflip": "mirrored left to right",
    "vflip": "mirrored top to bottom",
    "rot90": "turned by a quarter",
    "rot180": "turned by a half",
    "rot270": "turned by three quarters",
    "rotate": "turned at random",
    "compose": "mirrored and turned at random",
}

_DRAWN = re.compile(r"(rotate|compose)(\d*):(\d+)")
"""What is drawn for every image anew: how, within how many degrees, by which seed."""


def apply_view(image: RGB, view: str, image_id: str) -> RGB:
    """Return a view of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB pixels.
    view : str
        ``identity``, ``hflip`` (columns mirrored), ``vflip`` (rows mirrored), ``rot90``, ``rot180``, ``rot270``
        (anticlockwise), or a view that is drawn for every image anew: ``rotate:<seed>``, turned by an angle drawn
        evenly from the full circle, or ``compose:<seed>``, mirrored first, each way with a chance of one half. A number
        of degrees, as in ``rotate15:<seed>`` and ``compose15:<seed>``, bounds the angle to either side. Turned images
        are bilinear, keep their size, and have black corners.
    image_id : str
        Used, with the seed, for what is drawn.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3), or (width, height, 3) after a quarter turn
        May share memory with `image`.

    Raises
    ------
    ValueError
        If the view is not one of these.
    """
    exact = _EXACT.get(view)
    return exact(image) if exact is not None else np.asarray(view_of(Image.fromarray(image), view, image_id))


def view_of(image: Image.Image, view: str, image_id: str) -> Image.Image:
    """Same as `apply_view`, of an image of Pillow.

    Parameters
    ----------
    image : Image
        Of Pillow's mode RGB.
    view : str
        Its name.
    image_id : str
        Used for what is drawn.

    Raises
    ------
    ValueError
        If the view is not one that `apply_view` knows.
    """
    if view in _PILLOWS:
        way = _PILLOWS[view]
        return image if way is None else image.transpose(way)
    drawn = _DRAWN.fullmatch(view)
    if drawn is None:
        raise ValueError(f"unknown view {view!r}; known: {', '.join(_EXACT)}, rotate:<seed>, compose:<seed>")
    kind, degrees, seed = drawn.groups()
    draws = np.random.default_rng([int(seed), zlib.crc32(image_id.encode())])
    if kind == "compose":
        for flip in ("hflip", "vflip"):
            if draws.random() < 0.5:
                image = view_of(image, flip, image_id)
    angle = draws.uniform(-int(degrees), int(degrees)) if degrees else draws.uniform(0.0, 360.0)
    return image.rotate(angle, resample=Image.Resampling.BILINEAR)


def mirrored_from(view: str) -> tuple[str, str]:
    """A view as a mirrored copy of another: that one, and how it is mirrored, which is a view of it.

    Sides stay in their places: ``rot270`` is ``rot90`` turned by a half. What is drawn is no copy of another.
    """
    return _MIRRORED.get(view, (view, "identity"))


def view_in_words(view: str) -> str:
    """What a view is: ``rotate15:2`` is *turned at random within 15 degrees*."""
    drawn = _DRAWN.fullmatch(view)
    if drawn is None:
        return _WORDS[view]
    kind, degrees, _ = drawn.groups()
    return _WORDS[kind] + (f" within {degrees} degrees" if degrees else "")
