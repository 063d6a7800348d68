"""ROC curves and confusion matrices, from predictions alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.config.study.tables import Table
from leukorepro.evaluation.contract import OUTCOME, score_columns
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.predictions import Outcome, outcomes, score_of_class


def roc_curves(predictions: pd.DataFrame, positive_class: Callable[[Outcome], str | None]) -> pd.DataFrame:
    """ROC curve of every item under every protocol.

    Parameters
    ----------
    predictions : DataFrame
        As `leukorepro.evaluation.predictions.read_predictions` gives them.
    positive_class : callable
        With two classes, the one that an outcome's ``score`` speaks for; not used with more.

    Returns
    -------
    DataFrame
        Columns ``table, item, protocol, class, fpr, tpr``: the corners of each curve from (0, 0) to (1, 1), to be
        joined by straight lines. With more than two classes there is one curve for each, against all others. A class
        without a fold that holds both it and another has no curve.

    Notes
    -----
    A curve is the vertical mean of the curves of the folds, each weighted by its number of (positive, negative) pairs
    (Fawcett, Pattern Recognition Letters 27, 2006, section 8.1, with those weights). The area under it is therefore
    the AUROC of `leukorepro.evaluation.metrics.metrics`, exactly so with one repeat.
    """
    curves = [pd.DataFrame(columns=[*OUTCOME, "class"]).assign(fpr=0.0, tpr=0.0)]
    for outcome, rows in outcomes(predictions):
        folds = [fold for _, fold in rows.groupby(["repeat", "fold"])]
        for name, column in score_of_class(rows, positive_class(outcome)).items():
            labelled = [((fold["y_true"] == name).to_numpy(), fold[column].to_numpy()) for fold in folds]
            corners = _mean_curve([(true, score) for true, score in labelled if 0 < true.sum() < len(true)])
            curves.append(pd.DataFrame(corners, columns=["fpr", "tpr"]).assign(**outcome._asdict(), **{"class": name}))
    return pd.concat(curves, ignore_index=True)[[*OUTCOME, "class", "fpr", "tpr"]]


def last_epochs(predictions: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Predictions without those after a network's earlier epochs, which some tables average over.

    A curve is of one network, and so is the matrix that a paper prints: of the one that the training ends in.

    Parameters
    ----------
    predictions : DataFrame
        As `leukorepro.evaluation.predictions.read_predictions` gives them. In tables with ``epochs: all`` a network's
        epochs are repeats, ``repeat * n_epochs + epoch``.
    study : Study
    """
    kept = np.ones(len(predictions), dtype=bool)
    for number, table in study.tables.items():
        for item in table.items if table.epochs == "all" else []:
            own = np.flatnonzero((predictions["table"] == number) & (predictions["item"] == item.item))
            rows = predictions.iloc[own]
            n_epochs = epochs_in(rows, study, table, item)
            kept[own] = rows["repeat"].to_numpy() % n_epochs == n_epochs - 1
    return predictions[kept]


def epochs_in(rows: pd.DataFrame, study: Study, table: Table, item: Item) -> int:
    """Number of a network's epochs that count as repeats in an item's predictions; 1 where none does.

    Parameters
    ----------
    rows : DataFrame
        Its predictions on one rung, of all seeds.
    study : Study
    table : Table
    item : Item
    """
    if table.epochs != "all" or not study.is_network(item):
        return 1
    n_seeds = rows["seed"].nunique() if "seed" in rows else 1
    n_repeats = int(rows["repeat"].to_numpy().max(initial=0)) + 1
    return n_repeats // (n_seeds * study.splits[table.split_of(item)].repeats)


def confusion_matrices(predictions: pd.DataFrame) -> pd.DataFrame:
    """Confusion matrix of every item under every protocol.

    Returns
    -------
    DataFrame
        Columns ``table, item, protocol, y_true, y_pred, count``: one row for every pair of the outcome's classes, zeros
        included; counts are summed over folds and repeats.
    """
    names = [*OUTCOME, "y_true", "y_pred"]
    counts = predictions.groupby(names, observed=True).size()
    counts.index = pd.MultiIndex.from_tuples(counts.index, names=names)
    keys = []
    for _, first in predictions.drop_duplicates(OUTCOME).sort_values(OUTCOME).iterrows():
        outcome = tuple(first[OUTCOME])
        classes = [c.removeprefix("score_") for c in score_columns(predictions) if c != "score" and pd.notna(first[c])]
        if not classes:
            classes = sorted({name for pair in counts.loc[outcome].index for name in pair})
        keys += [(*outcome, *pair) for pair in product(classes, classes)]
    index = pd.MultiIndex.from_tuples(keys, names=names)
    return counts.reindex(index, fill_value=0).rename("count").reset_index()


def _mean_curve(folds: list[tuple[np.ndarray, np.ndarray]]) -> Floats:
    """Weighted vertical mean of ROC curves, shape (n_corners, 2); a step up keeps both of its ends."""
    if not folds:
        return np.empty((0, 2))
    curves = [roc_curve(true, score)[:2] for true, score in folds]
    weights = np.array([true.sum() * (len(true) - true.sum()) for true, _ in folds], dtype=np.float64)
    weights /= weights.sum()
    grid = np.unique(np.concatenate([fpr for fpr, _ in curves]))
    # At a step, np.interp takes the last of equal abscissae: the upper end; mirrored, the lower one.
    upper = weights @ np.array([np.interp(grid, fpr, tpr) for fpr, tpr in curves])
    lower = weights @ np.array([np.interp(-grid[::-1], -fpr[::-1], tpr[::-1])[::-1] for fpr, tpr in curves])
    corners = np.stack([np.repeat(grid, 2), np.stack([lower, upper], axis=1).ravel()], axis=1)
    distinct = np.r_[True, (np.diff(corners, axis=0) != 0).any(axis=1)]
    result: Floats = corners[distinct]
    return result
