"""Views: mirrored and rotated copies of an image, each named by a word.

A view keeps its source's ``image_id``; a row of everything downstream is a pair (image_id, view).
"""

from __future__ import annotations

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


def apply_view(image: RGB, view: str, image_id: str) -> RGB:
    """Return a view of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB pixels.
    view : str
        ``identity``, ``hflip`` (columns mirrored), ``vflip`` (rows mirrored), ``rot90``, ``rot180``, ``rot270``
        (anticlockwise) or ``rotate:<seed>``: an angle drawn evenly from the full circle, another one for every image,
        bilinear, corners filled with black, size kept.
    image_id : str
        Used, with the seed, to draw the angle.

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
    if exact is not None:
        return exact(image)
    kind, _, seed = view.partition(":")
    if kind != "rotate" or not seed.isdigit():
        raise ValueError(f"unknown view {view!r}; known: {', '.join(_EXACT)}, rotate:<seed>")
    angle = np.random.default_rng([int(seed), zlib.crc32(image_id.encode())]).uniform(0.0, 360.0)
    return np.asarray(Image.fromarray(image).rotate(angle, resample=Image.Resampling.BILINEAR))
