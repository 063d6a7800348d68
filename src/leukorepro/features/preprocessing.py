"""Resizing of images to what a network or a descriptor expects; networks scale the values themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leukorepro.data.views import apply_view, mirrored_from, view_of
from leukorepro.features.backbones.specification import Interpolation

FILTERS: dict[Interpolation, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def resize(image: NDArray[np.uint8], size: int, interpolation: Interpolation = "bilinear") -> NDArray[np.uint8]:
    """Resize a whole image to a square, without cropping.

    With antialiasing on 8-bit values, as ``torchvision.transforms.Resize((size, size), interpolation)`` gives on a
    Pillow image; the sides' ratio is not kept.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        Red, green, blue.
    size : int
        Side of the square, in pixels.
    interpolation : {'bilinear', 'bicubic'}
        Pillow's filter.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    return _resized(Image.fromarray(image), size, interpolation)


def resized_views(
    image: Image.Image, views: Sequence[str], image_id: str, size: int, interpolation: Interpolation
) -> NDArray[np.uint8]:
    """Views of an image, each resized to a square: what `resize` makes of `apply_view`, to the last bit.

    Views that are mirrored copies of each other are resized once and mirrored then, where that is the same.

    Parameters
    ----------
    image : Image
        Of Pillow's mode RGB.
    views : sequence of str
        Their names, in the order in which they are to come.
    image_id : str
        Used for what is drawn.
    size : int
        Side of the square, in pixels.
    interpolation : {'bilinear', 'bicubic'}
        Pillow's filter.

    Returns
    -------
    ndarray of uint8, shape (views, size, size, 3)
    """
    same = all(_mirrors(side, size, interpolation) for side in image.size)
    resized: dict[str, NDArray[np.uint8]] = {}
    rows = []
    for view in views:
        whole, mirroring = mirrored_from(view) if same else (view, "identity")
        if whole not in resized:
            resized[whole] = _resized(view_of(image, whole, image_id), size, interpolation)
        rows.append(apply_view(resized[whole], mirroring, image_id))
    return np.stack(rows)


def _resized(image: Image.Image, size: int, interpolation: Interpolation) -> NDArray[np.uint8]:
    return np.array(image.resize((size, size), FILTERS[interpolation]))


WEIGHT = 1 << 22
"""Pillow rounds the weights of pixels to so many parts of one."""
REACH = 2
"""Pixels to either side that the wider of the filters weighs, where it does not make an image smaller."""


@lru_cache(maxsize=4096)
def _mirrors(side: int, size: int, interpolation: Interpolation) -> bool:
    """Whether pixels of a side weigh the same from either end, so that mirroring and resizing may change places.

    They do but for rounding of the weights, which are read off here: of single bright pixels, so far from each other
    that no two reach the same resized one.
    """
    apart = 2 * math.ceil(REACH * max(1.0, side / size)) + 1
    bright = np.zeros((apart, side), dtype=np.int32)
    bright[np.arange(side) % apart, np.arange(side)] = WEIGHT
    both = (
        Image.fromarray(pixels).resize((size, apart), FILTERS[interpolation]) for pixels in (bright, bright[:, ::-1])
    )
    one, other = map(np.asarray, both)
    return np.array_equal(one, other[:, ::-1])
