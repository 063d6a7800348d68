"""Metrics of a classifier, for all rows or for many resamples of their groups at once.

`leukorepro.metrics.registry` says which there are, and has their formulas.

- A metric without a denominator (precision when nothing was predicted positive, sensitivity when no row is positive,
  AUROC when a class is absent) is undefined: NaN, never 0. A macro average with an undefined term is undefined:
  leaving the term out would reward a classifier that never names a difficult class.
- AUROC is computed within folds and averaged over them, weighted by their numbers of (positive, negative) pairs: the
  share of such pairs *of one fold* that the scores put in the right order, ties counting half. Scores of different
  folds come from different models, whose scales need not agree, and are never compared. The average precision is
  averaged over folds in the same way.
- A loss, or any other number that each row has, is a metric by its mean over the rows (`Scored.numbers`), those of one
  class where the metric is of a class; a metric may also follow from several such means.
- An entry of a confusion matrix is measured as its share of the rows of its classes, whose number is what it is; only
  for a table is it multiplied with that (`rows_behind`).
- Repeats: a metric is computed for each repeat of the folds and averaged over the repeats. Where the predictions after
  every epoch of a network count, epochs are repeats. Every seed of a run has as many repeats as the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from leukorepro.evaluation.metrics.auroc import Area, Bools, Floats, Ints
from leukorepro.evaluation.metrics.average_precision import AveragePrecision
from leukorepro.metrics.registry import METRICS, OF_PREDICTIONS, ClassRows, ClassSums, Metric, Source

NUMBERS_AT_ONCE = 1 << 20
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
    numbers: Mapping[str, Floats] = field(default_factory=dict)
    """Further numbers of the rows, shape (n_rows,), by the name of their column; metrics follow from their means."""
    counted: Bools | None = None
    """Rows that these means are over, shape (n_rows,); None: all."""
    seed: Ints | None = None
    """Which of the run's seeds, shape (n_rows,); None where it has one."""

    @property
    def n_repeats(self) -> int:
        """Number of repeats of the folds."""
        return int(self.repeat.max()) + 1

    @property
    def of_seeds(self) -> list[Scored]:
        """The rows of each seed, from the first on."""
        if self.seed is None:
            return [self]
        return [self._rows(self.seed == seed) for seed in np.unique(self.seed)]

    def _rows(self, chosen: Bools) -> Scored:
        return replace(
            self,
            truth=self.truth[chosen],
            guess=self.guess[chosen],
            scores=self.scores[chosen],
            repeat=pd.factorize(self.repeat[chosen])[0],
            fold=self.fold[chosen],
            numbers={name: column[chosen] for name, column in self.numbers.items()},
            counted=None if self.counted is None else self.counted[chosen],
            seed=None,
        )


def scored(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    scores: Mapping[str, ArrayLike],
    repeat: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    average_over: Sequence[str] | None = None,
    numbers: Mapping[str, ArrayLike] | None = None,
    counted: ArrayLike | None = None,
    seed: ArrayLike | None = None,
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
    numbers : mapping of str to array of float, shape (n_rows,), optional
        By the name of a column, the numbers that metrics take means of; NaN in one row leaves the metric undefined.
    counted : array of bool, shape (n_rows,), optional
        Rows that these means are over; default: all.
    seed : array of int, shape (n_rows,), optional
        Which of the run's seeds each row is of; default: there is one. Repeats of different seeds have different
        numbers.

    Returns
    -------
    Scored
        Classes, scores and places of the rows as arrays.
    """
    averaged = list(scores) if average_over is None else list(average_over)
    codes: dict[str, int] = {}
    truth = _numbered(y_true, codes)
    over = None if counted is None else np.asarray(counted, dtype=bool)
    none = np.zeros(len(truth), dtype=np.intp)
    return Scored(
        truth=truth,
        guess=_numbered(y_pred, codes),
        targets=_numbered(averaged, codes),
        ranked=_numbered(list(scores), codes),
        scores=np.stack([np.asarray(column, dtype=np.float64) for column in scores.values()], axis=1),
        repeat=none if repeat is None else pd.factorize(np.asarray(repeat))[0],
        fold=none if fold is None else np.asarray(fold, dtype=np.intp),
        numbers={
            name: np.where(True if over is None else over, np.asarray(column, dtype=np.float64), 0)
            for name, column in (numbers or {}).items()
        },
        counted=over,
        seed=None if seed is None else np.asarray(seed, dtype=np.intp),
    )


def _numbered(classes: ArrayLike, numbers: dict[str, int]) -> Ints:
    """Number of every class; one that has none yet gets the next."""
    codes, names = pd.factorize(classes if isinstance(classes, pd.Series) else np.asarray(classes, dtype=object))
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)[codes]


def measure(rows: Scored, metrics: Sequence[str] = OF_PREDICTIONS) -> dict[str, float]:
    """Metrics of all rows.

    Parameters
    ----------
    rows : Scored
        What is measured.
    metrics : sequence of str
        Names in the registry; of means only those whose columns `Scored.numbers` has.

    Returns
    -------
    dict of str to float
        By the metrics' names; NaN: undefined.
    """
    one_group = np.zeros(len(rows.truth), dtype=np.intp)
    return {name: float(v[0]) for name, v in measure_weighted(rows, one_group, np.ones((1, 1)), metrics).items()}


def measure_weighted(
    rows: Scored, group: Ints, weights: NDArray[np.number], metrics: Sequence[str] = OF_PREDICTIONS
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
    return Sums(rows, group, len(weights)).weighted(weights, metrics)


class Sums:
    """Rows summed over their groups once, to be measured under many weightings.

    Parameters
    ----------
    rows : Scored
        The predictions.
    group : array of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1.
    n_groups : int
    """

    def __init__(self, rows: Scored, group: Ints, n_groups: int) -> None:
        self._rows, self._group, self._n_groups = rows, group, n_groups
        self._sums = _sums(rows, group, n_groups)
        self._largest_repeat = int(np.bincount(rows.repeat).max())

    def weighted(self, weights: NDArray[np.number], metrics: Sequence[str] = OF_PREDICTIONS) -> dict[str, Floats]:
        """Metrics for each of many weightings of the groups, as `measure_weighted` gives them.

        Parameters
        ----------
        weights : ndarray of numbers, shape (n_groups, n_weightings)
            How often each group counts.
        metrics : sequence of str
            Names in the registry.

        Returns
        -------
        dict of str to ndarray of float64, shape (n_weightings,)
            By the metrics' names; NaN: undefined.
        """
        means = [name for name in metrics if METRICS[name].is_mean]
        ranked = [name for name in metrics if METRICS[name].is_ranked]
        summed = [name for name in metrics if name not in means and name not in ranked]
        step = max(8, NUMBERS_AT_ONCE // max(self._largest_repeat, len(weights), self._sums[:, :, 0].size))
        chunks = []
        for start in range(0, weights.shape[1], step):
            chunk = np.ascontiguousarray(weights[:, start : start + step], dtype=np.float64)
            values = self._of_sums(chunk, summed, means) if summed or means else {}
            for name in ranked:
                rankings = self._areas if METRICS[name].source is Source.RANKS else self._precisions
                values[name] = np.mean([ranking.weighted(chunk) for ranking in rankings], axis=0)
            chunks.append(values)
        return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in metrics}

    def _of_sums(self, weights: Floats, summed: Sequence[str], means: Sequence[str]) -> dict[str, Floats]:
        """Metrics by their formulas, and means, from sums per group: each of shape (n_resamples,)."""
        every = list(self._rows.numbers)
        sums = self._sums @ weights
        total, right, counted, numbers, classes = np.split(sums, [1, 2, 3, 3 + len(every)], axis=1)
        of_classes = ClassSums(total, right, *np.split(classes, 3, axis=1))
        found: dict[object, Floats] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for name in summed:
                formula = METRICS[name].formula
                if formula is not None and formula not in found:
                    found[formula] = formula(of_classes).mean(axis=(0, 1))
            averages = dict(zip(every, (numbers / counted).swapaxes(0, 1), strict=True))
            made = {name: _of_means(METRICS[name], averages).mean(axis=0) for name in means}
        return {name: found[METRICS[name].formula] for name in summed} | made

    @cached_property
    def _areas(self) -> list[Area]:
        return [Area(*ranked, self._n_groups) for ranked in _rankings(self._rows, self._group)]

    @cached_property
    def _precisions(self) -> list[AveragePrecision]:
        return [AveragePrecision(*ranked) for ranked in _rankings(self._rows, self._group)]


def _of_means(metric: Metric, averages: Mapping[str, Floats]) -> Floats:
    """A metric by means over rows, each of shape (n_repeats, n_resamples)."""
    first, *others = (averages[column] for column in metric.columns)
    return first if metric.of_means is None else metric.of_means(first, *others)


def smaller_class(rows: Scored, group: Ints) -> int | None:
    """Number of groups with a row of the class that has fewer, where there are two; None with one or more than two.

    Parameters
    ----------
    rows : Scored
        What is measured.
    group : ndarray of int, shape (n_rows,)
        Group of each row, from 0.
    """
    classes = [np.unique(group[rows.truth == name]) for name in np.unique(rows.truth)]
    return min(map(len, classes)) if len(classes) == 2 else None


def support(rows: Scored, group: Ints) -> dict[str, int]:
    """Number of groups that each metric rests on: those in its denominator.

    Where several classes are averaged, the smallest such number of a class.

    Parameters
    ----------
    rows : Scored
        What is measured.
    group : ndarray of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1, each at least once.
    """
    n_groups = int(group.max()) + 1

    def groups_with(chosen: NDArray[np.bool_]) -> Ints:
        return np.array([np.count_nonzero(np.bincount(group[column])) for column in chosen.T], dtype=np.intp)

    rows_of = _class_rows(rows)
    counts = {
        name: n_groups
        if metric.rests_on is None
        else min(int(groups_with(chosen).min()) for chosen in metric.rests_on(rows_of))
        for name, metric in METRICS.items()
        if metric.of_predictions
    }
    over = n_groups if rows.counted is None else int(groups_with(rows.counted[:, None])[0])
    made = [name for name, metric in METRICS.items() if metric.is_mean and rows.numbers.keys() >= set(metric.columns)]
    return counts | dict.fromkeys(made, over)


def rows_behind(rows: Scored, metric: str) -> float:
    """Rows of one repeat that a count is a share of; NaN where it is averaged over classes; 1 of any other metric.

    Parameters
    ----------
    rows : Scored
        What is measured.
    metric : str
        Name in the registry.
    """
    spec = METRICS[metric]
    if spec.source is not Source.COUNTS or spec.rests_on is None:
        return 1.0
    (chosen,) = spec.rests_on(_class_rows(rows))
    return float(chosen.sum() / rows.n_repeats) if len(rows.targets) == 1 else np.nan


def _class_rows(rows: Scored) -> ClassRows:
    targets = rows.targets
    return ClassRows(rows.truth[:, None] == targets, rows.guess[:, None] == targets, rows.truth[:, None] == rows.ranked)


def _sums(rows: Scored, group: Ints, n_groups: int) -> Floats:
    """Sums per repeat, column and group, shape (n_repeats, 3 + n_numbers + 3 * n_targets, n_groups).

    Columns: rows, rows predicted right, rows that means are over; the numbers that means are taken of; then for every
    target its true, its predicted and its rightly predicted rows.
    """
    right = rows.truth == rows.guess
    every = np.ones_like(right)
    columns = [every, right, every if rows.counted is None else rows.counted, *rows.numbers.values()]
    for chosen in (rows.truth, rows.guess, np.where(right, rows.truth, -1)):
        columns += [chosen == target for target in rows.targets]
    place = rows.repeat * n_groups + group
    size = rows.n_repeats * n_groups
    sums = np.stack([np.bincount(place, column, size) for column in columns])
    return np.ascontiguousarray(sums.reshape(len(columns), rows.n_repeats, n_groups).swapaxes(0, 1), dtype=np.float64)


def _rankings(rows: Scored, group: Ints) -> Iterator[tuple[Bools, Floats, Ints, Ints]]:
    """Every ranked class in every repeat: which rows are of it, their scores, folds and groups."""
    for repeat in range(rows.n_repeats):
        inside = rows.repeat == repeat
        fold, place = rows.fold[inside], group[inside]
        for target, score in zip(rows.ranked, rows.scores[inside].T, strict=True):
            yield rows.truth[inside] == target, score, fold, place
