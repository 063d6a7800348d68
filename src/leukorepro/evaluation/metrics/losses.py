"""Losses of predictions whose scores are probabilities, as those of networks are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leukorepro.evaluation.metrics.auroc import Floats

SMALLEST = 1e-7
"""Probabilities below are taken for this one, as Keras does: a loss is 16.1 at most."""

WEIGHED = "loss"
"""The loss that a network is trained by: of training rows, with the weights of classes where it has them."""

SUM_TOLERANCE = 1e-3
"""How far from 1 the probabilities of three or more classes may add up to."""


def row_losses(y_true: ArrayLike, scores: Mapping[str, ArrayLike]) -> Floats:
    """Cross-entropy of every row: minus the natural logarithm of the probability of its true class.

    Parameters
    ----------
    y_true : array of str, shape (n_rows,)
        True classes.
    scores : mapping of str to array of float, shape (n_rows,)
        By class: those of the positive class alone, where there are two classes, or those of all.

    Returns
    -------
    array of float, shape (n_rows,)
        In [0, 16.2); NaN in all rows if the scores of any are not probabilities.
    """
    columns = np.stack([np.asarray(column, dtype=np.float64) for column in scores.values()], axis=1)
    left = 1 - columns.sum(axis=1)  # of the class that is not named, where there are two
    if not ((columns >= 0) & (columns <= 1)).all() or (len(scores) > 1 and (np.abs(left) > SUM_TOLERANCE).any()):
        return np.full(len(columns), np.nan)
    true = pd.Series(y_true)
    own = np.select([(true == name).to_numpy() for name in scores], list(columns.T), default=left)
    losses: Floats = -np.log(np.maximum(own, SMALLEST))
    return losses


def class_weights(rows: pd.DataFrame) -> Floats:
    """Weight of every row where classes are weighed by the inverse of their frequency, as Keras is told mostly.

    Parameters
    ----------
    rows : DataFrame
        Columns ``repeat, fold, y_true``: the training rows of one or several fits.

    Returns
    -------
    array of float, shape (n_rows,)
        Rows of the fit, over its classes times its rows of that class; the mean within a fit is 1, so that the mean of
        weight times loss, which is what Keras reports, is the mean over classes of the mean loss of each.
    """
    fit = ["repeat", "fold"]
    of_fit = rows.groupby(fit, observed=True)["y_true"]
    of_class = rows.groupby([*fit, "y_true"], observed=True)["y_true"].transform("size")
    weights: Floats = (of_fit.transform("size") / (of_fit.transform("nunique") * of_class)).to_numpy(np.float64)
    return weights
