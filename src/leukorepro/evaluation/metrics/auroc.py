"""Area under the ROC curve, for many resamples of groups at once.

The area is the share of (positive, negative) pairs of one fold that the scores put in the right order, ties counting
half (Hanley and McNeil, Radiology 143, 1982). Weights of rows follow from their groups alone, so the weighted sum over
pairs is taken in one of two ways: over pairs of groups, where there are few; else over rows in the order of scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEW_GROUPS = 16
"""Groups are few if their square is at most so many times the number of rows."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Fold:
    """The (positive, negative) pairs of one fold, rows by ascending score."""

    positive: Ints
    """Groups of the positive rows."""
    negative: Ints
    """Groups of the negative rows."""
    below: Ints
    """For every positive row, how many negative rows score lower."""
    upto: Ints | None
    """For every positive row, how many negative rows score lower or equal; None where none is equal."""


class Area:
    """AUROC of one class, over the folds of one repeat.

    Parameters
    ----------
    positive : array of bool, shape (n_rows,)
        Which rows are of the class.
    score : array of float, shape (n_rows,)
        Higher for rows more like it.
    fold : array of int, shape (n_rows,)
        Scores are compared within a fold only; folds weigh as many pairs as they have.
    group : array of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1.
    n_groups : int
    """

    def __init__(self, positive: NDArray[np.bool_], score: Floats, fold: Ints, group: Ints, n_groups: int) -> None:
        parts = [np.flatnonzero(fold == number) for number in np.unique(fold)]
        self._folds = [_pairs(positive[part], score[part], group[part]) for part in parts]
        self._matrix = None
        if n_groups**2 <= FEW_GROUPS * len(score):
            self._matrix = sum(_matrix(pairs, n_groups) for pairs in self._folds)
            counts = [[np.bincount(side, minlength=n_groups) for side in (f.positive, f.negative)] for f in self._folds]
            self._counts = np.array(counts, dtype=np.float64).swapaxes(0, 1)  # (2, n_folds, n_groups)

    def weighted(self, weights: Floats) -> Floats:
        """AUROC for many weightings of the groups, shape (n_resamples,); NaN without a pair.

        Parameters
        ----------
        weights : array of float, shape (n_groups, n_resamples)
            How often each group counts in each weighting.
        """
        if self._matrix is None:
            ordered, pairs = np.sum([_ordered_pairs(fold, weights) for fold in self._folds], axis=0)
        else:
            ordered = np.einsum("gb,gb->b", weights, self._matrix @ weights)
            positive, negative = self._counts @ weights
            pairs = np.einsum("fb,fb->b", positive, negative)
        with np.errstate(invalid="ignore"):
            area: Floats = ordered / pairs
        return area


def _pairs(positive: NDArray[np.bool_], score: Floats, group: Ints) -> _Fold:
    order = np.argsort(score, kind="stable")
    true = positive[order]
    high, low = score[order][true], score[order][~true]
    below, upto = np.searchsorted(low, high, side="left"), np.searchsorted(low, high, side="right")
    return _Fold(group[order][true], group[order][~true], below, None if (below == upto).all() else upto)


def _matrix(fold: _Fold, n_groups: int) -> Floats:
    """Ordered pairs of a positive row of one group and a negative one of another, shape (n_groups, n_groups)."""
    lower = np.zeros((len(fold.negative) + 1, n_groups))
    lower[np.arange(1, len(lower)), fold.negative] = 1
    np.cumsum(lower, axis=0, out=lower)
    matrix = np.zeros((n_groups, n_groups))
    np.add.at(matrix, fold.positive, _between(lower, fold))
    return matrix


def _ordered_pairs(fold: _Fold, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted number of ordered pairs and of all pairs, each of shape (n_resamples,)."""
    lower = np.empty((len(fold.negative) + 1, weights.shape[1]))
    lower[0] = 0
    np.cumsum(weights[fold.negative], axis=0, out=lower[1:])
    positive = weights[fold.positive]
    return np.einsum("pb,pb->b", positive, _between(lower, fold)), positive.sum(axis=0) * lower[-1]


def _between(lower: Floats, fold: _Fold) -> Floats:
    """What lies below every positive row, ties counting half, from cumulative sums over the negative ones."""
    return lower[fold.below] if fold.upto is None else (lower[fold.below] + lower[fold.upto]) / 2
