"""Resizing of images to what a network or a descriptor expects; networks scale the values themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    return np.array(Image.fromarray(image).resize((size, size), FILTERS[interpolation]))
