"""Descriptor: how much of an image its cell covers, a baseline that sees nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2hsv
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
    not_black = image.max(axis=2) >= BLACK
    cell = not_black if has_black_surround(not_black) else _largest_stained(image)
    return np.array([cell.mean()], dtype=np.float32)


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
