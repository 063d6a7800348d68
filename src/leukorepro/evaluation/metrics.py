"""Metrics of a classifier, for all rows or for many resamples of their groups at once.

Every metric but accuracy is one-vs-rest. With two classes it is that of the positive class (Atteia 2022, equations 4
to 7); with more it is the macro average, the plain mean over the classes.

- A metric without a denominator (precision when nothing was predicted positive, sensitivity when no row is positive,
  AUROC when a class is absent) is undefined: NaN, never 0. A macro average with an undefined term is undefined:
  leaving the term out would reward a classifier that never names a difficult class.
- AUROC is computed within folds and averaged over them, weighted by their numbers of (positive, negative) pairs: the
  share of such pairs *of one fold* that the scores put in the right order, ties counting half. Scores of different
  folds come from different models, whose scales need not agree, and are never compared.
- Repeats: a metric is computed for each repeat of the folds and averaged over the repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

METRICS = ("accuracy", "sensitivity", "specificity", "precision", "f1", "auroc")

CELLS_AT_ONCE = 1 << 20
"""Rows or groups, times resamples, that are held at once."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Scored:
    """Predictions of one item under one protocol, as numbers; made by `scored`."""

    truth: Ints
    """True class, shape (n_rows,)."""
    guess: Ints
    """Predicted class, shape (n_rows,)."""
    targets: Ints
    """Classes that a metric is averaged over, shape (n_targets,): the positive one, or all of several."""
    scores: Floats
    """Scores of the targets, shape (n_rows, n_targets)."""
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
) -> Scored:
    """Put predictions into numbers.

    Parameters
    ----------
    y_true, y_pred : array of str, shape (n_rows,)
        True and predicted classes; one row or more.
    scores : mapping of str to array of float, shape (n_rows,)
        By class, a score that is higher for rows more like it: that of the positive class alone, where there are two
        classes, or those of all classes.
    repeat, fold : array of int, shape (n_rows,), optional
        Repeat and fold of each row; default: one of each.
    """
    n_rows = len(np.asarray(y_true))
    names = np.concatenate([np.asarray(part, dtype=object) for part in (y_true, y_pred, list(scores))])
    truth, guess, targets = np.split(pd.factorize(names)[0], [n_rows, 2 * n_rows])
    none = np.zeros(n_rows, dtype=np.intp)
    return Scored(
        truth=truth,
        guess=guess,
        targets=targets,
        scores=np.stack([np.asarray(column, dtype=np.float64) for column in scores.values()], axis=1),
        repeat=none if repeat is None else pd.factorize(np.asarray(repeat))[0],
        fold=none if fold is None else np.asarray(fold, dtype=np.intp),
    )


def measure(rows: Scored) -> dict[str, float]:
    """Every metric of all rows, by its name in `METRICS`; NaN where undefined."""
    one_group = np.zeros(len(rows.truth), dtype=np.intp)
    return {name: float(v[0]) for name, v in measure_weighted(rows, one_group, np.ones((1, 1))).items()}


def measure_weighted(rows: Scored, group: Ints, weights: NDArray[np.number]) -> dict[str, Floats]:
    """Every metric, for each of many weightings of the groups.

    Parameters
    ----------
    rows : Scored
        The predictions.
    group : array of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1.
    weights : array, shape (n_groups, n_resamples)
        Weight of each group in each resample: how often it was drawn.

    Returns
    -------
    dict
        For each name in `METRICS` an array of shape (n_resamples,); NaN where undefined.
    """
    cells = _cells(rows, group, len(weights))
    folds = _fold_pairs(rows, group)
    step = max(8, CELLS_AT_ONCE // max(len(rows.truth), len(weights)))
    chunks = []
    for start in range(0, weights.shape[1], step):
        chunk = np.ascontiguousarray(weights[:, start : start + step], dtype=np.float64)
        chunks.append(np.stack([*_shares(cells, chunk), _auroc(folds, chunk)]))
    return dict(zip(METRICS, np.concatenate(chunks, axis=1), strict=True))


def support(rows: Scored, group: Ints) -> dict[str, int]:
    """Number of groups that each metric rests on: those in its denominator.

    All groups for the accuracy; those with a row of the positive class for the sensitivity, of another class for the
    specificity; those with a row predicted positive for the precision, or also truly positive for F1; for the AUROC
    the smaller number of those with a positive and those with a negative row. With several classes, the smallest such
    number of a class.
    """
    n_groups = int(group.max()) + 1
    true, guessed = (column[:, None] == rows.targets for column in (rows.truth, rows.guess))

    def groups_with(chosen: NDArray[np.bool_]) -> Ints:
        return np.array([len(np.unique(group[column])) for column in chosen.T], dtype=np.intp)

    positives, negatives = groups_with(true), groups_with(~true)
    counts = (positives, negatives, groups_with(guessed), groups_with(true | guessed), np.minimum(positives, negatives))
    return dict(zip(METRICS, [n_groups, *(int(c.min()) for c in counts)], strict=True))


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


def _shares(cells: Floats, weights: Floats) -> tuple[Floats, ...]:
    """All metrics but the AUROC from counts per group, each of shape (n_resamples,)."""
    counts = cells @ weights
    total, right = counts[:, :1], counts[:, 1:2]
    true, guessed, both = np.split(counts[:, 2:], 3, axis=1)
    negatives = total - true
    with np.errstate(invalid="ignore"):
        shares = (
            right / total,
            both / true,
            (negatives - (guessed - both)) / negatives,
            both / guessed,
            2 * both / (true + guessed),
        )
    return tuple(share.mean(axis=(0, 1)) for share in shares)


@dataclass(frozen=True)
class _Pairs:
    """The (positive, negative) pairs of one target in one fold."""

    positive: Ints
    """Groups of the positive rows."""
    negative: Ints
    """Groups of the negative rows, by ascending score."""
    below: Ints
    """For every positive row, how many negative rows score lower."""
    upto: Ints
    """For every positive row, how many negative rows score lower or equal."""


def _fold_pairs(rows: Scored, group: Ints) -> list[list[list[_Pairs]]]:
    """Pairs of every fold, of every target, of every repeat."""

    def pairs(part: Ints, target: int) -> _Pairs:
        positive = rows.truth[part] == rows.targets[target]
        score = rows.scores[part, target]
        order = np.argsort(score[~positive], kind="stable")
        sorted_score = score[~positive][order]
        return _Pairs(
            positive=group[part][positive],
            negative=group[part][~positive][order],
            below=np.searchsorted(sorted_score, score[positive], side="left"),
            upto=np.searchsorted(sorted_score, score[positive], side="right"),
        )

    result = []
    for repeat in range(rows.n_repeats):
        inside = np.flatnonzero(rows.repeat == repeat)
        parts = [inside[rows.fold[inside] == fold] for fold in np.unique(rows.fold[inside])]
        result.append([[pairs(part, target) for part in parts] for target in range(len(rows.targets))])
    return result


def _auroc(repeats: list[list[list[_Pairs]]], weights: Floats) -> Floats:
    """Mean over repeats and targets of the share of ordered pairs within folds, shape (n_resamples,)."""
    values = []
    for targets in repeats:
        for folds in targets:
            ordered = np.zeros(weights.shape[1])
            pairs = np.zeros(weights.shape[1])
            for fold in folds:
                negative = np.zeros((len(fold.negative) + 1, weights.shape[1]))
                np.cumsum(weights[fold.negative], axis=0, out=negative[1:])
                positive = weights[fold.positive]
                ordered += np.einsum("pb,pb->b", positive, negative[fold.below] + negative[fold.upto]) / 2
                pairs += positive.sum(axis=0) * negative[-1]
            with np.errstate(invalid="ignore"):
                values.append(ordered / pairs)
    result: Floats = np.mean(values, axis=0)
    return result
