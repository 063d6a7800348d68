"""Decision curves: what a classifier is worth to someone who must decide.

Whoever treats at a probability of t or more holds one needless treatment to be t / (1 - t) times as bad as one missed
case. The **net benefit** at that threshold is TP / n - FP / n * t / (1 - t): true positives a row, less false ones at
that rate of exchange (Vickers and Elkin, Medical Decision Making 26, 2006). Its two rivals need no classifier: to treat
all, and to treat none, whose net benefit is 0.

Net benefits hold for the share of positive rows that was tested, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from leukorepro.evaluation.intervals import Interval, percentile_interval, resample_weights
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.patients.probabilities import Forecasts
from leukorepro.evaluation.seeds import over_seeds

THRESHOLDS = np.arange(2, 99, 2) / 100
"""Probabilities from which one treats."""


class Decision(NamedTuple):
    """Net benefits at one threshold."""

    threshold: float
    net_benefit: float
    interval: Interval
    treat_all: float
    treat_all_interval: Interval


def decision_curve(rows: Forecasts, n_resamples: int, seed: int) -> Iterator[Decision]:
    """Net benefit of the classifier and of treating all, at each of `THRESHOLDS`; repeats are averaged.

    Intervals are for the groups and for the seeds; what treating all is worth depends on seeds only where each tests
    other rows.

    Parameters
    ----------
    rows : Forecasts
        Of two classes.
    n_resamples : int
        Of groups.
    seed : int
        Of the resamples.
    """
    treated = rows.stated >= THRESHOLDS[:, None]
    everyone = np.ones((1, len(rows.stated)))
    sums = rows.sums(np.concatenate([everyone, rows.came[None], treated & rows.came, treated & ~rows.came]))
    model, treat_all = _net_benefits(sums, np.ones((rows.n_groups, 1)))
    weights = resample_weights(rows.n_groups, n_resamples, seed).astype(np.float64)
    models, treat_alls = _net_benefits(sums, weights)

    def with_interval(once: Floats, resamples: Floats) -> tuple[float, Interval]:
        of_groups = percentile_interval(resamples.mean(axis=0), rows.n_groups)
        return float(once.mean()), over_seeds(of_groups, rows.of_seeds(once[:, 0]))

    for place, threshold in enumerate(THRESHOLDS.tolist()):
        of_model = with_interval(model[:, place], models[:, place])
        yield Decision(threshold, *of_model, *with_interval(treat_all[:, place], treat_alls[:, place]))


def _net_benefits(sums: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Of the classifier and of treating all, for many weightings of the groups.

    Each of shape (n_repeats, n_thresholds, n_resamples).
    """
    totals = sums @ weights
    n, positive, true, false = np.split(totals, [1, 2, 2 + len(THRESHOLDS)], axis=1)
    exchange = (THRESHOLDS / (1 - THRESHOLDS))[:, None]
    with np.errstate(invalid="ignore"):
        model = (true - false * exchange) / n
        treat_all = (positive - (n - positive) * exchange) / n
    return model, treat_all
