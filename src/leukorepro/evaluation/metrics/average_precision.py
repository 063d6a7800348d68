"""Average precision, for many resamples of groups at once.

The mean of the precision over the true rows of one fold, each at its own score: the area below the precision-recall
curve by steps, without interpolation (Davis and Goadrich, ICML 2006, say what is wrong with a straight line). Rows of
equal score are taken together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leukorepro.evaluation.metrics.auroc import Bools, Floats, Ints


@dataclass(frozen=True)
class _Fold:
    """Rows of one fold by descending score."""

    positive: Bools
    group: Ints
    last: Ints
    """Position of the last row of every score."""


class AveragePrecision:
    """Average precision of one class, over the folds of one repeat.

    Parameters
    ----------
    positive : array of bool, shape (n_rows,)
        Which rows are of the class.
    score : array of float, shape (n_rows,)
        Higher for rows more like it.
    fold : array of int, shape (n_rows,)
        Scores are compared within a fold only; folds weigh as many pairs of a row of the class and another as they
        have, as for the AUROC.
    group : array of int, shape (n_rows,)
        Group of each row.
    """

    def __init__(self, positive: Bools, score: Floats, fold: Ints, group: Ints) -> None:
        parts = [np.flatnonzero(fold == number) for number in np.unique(fold)]
        self._folds = [_descending(positive[part], score[part], group[part]) for part in parts]

    def weighted(self, weights: Floats) -> Floats:
        """Average precision for many weightings of the groups, shape (n_resamples,); NaN without a pair.

        Parameters
        ----------
        weights : array of float, shape (n_groups, n_resamples)
            How often each group counts in each weighting.
        """
        precisions = np.zeros(weights.shape[1])
        pairs = np.zeros(weights.shape[1])
        with np.errstate(invalid="ignore"):
            for fold in self._folds:
                of_rows = weights[fold.group]
                seen = np.cumsum(of_rows, axis=0)[fold.last]
                found = np.cumsum(of_rows * fold.positive[:, None], axis=0)[fold.last]
                precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
                others = seen[-1] - found[-1]
                precisions += others * (np.diff(found, axis=0, prepend=0) * precision).sum(axis=0)
                pairs += others * found[-1]
            average: Floats = precisions / pairs
        return average


def _descending(positive: Bools, score: Floats, group: Ints) -> _Fold:
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return _Fold(positive[order], group[order], last)
