"""Near-duplicates by features: nearest neighbours propose, registration decides.

Neighbours are those by a deep network's features and those by the images' own key points. The network sees what an
image shows where a perceptual hash compares places, but it sees the whole image: to a cell on black that was cropped,
hence stands larger in its frame, other large cells are nearest (of such copies of C-NMC's cells 0 to 4 % were among the
ten nearest). Key points know neither frame nor turn.

The nearest neighbour of a cell is mostly another cell that looks alike. What keeps false pairs out is therefore not the
distance: candidates are only laid over one another, and are copies where that succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from leukorepro.data.copies.registration import KeyPoints, registered
from leukorepro.data.copies.vectors import vectors
from leukorepro.data.fingerprints import NearPairs

NEIGHBOURS = 10
"""Nearest neighbours of each image that are laid over it, by each kind of features."""


def candidates(features: NDArray[np.float32], mirrored: NDArray[np.float32] | None = None) -> NDArray[np.intp]:
    """Pairs of which one image is among the nearest neighbours of the other, by the angle between centred features.

    Parameters
    ----------
    features : ndarray, shape (N, D)
        Of every image.
    mirrored : ndarray, shape (N, D), optional
        Of the mirrored images, whose nearest neighbours count, too.

    Returns
    -------
    NDArray, shape (n_pairs, 2)
        Positions, the smaller first, every pair once.
    """
    n = len(features)
    if n < 2:
        return np.empty((0, 2), dtype=np.intp)
    mean = features.mean(axis=0)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, n - 1)).fit(_directions(features - mean))
    neighbours = [search.kneighbors(return_distance=False)]
    if mirrored is not None:
        neighbours.append(search.kneighbors(_directions(mirrored - mean), return_distance=False))
    second = np.concatenate(neighbours, axis=1)
    first = np.repeat(np.arange(n), second.shape[1])
    pairs = np.sort(np.stack([first, second.ravel()], axis=1), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0).astype(np.intp)


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
    # Products are small: of several threads for one, each would wait for the others.
    with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        points = list(pool.map(read, range(len(features))))
        list(pool.map(lambda one: one.mirrored, points))  # once, and in all threads
        proposed = np.unique(np.concatenate([candidates(features), candidates(*vectors(points))]), axis=0)
        found = list(pool.map(lambda pair: registered(points[pair[0]], points[pair[1]]), proposed.tolist()))
    kept = np.array([correlation is not None for correlation in found], dtype=bool)
    values = np.array([correlation for correlation in found if correlation is not None], dtype=np.float32)
    return NearPairs(proposed[kept, 0], proposed[kept, 1], values, len(proposed))


def _directions(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
