"""Two pictures laid over one another: whether one is the other cropped, turned by any angle, mirrored or scaled.

Key points (SIFT: Lowe, International Journal of Computer Vision 60, 2004, 91-110) are matched, a turn, a scale and a
shift are fitted to the matches (RANSAC), and the pictures are correlated where they then overlap.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import SIFT, match_descriptors
from skimage.measure import ransac
from skimage.transform import SimilarityTransform, warp

from leukorepro.data.fingerprints import BLACK

SIDE = 160
"""Pixels on the longer side of the pictures that are compared."""

CONTRAST = 0.006
"""Least response of a key point; cells are smooth, and half of scikit-image's own value finds few in them."""

DISTINCT = 0.8
"""Greatest distance of matching key points, as a share of that to the second best match; Lowe's own value."""

MIN_MATCHES = 8
"""Least key points that agree on one turn, scale and shift. Chosen on 40 cells of C-NMC 2019 and 40 photographs of
Barcelona PBC. Between different cells in the first half of C-NMC that `benchmarks/near_duplicates.py` draws, at most
four agreed by chance, and five once between photographs. Eight keep a distance from that: with six, one more of 62
copies of JPEG quality 30 would be found."""

MIN_CORRELATION = 0.6
"""Least correlation of the overlap. Different cells, laid over one another as well as they can be, stayed below."""

MIN_OVERLAP = 0.25
"""Least share of the first picture that the other must cover."""

SCALES = 0.6, 1.7
"""Scales that are believed; a crop of 60 % of a side, brought to full size, is between them."""

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class KeyPoints:
    """A picture and what is recognisable in it; small, because those of a whole dataset are kept at once."""

    grey: NDArray[np.uint8]
    """Shape (height, width)."""
    places: NDArray[np.float64]
    """Columns and rows, shape (n, 2)."""
    descriptors: NDArray[np.uint8]
    """Shape (n, 128)."""

    @property
    def picture(self) -> Picture:
        """Stretched to full contrast, 0 where nothing is; shape (height, width)."""
        return _stretched(self.grey)

    @cached_property
    def mirrored(self) -> KeyPoints:
        """Those of the mirrored picture."""
        return _of_grey(self.grey[:, ::-1])


def key_points(pixels: NDArray[np.uint8]) -> KeyPoints:
    """Key points of an image: of its cell where it lies on black.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    """
    grey = Image.fromarray(pixels).convert("L")
    values = np.asarray(grey)
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    bright = values > BLACK
    if np.median(rim) <= BLACK and bright.any():
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        grey = grey.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    factor = SIDE / max(grey.size)
    size = max(16, round(grey.width * factor)), max(16, round(grey.height * factor))
    return _of_grey(np.asarray(grey.resize(size, Image.Resampling.LANCZOS)))


def registered(first: KeyPoints, second: KeyPoints) -> float | None:
    """Correlation of two pictures where they overlap, laid over one another, mirrored perhaps; None where they do not.

    Symmetric but for rounding: which of both is the copy does not matter.

    Parameters
    ----------
    first, second : KeyPoints
        Of the two pictures, see `key_points`.
    """
    for other in (second, second.mirrored):
        if (found := _registered(first, other)) is not None:
            return found
    return None


def _stretched(grey: NDArray[np.uint8]) -> Picture:
    values = grey.astype(np.float32)
    seen = values > BLACK
    low, high = np.percentile(values[seen], [1, 99]) if seen.any() else (0.0, 1.0)
    stretched = 0.1 + 0.9 * np.clip((values - low) / max(high - low, 1.0), 0, 1)
    return np.ascontiguousarray(np.where(seen, stretched, 0), dtype=np.float32)


def _of_grey(grey: NDArray[np.uint8]) -> KeyPoints:
    sift = SIFT(upsampling=1, c_dog=CONTRAST)  # type: ignore[no-untyped-call]
    try:
        sift.detect_and_extract(_stretched(grey))  # type: ignore[no-untyped-call]
    except RuntimeError:  # nothing was found
        return KeyPoints(grey, np.empty((0, 2)), np.empty((0, 128), dtype=np.uint8))
    places, descriptors = np.asarray(sift.keypoints, dtype=float), np.asarray(sift.descriptors)
    return KeyPoints(grey, places[:, ::-1], descriptors)


def _registered(first: KeyPoints, second: KeyPoints) -> float | None:
    if min(len(first.places), len(second.places)) < MIN_MATCHES:
        return None
    matches = match_descriptors(  # type: ignore[no-untyped-call]
        first.descriptors, second.descriptors, max_ratio=DISTINCT, cross_check=True
    )
    if len(matches) < MIN_MATCHES:
        return None
    pairs = first.places[matches[:, 0]], second.places[matches[:, 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that nothing fits
        transform, agree = ransac(  # type: ignore[no-untyped-call]
            pairs, SimilarityTransform, min_samples=2, residual_threshold=2, max_trials=200, rng=0
        )
    if agree is None or np.sum(agree) < MIN_MATCHES or not SCALES[0] < transform.scale < SCALES[1]:
        return None
    under = first.picture
    laid = warp(second.picture, transform, output_shape=under.shape, order=1, cval=0)  # type: ignore[no-untyped-call]
    both = (under > 0) & (laid > 0)
    if both.sum() < MIN_OVERLAP * (under > 0).sum():
        return None
    correlation = float(np.corrcoef(under[both], laid[both])[0, 1])
    return correlation if correlation >= MIN_CORRELATION else None
