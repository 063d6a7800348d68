"""Colours of a stained image changed to those of a reference, before anything is computed from it.

Three declared ways, each of one image by itself, so that no image depends on another:

- ``grey``: luminance in all three channels;
- ``reinhard``: mean and deviation of each channel of the colour space l-alpha-beta become those of a reference
  (Reinhard, Adhikhmin, Gooch and Shirley, IEEE Computer Graphics and Applications 21(5), 2001, 34-41). The reference is
  the one that HistomicsTK takes, of the slide TCGA-A2-A3XS-DX1 (Amgad et al., Bioinformatics 35, 2019, 3461-3467);
- ``macenko``: the two stains are found as the extreme directions of optical density, and their vectors and largest
  concentrations become those of a reference (Macenko et al., ISBI 2009, 1107-1110). The reference is the one that
  Veta's implementation of the paper and torchstain take.

Pixels that are black in all channels are no part of a cell that was cut out, and stay black.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.words import Normalisation

Image = NDArray[np.uint8]
"""Red, green, blue, shape (height, width, 3)."""

Floats = NDArray[np.float64]

_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
"""From red, green and blue to the responses of the eye's cones; equation 4 of Reinhard et al."""

_LAB = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
"""From their logarithms to l, alpha and beta; equation 6."""


class Statistics(NamedTuple):
    """Mean and deviation of l, alpha and beta, of natural logarithms."""

    mean: Floats
    deviation: Floats


REINHARD_TARGET = Statistics(
    np.array([8.74108109, -0.12440419, 0.0444982]), np.array([0.6135447, 0.10989545, 0.0286032])
)


class Stains(NamedTuple):
    """Two stains: unit vectors of optical density, haematoxylin first, shape (3, 2); their largest concentrations."""

    vectors: Floats
    largest: Floats


MACENKO_TARGET = Stains(np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]]), np.array([1.9705, 1.0308]))

WHITE = 240.0
"""Transmitted light."""
TRANSPARENT = 0.15
"""Pixels with less optical density in a channel hold no stain."""
EXTREME = 1.0
"""Per cent of pixels beyond the angle, and beyond the concentration, that counts as the extreme one."""
FEWEST = 16
"""Stained pixels that directions can be told from; an image with fewer has no stain, and stays as it is."""


def normalised(image: Image, how: Normalisation) -> Image:
    """An image with its colours normalised.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB; black around a cell that was cut out takes no part.
    how : {'grey', 'reinhard', 'macenko'}
        Grey has no colour; the others give it the colours of a reference.
    """
    return _WAYS[how](image)


def grey(image: Image) -> Image:
    """Luminance, as scikit-image weighs red, green and blue, in all channels."""
    from skimage.color import rgb2gray

    return np.repeat(_as_bytes(255 * rgb2gray(image))[..., np.newaxis], 3, axis=-1)


def statistics(image: Image) -> Statistics:
    """Mean and deviation of l, alpha and beta over the pixels that are not black."""
    values = _to_lab(image[_shown(image)])
    return Statistics(values.mean(axis=0), values.std(axis=0))


def reinhard(image: Image, target: Statistics = REINHARD_TARGET) -> Image:
    """The image with the mean and deviation of l, alpha and beta that a reference has.

    A channel that is the same everywhere is shifted only, and an image without anything shown is left as it is.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB; black around a cell that was cut out takes no part.
    target : Statistics
        Mean and deviation of the reference.
    """
    shown = _shown(image)
    if not shown.any():
        return image
    own = statistics(image)
    scale = np.divide(target.deviation, own.deviation, out=np.ones(3), where=own.deviation > 0)
    values = (_to_lab(image[shown]) - own.mean) * scale + target.mean
    cones = np.exp(values @ np.linalg.inv(_LAB).T)
    return _put(image, shown, cones @ np.linalg.inv(_LMS).T)


def stains(image: Image) -> Stains | None:
    """The two stains of an image; None where it holds too few stained pixels, or no two directions."""
    density = _density(image[_shown(image)])
    stained = density[(density >= TRANSPARENT).all(axis=1)]
    if len(stained) < FEWEST:
        return None
    strength, directions = np.linalg.eigh(np.cov(stained, rowvar=False))
    if strength[1] <= np.finfo(float).eps * strength[2]:
        return None
    plane = directions[:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)  # light is absorbed, not emitted
    on_plane = stained @ plane
    angles = np.arctan2(on_plane[:, 1], on_plane[:, 0])
    low, high = np.percentile(angles, [EXTREME, 100 - EXTREME])
    vectors = plane @ np.array([[np.cos(low), np.cos(high)], [np.sin(low), np.sin(high)]])
    if vectors[0, 0] < vectors[0, 1]:  # haematoxylin absorbs more of the red
        vectors = vectors[:, ::-1]
    return Stains(vectors, np.percentile(_concentrations(density, vectors), 100 - EXTREME, axis=0))


def macenko(image: Image, target: Stains = MACENKO_TARGET) -> Image:
    """The image with the stains of a reference; as it is where `stains` finds none.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB; black around a cell that was cut out takes no part.
    target : Stains
        Colours and largest amounts of the reference's two stains.
    """
    own = stains(image)
    if own is None or not (own.largest > 0).all():
        return image
    shown = _shown(image)
    amounts = _concentrations(_density(image[shown]), own.vectors) * (target.largest / own.largest)
    return _put(image, shown, WHITE * np.exp(-amounts @ target.vectors.T))


_WAYS: dict[Normalisation, Callable[[Image], Image]] = {"grey": grey, "reinhard": reinhard, "macenko": macenko}


def _shown(image: Image) -> NDArray[np.bool_]:
    return np.asarray(image.any(axis=-1))


def _to_lab(pixels: Image) -> Floats:
    """l, alpha and beta of pixels, shape (n, 3); 0 has no logarithm, and counts as 1 of 255."""
    return np.asarray(np.log(np.maximum(pixels, 1).astype(np.float64) @ _LMS.T) @ _LAB.T)


def _density(pixels: Image) -> Floats:
    """Optical density of pixels, shape (n, 3)."""
    return np.asarray(-np.log(np.maximum(pixels, 1).astype(np.float64) / WHITE))


def _concentrations(density: Floats, vectors: Floats) -> Floats:
    """Amounts of the two stains, shape (n, 2), that come nearest to the densities."""
    return np.asarray(density @ np.linalg.pinv(vectors).T)


def _put(image: Image, shown: NDArray[np.bool_], pixels: Floats) -> Image:
    changed = image.copy()
    changed[shown] = _as_bytes(pixels)
    return changed


def _as_bytes(values: Floats) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
