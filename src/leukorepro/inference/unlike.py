"""Images unlike those that a system was fitted on: how far their input rows lie from the training rows.

The distance is that of probabilistic principal components (Tipping and Bishop, Journal of the Royal Statistical Society
B 61, 1999): along the directions in which training rows differ most, in units of their spread there; in all the others
together, in units of what is left over. It is told in units of its own limit, the distance that 99 % of the training
rows keep to a fit that has seen none of their groups; an image beyond 1 is flagged.

It was chosen among Mahalanobis' distance with Ledoit and Wolf's shrinkage and the distance to the nearest training rows
because it told best (MobileNetV2's features of blood cells, two of eight classes left out), and because nothing that it
keeps is the row of a single training image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 32
"""Directions that have a spread of their own. Of 16 to 128 it told best, though by little."""
LIMIT = 0.99
"""Share of training rows, in folds that did not see their groups, that are not flagged."""
FOLDS = 5
MOST_ROWS = 5_000
MOST_VALUES = 1 << 27
"""Training rows, and numbers in all of them, that it is fitted on; of more rows, so many are taken, spread over all."""
THUMBNAIL = 16
"""Side that images are averaged to which are a system's input themselves, in pixels."""
LEAST_SHARE = 1e-6
"""Of the largest spread: a smaller one is taken for this, so that what did not vary is not divided by zero."""


@dataclass(frozen=True, eq=False)
class Unlike:
    """What flags images that are unlike those that a system was fitted on.

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
        Of the training rows.
    scale : ndarray of float32, shape (D,)
        What values are divided by after it is subtracted; one number for all columns of a part.
    components : ndarray of float32, shape (K, D)
        Directions in which training rows differ most, each of length 1.
    variances : ndarray of float64, shape (K,)
        Along them.
    noise : float
        Variance along each of the other directions; 0 where there are none.
    held_out : ndarray of float64, shape (n,)
        Distances of training rows from fits that saw none of their groups, not yet in units of the limit.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float64]
    noise: float
    held_out: NDArray[np.float64]

    @property
    def limit(self) -> float:
        """Distance that 99 % of the training rows keep."""
        return float(np.quantile(self.held_out, LIMIT))

    def distances(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """How far rows lie from the training rows; more than 1 is unlike them.

        Parameters
        ----------
        rows : ndarray of float32 or uint8, shape (N, D)
            A system's input rows.

        Returns
        -------
        ndarray of float64, shape (N,)
        """
        return self._plain_distances(_numbers(rows)) / self.limit

    def auroc(self, rows: NDArray[Any]) -> float:
        """How well distances tell other images from training images that the fit has not seen, from 0 to 1.

        Parameters
        ----------
        rows : ndarray, shape (N, D)
            The other images' input rows.
        """
        from sklearn.metrics import roc_auc_score

        score = np.concatenate([self.held_out, self._plain_distances(_numbers(rows))])
        return float(roc_auc_score(np.arange(len(score)) >= len(self.held_out), score))

    def _plain_distances(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        centred = (values - self.mean) / self.scale
        along = (centred @ self.components.T).astype(np.float64)
        squares: NDArray[np.float64] = (along**2 / self.variances).sum(axis=1)
        if self.noise:
            rest = np.square(centred, dtype=np.float64).sum(axis=1) - (along**2).sum(axis=1)
            squares += np.maximum(rest, 0) / self.noise
        return squares**0.5

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, by names, for a file of tensors."""
        return {**vars(self), "noise": np.array([self.noise])}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Unlike:
        """The same again."""
        arrays = dict(tensors)
        return cls(noise=float(arrays.pop("noise")[0]), **arrays)


def fit_unlike(rows: NDArray[Any], group: NDArray[np.intp], columns: Sequence[int]) -> Unlike:
    """Learn what training rows are like.

    Parameters
    ----------
    rows : ndarray of float32 or uint8, shape (N, D)
        Input rows that a system is fitted on; images, where they are uint8.
    group : ndarray of int, shape (N,)
        Group of each row; two groups or more.
    columns : sequence of int
        Columns of each of the parts that the rows are put together from, so that the unit of none decides.

    Raises
    ------
    ValueError
        If all rows are of one group, or alike.
    """
    from sklearn.model_selection import GroupKFold

    if rows.dtype == np.uint8:
        columns = [3 * THUMBNAIL**2]
    kept = spread_rows(len(rows), min(MOST_ROWS, MOST_VALUES // sum(columns)))
    values, group = _numbers(rows[kept]), group[kept]
    if not np.ptp(values, axis=0).any():
        raise ValueError("all rows are alike; nothing can be told from them")
    held_out = np.empty(len(values))
    folds = GroupKFold(min(FOLDS, len(np.unique(group))))
    for train, test in folds.split(values, groups=group):
        held_out[test] = _fit(values[train], columns, held_out)._plain_distances(values[test])
    return _fit(values, columns, held_out)


def _fit(values: NDArray[np.float32], columns: Sequence[int], held_out: NDArray[np.float64]) -> Unlike:
    from sklearn.decomposition import PCA

    mean = values.mean(axis=0)
    variance = values.var(axis=0)
    spreads = [np.sqrt(part.mean()) or 1.0 for part in np.split(variance, np.cumsum(columns)[:-1])]
    scale = np.repeat(spreads, columns).astype(np.float32)
    n_rows, dim = values.shape
    found = PCA(max(1, min(COMPONENTS, (n_rows - 1) // 2, dim)), random_state=0).fit((values - mean) / scale)
    least = LEAST_SHARE * found.explained_variance_[0]
    return Unlike(
        mean=mean,
        scale=scale,
        components=found.components_.astype(np.float32),
        variances=np.maximum(found.explained_variance_, least).astype(np.float64),
        noise=float(max(found.noise_variance_, least)) if len(found.components_) < dim else 0.0,
        held_out=held_out,
    )


def spread_rows(n_rows: int, most: int) -> NDArray[np.intp]:
    """Numbers of some rows, spread evenly over all.

    Parameters
    ----------
    n_rows : int
        Rows that there are.
    most : int
        How many are taken at most; all, where there are no more.

    Returns
    -------
    ndarray of int, shape (min(n_rows, most),)
        Rising.
    """
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, most)).round().astype(np.intp))


def _numbers(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows as numbers; of images, thumbnails, for there are too many pixels in them."""
    if rows.dtype != np.uint8:
        return rows.astype(np.float32, copy=False)
    from PIL import Image

    side = round((rows[0].size // 3) ** 0.5)
    small = [
        Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        for image in rows.reshape(-1, side, side, 3)
    ]
    return np.stack([np.asarray(image, dtype=np.float32).ravel() for image in small])
