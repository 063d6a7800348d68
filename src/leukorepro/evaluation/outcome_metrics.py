"""Metrics of one item under one protocol: which ones its table asks for, of which rows and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leukorepro.core.words import Average
from leukorepro.evaluation.intervals import intervals
from leukorepro.evaluation.metrics.losses import WEIGHED, class_weights, row_losses
from leukorepro.evaluation.metrics.metrics import Scored, measure, rows_behind, scored
from leukorepro.evaluation.predictions import classes_of, groups_of_rows, score_of_class
from leukorepro.evaluation.seeds import as_text, of_seeds_alone, over_seeds, spread
from leukorepro.metrics.names import PARTS, parse
from leukorepro.metrics.registry import METRICS, OF_PREDICTIONS, Metric, Source


@dataclass(frozen=True)
class Measuring:
    """What is measured of an outcome, and how."""

    printed: Sequence[str]
    """Metrics that the paper's table prints."""
    average: Average
    """With two classes, of the positive one or the mean over both; with more it is the mean."""
    positive_class: str | None
    """With two classes, the one that counts as positive."""
    class_names: Mapping[str, str]
    """What the paper calls the dataset's classes."""
    n_resamples: int
    seed: int
    class_weights: bool = False
    """Whether the classifier is a network that was trained with weights of the classes."""

    @property
    def classes_named(self) -> bool:
        """Whether the table prints metrics of single classes."""
        return any((name := parse(metric)) is not None and name.of_class for metric in self.printed)


def outcome_metrics(rows: pd.DataFrame, fitted: pd.DataFrame | None, measuring: Measuring) -> pd.DataFrame:
    """Metrics of one item under one protocol.

    Parameters
    ----------
    rows : DataFrame
        Predictions of tested rows, as `leukorepro.evaluation.predictions.outcomes` yields them.
    fitted : DataFrame or None
        Those of training and validation rows, where there are any.
    measuring : Measuring

    Returns
    -------
    DataFrame
        Columns ``metric, value, ci_low, ci_high, n_images, n_subjects``, and with several seeds ``n_seeds, seed_spread,
        seed_values, groups_low, groups_high, seeds_low, seeds_high``: `OF_PREDICTIONS`; the correlation of
        reconstructions where the table prints it; metrics of single classes where the table names classes; those of
        parts that it prints, and, where there are fitted rows, the accuracies of all parts; and, with the value NaN,
        whatever else the table prints, for it cannot be measured here.

    Raises
    ------
    UserError
        If there are two classes and the positive one is neither.
    """
    tested = PartOfOutcome(rows, measuring)
    frames = [tested.measured(OF_PREDICTIONS)]
    further = [name for name in measuring.printed if name in METRICS and name not in OF_PREDICTIONS]
    if further := [name for name in further if _has_columns(rows, name)]:
        frames.append(tested.measured(further))
    if measuring.classes_named:
        for name in classes_of(rows):
            called = measuring.class_names.get(name, name)
            wanted = [
                key
                for key, metric in METRICS.items()
                if metric.of_a_class == "always"
                or (
                    metric.of_a_class == "when printed"
                    and f"{called}_{key}" in measuring.printed
                    and _has_columns(rows, key)
                )
            ]
            frame = tested.measured(wanted, name)
            frames.append(frame.assign(metric=f"{called}_" + frame["metric"]))
    for name, role in PARTS.items():
        wanted = [
            key
            for key, metric in METRICS.items()
            if metric.of_a_part
            and f"{name}_{key}" in measuring.printed
            and _has_columns(rows if fitted is None else fitted, key)
        ]
        if fitted is not None:
            wanted = list(dict.fromkeys(["accuracy", *wanted]))
        part = tested if role == "test" else _part(fitted, role, measuring)
        if wanted and part is not None:
            frame = part.measured(wanted)
            frames.append(frame.assign(metric=f"{name}_" + frame["metric"]))
    measured = pd.concat(frames, ignore_index=True)
    not_here = [metric for metric in measuring.printed if metric not in set(measured["metric"])]
    return pd.concat([measured, tested.unmeasured(not_here)] if not_here else [measured], ignore_index=True)


class NamedMetric(NamedTuple):
    """What a table's metric is measured of."""

    role: str
    """Of the rows: ``test``, ``train`` or ``validation``."""
    of_class: str | None
    """Class of the dataset whose metric it is; None for a metric of all classes, averaged as the table's are."""
    metric: str
    """Key in `leukorepro.metrics.registry.METRICS`."""


def named_metric(name: str, class_names: Mapping[str, str]) -> NamedMetric | None:
    """What a metric in a table of metrics is measured of; None where the name says nothing that can be resampled.

    Parameters
    ----------
    name : str
        Such as ``accuracy``, ``train_loss`` or ``healthy_precision``.
    class_names : mapping of str to str
        By class of the dataset, what the paper calls it.
    """
    found = parse(name)
    if found is None or not (found.spec.is_made_of_rows or found.spec.is_mean):
        return None
    if not found.of_class:
        return NamedMetric(found.role, None, found.metric)
    of_class = next((own for own, called in class_names.items() if called == found.of_class), None)
    if of_class is None or found.part or found.spec.of_a_class == "never":
        return None
    return NamedMetric(found.role, of_class, found.metric)


class _Seeds(NamedTuple):
    """What stands behind a metric of several seeds."""

    values: list[float]
    """Of each."""
    groups_low: float = np.nan
    groups_high: float = np.nan
    """Bounds for the groups alone."""
    seeds_low: float = np.nan
    seeds_high: float = np.nan
    """Bounds for the seeds alone."""


def _has_columns(rows: pd.DataFrame, metric: str) -> bool:
    """Whether the columns of predictions are there that a metric takes means over, if it does."""
    spec = METRICS[metric]
    return spec.source is not Source.COLUMNS or set(spec.columns) <= set(rows.columns)


def _part(fitted: pd.DataFrame | None, role: str, measuring: Measuring) -> PartOfOutcome | None:
    """Fitted rows of a role; None where there are none."""
    rows = None if fitted is None else fitted[fitted["role"] == role]
    return None if rows is None or rows.empty else PartOfOutcome(rows, measuring)


class PartOfOutcome:
    """Rows of one part of an outcome, and what their classes are."""

    def __init__(self, rows: pd.DataFrame, measuring: Measuring) -> None:
        # In an order of their own, so that resamples do not depend on that of the table.
        self.rows = rows.sort_values(["image_id", "view", "repeat", "fold"])
        """The rows, by image, view, repeat and fold."""
        self.group = groups_of_rows(self.rows)
        """Group of every row, in the order in which they first appear, shape (n_rows,)."""
        self._trained = "role" in rows and bool((rows["role"] == "train").all())
        self._measuring = measuring
        columns = score_of_class(rows, measuring.positive_class)
        self._scores = {name: self.rows[column] for name, column in columns.items()}
        """By class: of the positive one, or of each of several."""
        self._averaged = list(columns)
        """Classes that metrics are averaged over."""
        if len(columns) == 1 and measuring.average == "macro":
            other = [name for name in classes_of(rows) if name not in columns]
            self._averaged += other or [""]  # a class that nothing is or was predicted to be of: undefined

    def measured(self, metrics: Sequence[str], of_class: str | None = None) -> pd.DataFrame:
        """Metrics and their intervals, a row each.

        Parameters
        ----------
        metrics : sequence of str
            Names in the registry.
        of_class : str, optional
            A single class that is measured against all others; None: averaged as the table's are.
        """
        how = self._measuring
        numbers = self.scored(metrics, of_class)
        values = measure(numbers, metrics)
        bounds = intervals(numbers, self.group, how.n_resamples, how.seed, metrics=metrics)
        of_seeds = [measure(seed, metrics) for seed in numbers.of_seeds]
        lines, seeds = [], []
        for name in metrics:
            times, single = rows_behind(numbers, name), [of_seed[name] for of_seed in of_seeds]
            found = over_seeds(bounds[name], single, METRICS[name].limits)
            alone = of_seeds_alone(single, METRICS[name].limits)
            lines.append((name, times * values[name], times * found.low, times * found.high))
            both = (bounds[name].low, bounds[name].high, alone.low, alone.high)
            seeds.append(_Seeds([times * value for value in single], *(times * bound for bound in both)))
        return self._frame(lines, seeds)

    def scored(self, metrics: Sequence[str], of_class: str | None = None) -> Scored:
        """The rows as numbers that these metrics can be measured of.

        Parameters
        ----------
        metrics : sequence of str
            Names in the registry; columns that means are taken of are read for them.
        of_class : str, optional
            A single class that is measured against all others; None: averaged as the table's are.
        """
        rows, averaged, scores = self.rows, self._averaged, self._scores
        if of_class is not None:
            averaged, scores = [of_class], {of_class: self._score_of(of_class)}
        means = [METRICS[metric] for metric in metrics if METRICS[metric].is_mean]
        numbers = {column: self._numbers(metric, column) for metric in means for column in metric.columns}
        counted = None if of_class is None else rows["y_true"] == of_class
        places = rows["repeat"], rows["fold"]
        seed = rows.get("seed")
        return scored(rows["y_true"], rows["y_pred"], scores, *places, averaged, numbers, counted, seed)

    def unmeasured(self, metrics: Sequence[str]) -> pd.DataFrame:
        """Metrics without a value, a row each."""
        none = _Seeds([np.nan] * (self.rows["seed"].nunique() if "seed" in self.rows else 1))
        return self._frame([(name, np.nan, np.nan, np.nan) for name in metrics], [none] * len(metrics))

    def _score_of(self, name: str) -> pd.Series:
        """Score of a class; of the other of two it is the positive one's, negated."""
        return self._scores[name] if name in self._scores else -self.rows["score"]

    def _numbers(self, metric: Metric, column: str) -> ArrayLike:
        """What every row has and is averaged."""
        if metric.source is Source.LOSSES:
            losses = row_losses(self.rows["y_true"], self._scores)
            weighed = column == WEIGHED and self._measuring.class_weights and self._trained
            return losses * class_weights(self.rows) if weighed else losses
        return self.rows[column]

    def _frame(self, lines: list[tuple[str, float, float, float]], seeds: list[_Seeds]) -> pd.DataFrame:
        """Metrics with their intervals and, where the run has several seeds, what stands behind them."""
        subjects = self.rows["subject_id"]
        frame = pd.DataFrame(lines, columns=["metric", "value", "ci_low", "ci_high"]).assign(
            n_images=self.rows["image_id"].nunique(), n_subjects=subjects[subjects != ""].nunique()
        )
        if "seed" not in self.rows:
            return frame
        return frame.assign(
            n_seeds=[len(of.values) for of in seeds],
            seed_spread=[spread(of.values) for of in seeds],
            seed_values=[as_text(of.values) for of in seeds],
            **{name: [getattr(of, name) for of in seeds] for name in _Seeds._fields[1:]},
        )
