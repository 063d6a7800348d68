"""From an image to what a network expects: resized here, scaled inside the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leukorepro.features.backbones import Scaling


@dataclass(frozen=True)
class ChannelScaling:
    """Red, green and blue values from 0 to 1 become ``(value - mean) / deviation``."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


SCALINGS: dict[Scaling, ChannelScaling] = {
    "torch": ChannelScaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # ImageNet's training images
    "tf": ChannelScaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""What each name in the registry of backbones means."""


def resize(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize a whole image to a square, without cropping.

    Bilinear with antialiasing on 8-bit values, as ``torchvision.transforms.Resize((size, size))`` gives on a Pillow
    image; the sides' ratio is not kept.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        Red, green, blue.
    size : int
        Side of the square, in pixels.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    return np.array(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
