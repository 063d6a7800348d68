"""Descriptors: colours of an image's segments.

Hasanaath (2024, section 4) names as future work what is done here: convert an image to L*a*b* or HSV, segment it by
k-means, and take the segments and the mean colour of each as features.

Pixels are grouped by their colour first, in a fixed order. That makes k-means several times faster, and its outcome
independent of where in the image a colour lies: the same pixels, mirrored or turned, have exactly the same features.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2hsv, rgb2lab
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

SEGMENTS = 3
"""In a smear roughly nucleus, cytoplasm with red cells, and background; in C-NMC black, nucleus and cytoplasm."""
STARTS = 3
"""Runs of k-means, of which the best counts."""

Floats = NDArray[np.float64]


def lab_segments(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares, mean colours and deviations of three segments in CIE L*a*b* (D65, 2 degrees), each value over 100.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue (sRGB).

    Returns
    -------
    ndarray of float32, shape (27,)
        For each segment, from dark to light: its share of the pixels, the mean of L*/100, a*/100 and b*/100, and their
        deviations; then mean and deviation over all pixels. A black surround, as in C-NMC, is the first segment, and so
        tells how large the cell is. An image of fewer than three colours has empty segments at the end, all zeros.

    Notes
    -----
    Hasanaath (2024), section 4 (future work).
    """
    rgb, count = _palette(image)
    return _segments(rgb2lab(rgb) / 100, count, lightness=0)


def hsv_segments(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares, mean colours and deviations of three segments in HSV.

    Hue H is an angle, and means little where a colour is nearly grey or nearly black. A colour is therefore its point
    (C cos H, C sin H, V) in the cone of HSV, with the chroma C = S V: reds on both sides of 0 are neighbours, and so
    are all greys of one value.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        Red, green, blue.

    Returns
    -------
    ndarray of float32, shape (27,)
        As of `lab_segments`, ordered by the segments' mean value V. The first two of each mean colour are from -1 to
        1, the third from 0 to 1.

    Notes
    -----
    Hasanaath (2024), section 4 (future work).
    """
    rgb, count = _palette(image)
    hue, saturation, value = np.moveaxis(rgb2hsv(rgb), -1, 0)
    angle, chroma = 2 * np.pi * hue, saturation * value
    return _segments(np.stack([chroma * np.cos(angle), chroma * np.sin(angle), value], axis=1), count, lightness=2)


def _palette(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Floats]:
    """The different colours of an image in a fixed order, shape (n, 3), and the pixels of each, shape (n,)."""
    red, green, blue = np.moveaxis(image.astype(np.uint32), -1, 0)
    code, count = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    return np.stack([code >> 16, code >> 8 & 255, code & 255], axis=1).astype(np.uint8), count.astype(np.float64)


def _segments(colours: Floats, count: Floats, lightness: int) -> NDArray[np.float32]:
    """Features of the segments of colours (n, 3), ordered by the colours' column `lightness`, and of the whole."""
    segment = _cluster(colours, count)
    present = np.unique(segment)
    share = count / count.sum()
    features = [_statistics(colours, np.where(segment == k, share, 0)) for k in present]
    features.sort(key=lambda values: float(values[1 + lightness]))
    empty = [np.zeros(7)] * (SEGMENTS - len(present))
    return np.concatenate([*features, *empty, _statistics(colours, share)[1:]]).astype(np.float32)


def _cluster(colours: Floats, count: Floats) -> NDArray[np.int32]:
    """Segment of each colour, shape (n,)."""
    if len(colours) <= SEGMENTS:
        return np.arange(len(colours), dtype=np.int32)
    kmeans = KMeans(SEGMENTS, n_init=STARTS, random_state=0)
    # Several threads would add up in any order, and equal images would not have equal bytes.
    with _threads().limit(limits=1):
        return np.asarray(kmeans.fit(colours, sample_weight=count).labels_, dtype=np.int32)


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _statistics(colours: Floats, share: Floats) -> Floats:
    """Share of the pixels, mean colour (3) and deviation (3) of those that have a share."""
    total = share.sum()
    mean = share @ colours / total
    deviation = np.sqrt(share @ np.square(colours - mean) / total)
    return np.concatenate([[total], mean, deviation])
