"""Metrics of diagnoses: of subjects, not of cells.

Intervals of shares of subjects are exact (Clopper and Pearson, Biometrika 26, 1934) where every subject is a group of
its own and is diagnosed once; else, and for the AUROC, they come from resampling groups. Predictive values are those of
Bayes' theorem (`leukorepro.evaluation.patients.predictive_values`), at the share of positive subjects that was tested
and at `PREVALENCES`; their intervals follow from those of 97.5 % of the two rates. In a run of several seeds all
intervals are for the groups and for the seeds.

The AUROC compares subjects of all folds, for a fold tests few: votes and probabilities mean the same in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from leukorepro.evaluation.intervals import LEVEL, Interval, exact_interval, intervals
from leukorepro.evaluation.metrics.metrics import Scored, measure
from leukorepro.evaluation.patients.predictive_values import (
    negative_predictive_interval,
    negative_predictive_value,
    positive_predictive_interval,
    positive_predictive_value,
)
from leukorepro.evaluation.patients.subjects import Diagnoses
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.metrics.registry import METRICS

PREVALENCES = (0.01, 0.1, 0.5)
"""Shares of the ill that predictive values are stated for, beside the tested one."""

EXACT, BOOTSTRAP = "exact", "bootstrap"
"""Methods of intervals."""

RATES = ("accuracy", "sensitivity", "specificity")


class Diagnosed(NamedTuple):
    """A metric of diagnoses."""

    metric: str
    """One of `RATES`, ``auroc``, ``ppv`` or ``npv``."""
    prevalence: float
    """Share of the ill that a predictive value is stated for; NaN for other metrics."""
    value: float
    interval: Interval
    method: str


def diagnosis_metrics(diagnoses: Diagnoses, n_resamples: int, seed: int) -> Iterator[Diagnosed]:
    """Metrics of the diagnoses of one item under one protocol: the accuracy, with two classes also all others.

    Parameters
    ----------
    diagnoses : Diagnoses
        One or more.
    n_resamples : int
        Of groups.
    seed : int
        Of the resamples.
    """
    measured = _Rates(diagnoses, n_resamples, seed)
    for name in RATES if diagnoses.positive is not None else RATES[:1]:
        yield Diagnosed(name, np.nan, measured.values[name], measured.interval(name), measured.method)
    if diagnoses.positive is None:
        return
    yield Diagnosed("auroc", np.nan, measured.values["auroc"], measured.interval("auroc"), BOOTSTRAP)
    rates = measured.values["sensitivity"], measured.values["specificity"]
    level = 1 - (1 - LEVEL) / 2
    bounds = measured.interval("sensitivity", level), measured.interval("specificity", level)
    for at in (measured.prevalence, *PREVALENCES):
        value, interval = positive_predictive_value(*rates, at), positive_predictive_interval(*bounds, at)
        yield Diagnosed("ppv", at, value, interval, measured.method)
        value, interval = negative_predictive_value(*rates, at), negative_predictive_interval(*bounds, at)
        yield Diagnosed("npv", at, value, interval, measured.method)


class _Rates:
    """Shares of subjects, and their intervals."""

    def __init__(self, diagnoses: Diagnoses, n_resamples: int, seed: int) -> None:
        positive = np.array([diagnoses.positive or 0], dtype=np.intp)
        repeat, none = np.unique(diagnoses.repeat, return_inverse=True)[1], np.zeros_like(diagnoses.repeat)
        scores = diagnoses.score[:, None]
        classes, folds = (positive, positive, scores), (repeat, none)
        self.numbers = Scored(diagnoses.truth, diagnoses.called, *classes, *folds, seed=diagnoses.seed)
        self.group = np.unique(diagnoses.group, return_inverse=True)[1]
        metrics = [*RATES, "auroc"]
        self.values = measure(self.numbers, metrics)
        self._of_seeds = [measure(of_seed, metrics) for of_seed in self.numbers.of_seeds]
        n, ill = len(diagnoses.truth), int((diagnoses.truth == positive).sum())
        _, first = np.unique(diagnoses.subject, return_index=True)
        self.prevalence = float((diagnoses.truth[first] == positive).mean())
        """Share of positive subjects."""
        self.method = EXACT if n == len(first) == self.group.max() + 1 else BOOTSTRAP
        self._trials = {"accuracy": n, "sensitivity": ill, "specificity": n - ill}
        self._resampling = n_resamples, seed

    def interval(self, name: str, level: float = LEVEL) -> Interval:
        values = [of_seed[name] for of_seed in self._of_seeds]
        return over_seeds(self._of_groups(name, level), values, METRICS[name].limits, level)

    def _of_groups(self, name: str, level: float) -> Interval:
        if self.method == BOOTSTRAP or name not in RATES:
            return intervals(self.numbers, self.group, *self._resampling, level=level, metrics=[name])[name]
        if self._trials[name] == 0:
            return Interval(np.nan, np.nan, 0)
        low, high = exact_interval(np.array([self.values[name]]), np.array([self._trials[name]]), level)
        return Interval(float(low[0]), float(high[0]), 0)
