"""Descriptors: how much of an image its cell covers, and its mean colour, baselines that see nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2hsv, rgb2lab
from skimage.filters import threshold_otsu
from skimage.measure import label

BLACK = 16
"""Pixels whose brightest channel is below this are black: resizing blurs the edge of a cell on black, and with this
value the cells of C-NMC keep their area within two per cent."""
SURROUND = 0.75
"""Share of the outermost pixels that are black in an image with a black surround; a turned photograph, whose corners
are black, has less."""


def cell_area(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of an image that its cell covers.

    Where the cell was cut out and put on black (C-NMC), it is all that is not black. In a photograph it is the largest
    connected part, by its four neighbours, of what Otsu's threshold on the saturation (of HSV) takes for stained:
    the nucleus with whatever of the cytoplasm is as deeply stained, mostly without red cells.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue.

    Returns
    -------
    ndarray of float32, shape (1,)
        From 0 (nothing found: all pixels are equal) to 1.
    """
    return np.array([_cell(image).mean()], dtype=np.float32)


def size_and_colour(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of an image that its cell covers, and the mean colour of the cell in CIE L*a*b* (D65, 2 degrees) over 100.

    The colour is that of the cell's own pixels, so that it does not tell how much of the image is background.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue (sRGB).

    Returns
    -------
    ndarray of float32, shape (4,)
        The share as of `cell_area`, then the means of L*/100, a*/100 and b*/100; all zeros where no cell is found.
    """
    cell = _cell(image)
    if not cell.any():
        return np.zeros(4, dtype=np.float32)
    return np.concatenate([[cell.mean()], rgb2lab(image[cell]).mean(axis=0) / 100]).astype(np.float32)


def _cell(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    not_black = image.max(axis=2) >= BLACK
    return not_black if has_black_surround(not_black) else _largest_stained(image)


def has_black_surround(not_black: NDArray[np.bool_]) -> bool:
    """Whether a cell was cut out and put on black, by where an image is not black."""
    edge = np.concatenate([not_black[0], not_black[-1], not_black[:, 0], not_black[:, -1]])
    return bool(1 - edge.mean() >= SURROUND)


def _largest_stained(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    saturation = rgb2hsv(image)[..., 1]
    stained = saturation > threshold_otsu(saturation)  # type: ignore[no-untyped-call]
    part = label(stained, connectivity=1)  # type: ignore[no-untyped-call]
    sizes = np.bincount(part.ravel())
    sizes[0] = 0
    return np.asarray((part == sizes.argmax()) & (part > 0))
