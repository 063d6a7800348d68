"""Fingerprints of cells: which images show the same cell, mirrored, turned, scaled or compressed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

BLACK = 20
"""Highest grey value (0 to 255) that counts as black border; what JPEG leaves in black is below it."""

SIDE = 32
"""Pixels on a side of a cell's small picture, which is what the perceptual hash looks at too."""

MAX_DISTANCE = 8
"""Bits of 64 in which the perceptual hashes of a candidate pair may differ."""

MIN_CORRELATION = 0.985
"""Least correlation of two cells' small pictures for them to be near-duplicates.

Chosen between copies and different cells of C-NMC 2019, of photographs (Barcelona PBC) and of simulated smears, as
``benchmarks/near_duplicates.py`` measures them: but for a few, copies were above 0.99; different cells below 0.98.
"""

ORIENTATIONS = 8
"""Quarter turns of an image and of its mirror image."""

BATCH = 4096
"""Candidates whose pictures are correlated at a time."""


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of an image to find others of the same cell."""

    hashes: NDArray[np.uint64]
    """Perceptual hashes of all orientations, shape (8,), the image's own first."""
    picture: NDArray[np.uint8]
    """Grey cell, shape (32, 32)."""


@dataclass(frozen=True)
class NearPairs:
    """Pairs of images that show the same cell."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    correlation: NDArray[np.float32]
    n_candidates: int
    """Pairs and orientations whose hashes were close enough to be looked at."""


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Reduce an image to its cell's small picture and the perceptual hashes of its eight orientations.

    The cell is what lies within two standard deviations of the bright part, along both sides of the image: the ellipse
    with its moments. Compression and scaling move such a frame by a fraction of a pixel, where the outermost bright
    pixel may jump. An image without a black border is taken whole.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.

    Notes
    -----
    Hashes are pHash, the signs of the 8 x 8 lowest frequencies about their median (`imagehash.phash`).
    """
    image, box = _framed(Image.fromarray(pixels).convert("L"))
    picture = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box))
    hashes = [imagehash.phash(Image.fromarray(turned)).hash for turned in orientations(picture)]
    return Fingerprint(np.packbits(hashes).view(np.uint64), picture)


def orientations(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Quarter turns of an image, then those of its mirror image; the image itself first."""
    return [np.ascontiguousarray(np.rot90(side, turns)) for side in (picture, picture[:, ::-1]) for turns in range(4)]


def near_pairs(
    prints: Sequence[Fingerprint],
    *,
    max_distance: int = MAX_DISTANCE,
    min_correlation: float = MIN_CORRELATION,
) -> NearPairs:
    """Pairs of images that show the same cell in any orientation.

    Hashes propose: a pair is a candidate where one image's own hash is close to that of an orientation of the other.
    Single cells look alike, so the pictures decide: they are laid over one another and correlated.

    Parameters
    ----------
    prints : sequence of Fingerprint
        One of each image.
    max_distance : int
        Bits in which hashes of candidates may differ, 0 to 64.
    min_correlation : float
        Least Pearson correlation of the pictures, -1 to 1.

    Returns
    -------
    NearPairs
        Every pair once, first before second, with its best correlation; positions in `prints`.
    """
    hashes = np.array([one.hashes for one in prints], dtype=np.uint64).reshape(-1, ORIENTATIONS)
    pictures = np.array([one.picture for one in prints], dtype=np.uint8).reshape(-1, SIDE, SIDE)
    found: dict[tuple[int, int], float] = {}
    n_candidates = 0
    for candidates in _candidates(hashes, max_distance):
        n_candidates += len(candidates)
        correlations = _correlations(pictures, candidates)
        for k in np.flatnonzero(correlations >= min_correlation):
            pair = int(candidates[k, 0]), int(candidates[k, 2])
            found[pair] = max(found.get(pair, -1.0), float(correlations[k]))
    pairs = np.array(sorted(found), dtype=np.intp).reshape(-1, 2)
    values = np.array([found[int(i), int(j)] for i, j in pairs], dtype=np.float32)
    return NearPairs(pairs[:, 0], pairs[:, 1], values, n_candidates)


def _framed(grey: Image.Image) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """The image, wider where the frame needs it, and the frame of its cell: left, top, right, bottom."""
    values = np.asarray(grey)
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    bright = values > BLACK
    if np.median(rim) > BLACK or not bright.any():
        return grey, (0, 0, *grey.size)
    (top, bottom), (left, right) = _extent(bright.sum(axis=1)), _extent(bright.sum(axis=0))
    beyond = int(np.ceil(max(0, -top, -left, bottom - grey.height, right - grey.width)))
    wider = ImageOps.expand(grey, beyond)
    return wider, (left + beyond, top + beyond, right + beyond, bottom + beyond)


def _extent(bright: NDArray[np.int_]) -> tuple[float, float]:
    """Two standard deviations to either side of the mean position, in pixels; one pixel at the least."""
    weight = bright / bright.sum()
    at = np.arange(len(bright)) + 0.5
    mean = float(weight @ at)
    reach = max(0.5, 2 * float(np.sqrt(weight @ (at - mean) ** 2)))
    return mean - reach, mean + reach


def _candidates(hashes: NDArray[np.uint64], max_distance: int) -> Iterator[NDArray[np.intp]]:
    """Close hashes, many at a time: columns first image, its orientation, second image, which is further down."""
    own = np.ascontiguousarray(hashes[:, 0])
    differing, bits = np.empty(hashes.size, dtype=np.uint64), np.empty(hashes.size, dtype=np.uint8)
    waiting: list[NDArray[np.intp]] = []
    n_waiting = 0
    for first in range(len(hashes) - 1):
        others = own[first + 1 :]
        size = ORIENTATIONS * len(others)  # buffers of its own for each image would take three times as long
        difference = differing[:size].reshape(ORIENTATIONS, -1)
        np.bitwise_xor(hashes[first][:, np.newaxis], others, out=difference)
        np.bitwise_count(difference.ravel(), out=bits[:size])
        if len(close := np.flatnonzero(bits[:size] <= max_distance)):
            orientation, second = np.divmod(close, len(others))
            waiting.append(np.stack([np.full_like(close, first), orientation, first + 1 + second], axis=1))
            n_waiting += len(close)
        if n_waiting >= BATCH:
            yield np.concatenate(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _correlations(pictures: NDArray[np.uint8], candidates: NDArray[np.intp]) -> NDArray[np.float32]:
    """Correlation of each first picture, in its orientation, with the second."""
    result = np.zeros(len(candidates), dtype=np.float32)
    for orientation in range(ORIENTATIONS):
        at = np.flatnonzero(candidates[:, 1] == orientation)
        first, second = pictures[candidates[at, 0]], pictures[candidates[at, 2]]
        side = first[:, :, ::-1] if orientation >= ORIENTATIONS // 2 else first
        turned = np.rot90(side, orientation % 4, axes=(1, 2))
        result[at] = np.einsum("ij,ij->i", standardised(turned), standardised(second))
    return result


def standardised(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each picture less its mean, of length 1; all zeros where it is of one grey."""
    values = pictures.reshape(len(pictures), SIDE * SIDE).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(length > 0, length, 1)
    return values
