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
"""Kinds of key points (components of a Gaussian mixture) that are told apart. Of copies of C-NMC 2019's cells, fewer
were nearest with four."""

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
    together = np.concatenate([np.empty((0, 128), dtype=np.uint8), *(one.descriptors for one in points)])
    if len(together) < KINDS:
        nothing = np.zeros((len(points), 1), dtype=np.float32)
        return nothing, nothing
    drawn = np.random.default_rng(0).permutation(len(together))[:MOST]
    settings = {"covariance_type": "diag", "random_state": 0, "reg_covar": 1e-4}
    mixture = learn_gmm(_described(together[drawn]), n_modes=KINDS, gm_args=settings)  # type: ignore[no-untyped-call]
    return _vectors(points, mixture), _vectors([one.mirrored for one in points], mixture)


def _described(descriptors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Square roots of the shares of each description's entries, so that a few large ones do not decide alone."""
    values = descriptors.astype(float)
    return np.asarray(np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1)))


def _vectors(points: Sequence[KeyPoints], mixture: GaussianMixture) -> Floats:
    made = np.zeros((len(points), KINDS * (2 * 128 + 1)), dtype=np.float32)
    for row, one in zip(made, points, strict=True):
        if len(one.descriptors):
            row[:] = fisher_vector(_described(one.descriptors), mixture, improved=True)  # type: ignore[no-untyped-call]
    return made
