"""Descriptors: the pixels themselves, as numbers and as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WHITE = np.float32(255)


def pixels(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Values of all pixels, row by row, red, green and blue of a pixel together.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue.

    Returns
    -------
    ndarray of float32, shape (3 * size * size,)
        From 0 to 1.

    Notes
    -----
    Rezayi (2021) resizes to 70 x 70 pixels (section 2.2) but does not say what the classical classifiers see; at that
    size these are 14,700 values.
    """
    return image.reshape(-1).astype(np.float32) / WHITE


def image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Values of all pixels in the same order, as they are.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue.

    Returns
    -------
    ndarray of uint8, shape (3 * size * size,)
    """
    return image.reshape(-1)
