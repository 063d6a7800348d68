"""Metrics of a classifier, for all rows or for many resamples of their groups at once.

Every metric but accuracy is one-vs-rest: of one class, with two classes mostly the positive one (Atteia 2022, equations
4 to 7), or the macro average, the plain mean over several classes. Recall is another word for sensitivity; both are
given, since papers print both.

- A metric without a denominator (precision when nothing was predicted positive, sensitivity when no row is positive,
  AUROC when a class is absent) is undefined: NaN, never 0. A macro average with an undefined term is undefined:
  leaving the term out would reward a classifier that never names a difficult class.
- AUROC is computed within folds and averaged over them, weighted by their numbers of (positive, negative) pairs: the
  share of such pairs *of one fold* that the scores put in the right order, ties counting half. Scores of different
  folds come from different models, whose scales need not agree, and are never compared.
- Repeats: a metric is computed for each repeat of the folds and averaged over the repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from leukorepro.evaluation.auroc import Area, Floats, Ints

METRICS = ("accuracy", "sensitivity", "specificity", "precision", "recall", "f1", "auroc")

CELLS_AT_ONCE = 1 << 20
"""Rows or groups, times resamples, that are held at once."""


@dataclass(frozen=True)
class Scored:
    """Predictions of one item under one protocol, as numbers; made by `scored`."""

    truth: Ints
    """True class, shape (n_rows,)."""
    guess: Ints
    """Predicted class, shape (n_rows,)."""
    targets: Ints
    """Classes that a metric is averaged over, shape (n_targets,)."""
    ranked: Ints
    """Classes that the AUROC is averaged over, shape (n_ranked,)."""
    scores: Floats
    """Scores of the ranked classes, shape (n_rows, n_ranked)."""
    repeat: Ints
    """Repeat, 0 to n_repeats - 1, shape (n_rows,)."""
    fold: Ints
    """Fold, shape (n_rows,)."""

    @property
    def n_repeats(self) -> int:
        """Number of repeats of the folds."""
        return int(self.repeat.max()) + 1


def scored(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    scores: Mapping[str, ArrayLike],
    repeat: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    average_over: Sequence[str] | None = None,
) -> Scored:
    """Put predictions into numbers.

    Parameters
    ----------
    y_true, y_pred : array of str, shape (n_rows,)
        True and predicted classes; one row or more.
    scores : mapping of str to array of float, shape (n_rows,)
        By class, a score that is higher for rows more like it: that of the positive class alone, where there are two
        classes (the AUROC of the other is the same), or those of all classes.
    repeat, fold : array of int, shape (n_rows,), optional
        Repeat and fold of each row; default: one of each.
    average_over : sequence of str, optional
        Classes that sensitivity, specificity, precision and F1 are averaged over, whether or not a row is of them;
        default: those of the scores.
    """
    n_rows = len(np.asarray(y_true))
    averaged = list(scores) if average_over is None else list(average_over)
    names = np.concatenate([np.asarray(part, dtype=object) for part in (y_true, y_pred, averaged, list(scores))])
    codes = pd.factorize(names)[0]
    truth, guess, targets, ranked = np.split(codes, np.cumsum([n_rows, n_rows, len(averaged)]))
    none = np.zeros(n_rows, dtype=np.intp)
    return Scored(
        truth=truth,
        guess=guess,
        targets=targets,
        ranked=ranked,
        scores=np.stack([np.asarray(column, dtype=np.float64) for column in scores.values()], axis=1),
        repeat=none if repeat is None else pd.factorize(np.asarray(repeat))[0],
        fold=none if fold is None else np.asarray(fold, dtype=np.intp),
    )


def measure(rows: Scored, metrics: Sequence[str] = METRICS) -> dict[str, float]:
    """Metrics of all rows, by their names in `METRICS`; NaN where undefined."""
    one_group = np.zeros(len(rows.truth), dtype=np.intp)
    return {name: float(v[0]) for name, v in measure_weighted(rows, one_group, np.ones((1, 1)), metrics).items()}


def measure_weighted(
    rows: Scored, group: Ints, weights: NDArray[np.number], metrics: Sequence[str] = METRICS
) -> dict[str, Floats]:
    """Metrics for each of many weightings of the groups.

    Parameters
    ----------
    rows : Scored
        The predictions.
    group : array of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1.
    weights : array, shape (n_groups, n_resamples)
        Weight of each group in each resample: how often it was drawn.
    metrics : sequence of str
        Which; the AUROC takes by far the longest.

    Returns
    -------
    dict
        For each of `metrics` an array of shape (n_resamples,); NaN where undefined.
    """
    cells = _cells(rows, group, len(weights))
    areas = _areas(rows, group, len(weights)) if "auroc" in metrics else []
    step = max(8, CELLS_AT_ONCE // max(len(rows.truth), len(weights)))
    chunks = []
    for start in range(0, weights.shape[1], step):
        chunk = np.ascontiguousarray(weights[:, start : start + step], dtype=np.float64)
        values = _shares(cells, chunk)
        if areas:
            values["auroc"] = np.mean([area.weighted(chunk) for area in areas], axis=0)
        chunks.append(values)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in metrics}


def support(rows: Scored, group: Ints) -> dict[str, int]:
    """Number of groups that each metric rests on: those in its denominator.

    All groups for the accuracy; those with a row of the class for the sensitivity, of another class for the
    specificity; those with a row predicted to be of it for the precision, or also truly of it for F1; for the AUROC
    the smaller number of those with a positive and those with a negative row. Where several classes are averaged, the
    smallest such number of a class.
    """
    n_groups = int(group.max()) + 1

    def groups_with(chosen: NDArray[np.bool_]) -> Ints:
        return np.array([len(np.unique(group[column])) for column in chosen.T], dtype=np.intp)

    true, guessed = (column[:, None] == rows.targets for column in (rows.truth, rows.guess))
    ranked = rows.truth[:, None] == rows.ranked
    sensitivity = int(groups_with(true).min())
    return {
        "accuracy": n_groups,
        "sensitivity": sensitivity,
        "specificity": int(groups_with(~true).min()),
        "precision": int(groups_with(guessed).min()),
        "recall": sensitivity,
        "f1": int(groups_with(true | guessed).min()),
        "auroc": int(np.minimum(groups_with(ranked), groups_with(~ranked)).min()),
    }


def _cells(rows: Scored, group: Ints, n_groups: int) -> Floats:
    """Counts per repeat, cell and group, shape (n_repeats, 2 + 3 * n_targets, n_groups).

    Cells: rows, rows predicted right; then for every target its true, its predicted and its rightly predicted rows.
    """
    right = rows.truth == rows.guess
    columns = [np.ones_like(right), right]
    for chosen in (rows.truth, rows.guess, np.where(right, rows.truth, -1)):
        columns += [chosen == target for target in rows.targets]
    place = rows.repeat * n_groups + group
    size = rows.n_repeats * n_groups
    counts = np.stack([np.bincount(place, column, size) for column in columns])
    return np.ascontiguousarray(counts.reshape(len(columns), rows.n_repeats, n_groups).swapaxes(0, 1), dtype=np.float64)


def _shares(cells: Floats, weights: Floats) -> dict[str, Floats]:
    """All metrics but the AUROC from counts per group, each of shape (n_resamples,)."""
    counts = cells @ weights
    total, right = counts[:, :1], counts[:, 1:2]
    true, guessed, both = np.split(counts[:, 2:], 3, axis=1)
    negatives = total - true
    with np.errstate(invalid="ignore"):
        shares = {
            "accuracy": right / total,
            "sensitivity": both / true,
            "specificity": (negatives - (guessed - both)) / negatives,
            "precision": both / guessed,
            "f1": 2 * both / (true + guessed),
        }
    values = {name: share.mean(axis=(0, 1)) for name, share in shares.items()}
    return values | {"recall": values["sensitivity"]}


def _areas(rows: Scored, group: Ints, n_groups: int) -> list[Area]:
    """AUROC of every ranked class in every repeat."""
    areas = []
    for repeat in range(rows.n_repeats):
        inside = rows.repeat == repeat
        fold, place = rows.fold[inside], group[inside]
        for target, score in zip(rows.ranked, rows.scores[inside].T, strict=True):
            areas.append(Area(rows.truth[inside] == target, score, fold, place, n_groups))
    return areas
