"""Metrics of one item under one protocol: which ones its table asks for, of which rows and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leukorepro.data.groups import groups
from leukorepro.evaluation.intervals import intervals
from leukorepro.evaluation.metrics import METRICS, measure, scored
from leukorepro.evaluation.predictions import classes_of, score_of_class
from leukorepro.words import Average

OF_A_CLASS = ("precision", "recall", "f1")
"""Metrics of every single class, in tables that name classes."""

PHASES = {"train_accuracy": "train", "val_accuracy": "validation"}
"""Accuracies on rows that the classifier was not tested on, and these rows' role."""

TEST_ACCURACY = "test_accuracy"
NOT_OF_A_CLASS = (*METRICS, *PHASES, TEST_ACCURACY, "train_loss", "test_loss")


@dataclass(frozen=True)
class Measuring:
    """What is measured of a cell, and how."""

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

    @property
    def classes_named(self) -> bool:
        """Whether the table prints metrics of single classes."""
        return any(metric not in NOT_OF_A_CLASS for metric in self.printed)


def cell_metrics(rows: pd.DataFrame, fitted: pd.DataFrame | None, measuring: Measuring) -> pd.DataFrame:
    """Metrics of one item under one protocol.

    Parameters
    ----------
    rows : DataFrame
        Predictions of tested rows, as `leukorepro.evaluation.predictions.cells` yields them.
    fitted : DataFrame or None
        Those of training and validation rows, where there are any.
    measuring : Measuring

    Returns
    -------
    DataFrame
        Columns ``metric, value, ci_low, ci_high, n_images, n_subjects``: `METRICS`; those of single classes where the
        table names classes; the accuracies of the phases that rows are given of; and, with the value NaN, whatever
        else the table prints, for it cannot be measured here.

    Raises
    ------
    UserError
        If there are two classes and the positive one is neither.
    """
    tested = _Rows(rows, measuring)
    frames = [tested.measured(METRICS, tested.averaged, tested.scores)]
    if TEST_ACCURACY in measuring.printed or fitted is not None:
        accuracy = frames[0][frames[0]["metric"] == "accuracy"]
        frames.append(accuracy.assign(metric=TEST_ACCURACY))
    if measuring.classes_named:
        for name in classes_of(rows):
            called = measuring.class_names.get(name, name)
            wanted = [*OF_A_CLASS, *(["auroc"] if f"{called}_auroc" in measuring.printed else [])]
            frame = tested.measured(wanted, [name], {name: tested.score_of(name)})
            frames.append(frame.assign(metric=f"{called}_" + frame["metric"]))
    if fitted is not None:
        for metric, role in PHASES.items():
            phase = fitted[fitted["role"] == role]
            if len(phase):
                part = _Rows(phase, measuring)
                frames.append(part.measured(["accuracy"], part.averaged, part.scores).assign(metric=metric))
    measured = pd.concat(frames, ignore_index=True)
    not_here = [metric for metric in measuring.printed if metric not in set(measured["metric"])]
    return pd.concat([measured, tested.unmeasured(not_here)] if not_here else [measured], ignore_index=True)


class _Rows:
    """Rows of one part of a cell, and what their classes are."""

    def __init__(self, rows: pd.DataFrame, measuring: Measuring) -> None:
        # In an order of their own, so that resamples do not depend on that of the table.
        self._rows = rows.sort_values(["image_id", "view", "repeat", "fold"])
        self._group = groups(self._rows["subject_id"].to_list(), self._rows["source_id"].to_list())
        self._measuring = measuring
        columns = score_of_class(rows, measuring.positive_class)
        self.scores = {name: self._rows[column] for name, column in columns.items()}
        """By class: of the positive one, or of each of several."""
        self.averaged = list(columns)
        """Classes that metrics are averaged over."""
        if len(columns) == 1 and measuring.average == "macro":
            other = [name for name in classes_of(rows) if name not in columns]
            self.averaged += other or [""]  # a class that nothing is or was predicted to be of: undefined

    def score_of(self, name: str) -> pd.Series:
        """Score of a class; of the other of two it is the positive one's, negated."""
        return self.scores[name] if name in self.scores else -self._rows["score"]

    def measured(
        self, metrics: Sequence[str], averaged: Sequence[str], scores: Mapping[str, pd.Series]
    ) -> pd.DataFrame:
        """Metrics and their intervals, a row each."""
        rows, how = self._rows, self._measuring
        numbers = scored(rows["y_true"], rows["y_pred"], scores, rows["repeat"], rows["fold"], averaged)
        values = measure(numbers, metrics)
        bounds = intervals(numbers, self._group, how.n_resamples, how.seed, metrics=metrics)
        lines = [(name, values[name], bounds[name].low, bounds[name].high) for name in metrics]
        return self._frame(lines)

    def unmeasured(self, metrics: Sequence[str]) -> pd.DataFrame:
        """Metrics without a value, a row each."""
        return self._frame([(name, np.nan, np.nan, np.nan) for name in metrics])

    def _frame(self, lines: list[tuple[str, float, float, float]]) -> pd.DataFrame:
        subjects = self._rows["subject_id"]
        return pd.DataFrame(lines, columns=["metric", "value", "ci_low", "ci_high"]).assign(
            n_images=self._rows["image_id"].nunique(), n_subjects=subjects[subjects != ""].nunique()
        )
