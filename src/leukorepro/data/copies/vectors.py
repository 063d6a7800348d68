"""One vector for all key points of an image, in which copies are near one another whatever their frame, turn and light.

Key points are described relative to their own place, scale and turn; a distribution of them (Fisher vector: Perronnin,
Sánchez and Mensink, ECCV 2010, 143-156) therefore says what an image shows and not where. A crop keeps most of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.feature import fisher_vector, learn_gmm
from sklearn.mixture import GaussianMixture

from leukorepro.data.copies.registration import KeyPoints

KINDS = 8
"""Kinds of key points (components of a Gaussian mixture) that are told apart; with four, fewer copies were nearest."""

MOST = 20_000
"""Most key points that the mixture is fitted to; drawn at random."""

Floats = NDArray[np.float32]


def vectors(points: Sequence[KeyPoints]) -> tuple[Floats, Floats]:
    """Fisher vectors of images, and those of the mirrored images; a turn changes neither, a mirror does.

    Parameters
    ----------
    points : sequence of KeyPoints
        Of all images that are compared with one another.

    Returns
    -------
    tuple of ndarray, shape (N, D) each
        Of length 1; zeros where an image has no key points, or where all have fewer than `KINDS` together.
    """
    described = [_described(one) for one in points]
    together = np.concatenate([np.empty((0, 128)), *described])
    if len(together) < KINDS:
        nothing = np.zeros((len(points), 1), dtype=np.float32)
        return nothing, nothing
    drawn = np.random.default_rng(0).permutation(len(together))[:MOST]
    settings = {"covariance_type": "diag", "random_state": 0, "reg_covar": 1e-4}
    mixture = learn_gmm(together[drawn], n_modes=KINDS, gm_args=settings)  # type: ignore[no-untyped-call]
    mirrored = [_described(one.mirrored) for one in points]
    return _vectors(described, mixture), _vectors(mirrored, mixture)


def _described(points: KeyPoints) -> NDArray[np.float64]:
    """Square roots of the shares of each description's entries, so that a few large ones do not decide alone."""
    values = points.descriptors.astype(float)
    return np.asarray(np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1)))


def _vectors(described: Sequence[NDArray[np.float64]], mixture: GaussianMixture) -> Floats:
    made = np.zeros((len(described), KINDS * (2 * 128 + 1)), dtype=np.float32)
    for row, one in zip(made, described, strict=True):
        if len(one):
            row[:] = fisher_vector(one, mixture, improved=True)  # type: ignore[no-untyped-call]
    return made
