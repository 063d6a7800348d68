"""Near-duplicates by features: nearest neighbours of a deep network's features propose, registration decides.

A network sees what an image shows, whatever its frame and its turn, where a perceptual hash compares places. But the
nearest neighbour of a cell is mostly another cell that looks alike. What keeps false pairs out is therefore not the
distance: candidates are only laid over one another, and are copies where that succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from leukorepro.data.copies.registration import KeyPoints, registered
from leukorepro.data.fingerprints import NearPairs

NEIGHBOURS = 10
"""Nearest neighbours of each image that are laid over it."""


def candidates(features: NDArray[np.float32]) -> NDArray[np.intp]:
    """Pairs of which one image is among the nearest neighbours of the other, by the angle between centred features.

    Parameters
    ----------
    features : ndarray, shape (N, D)

    Returns
    -------
    NDArray, shape (n_pairs, 2)
        Positions, the smaller first, every pair once.
    """
    n = len(features)
    if n < 2:
        return np.empty((0, 2), dtype=np.intp)
    centred = features - features.mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, n - 1)).fit(centred / np.where(length > 0, length, 1))
    neighbours = search.kneighbors(return_distance=False)
    first = np.repeat(np.arange(n), neighbours.shape[1])
    pairs = np.sort(np.stack([first, neighbours.ravel()], axis=1), axis=1)
    return np.unique(pairs, axis=0).astype(np.intp)


def pairs_by_features(
    features: NDArray[np.float32], read: Callable[[int], KeyPoints], *, workers: int = 1
) -> NearPairs:
    """Pairs of images that show the same cell: cropped, turned by any angle, mirrored, scaled or compressed again.

    Parameters
    ----------
    features : ndarray, shape (N, D)
        Of the images, by a network.
    read : callable
        Key points of the image at a position.
    workers : int
        Threads.

    Returns
    -------
    NearPairs
        Every pair once, first before second, with the correlation of its overlap.
    """
    proposed = candidates(features)
    needed = np.unique(proposed)
    with ThreadPoolExecutor(workers) as pool:
        points = dict(zip(needed.tolist(), pool.map(read, needed.tolist()), strict=True))
        found = list(pool.map(lambda pair: registered(points[pair[0]], points[pair[1]]), proposed.tolist()))
    kept = np.array([correlation is not None for correlation in found], dtype=bool)
    values = np.array([correlation for correlation in found if correlation is not None], dtype=np.float32)
    return NearPairs(proposed[kept, 0], proposed[kept, 1], values, len(proposed))
