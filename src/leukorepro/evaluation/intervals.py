"""Intervals of metrics, from resampling groups of images that belong together.

Images of one subject, and copies of one photograph, are not independent; resampling single images would make
intervals too narrow. So whole groups are drawn with replacement, as many as there are, and everything of a group (its
images, their views, their repeats) comes with it. The interval is the percentile interval of the metric over the
resamples (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

- Groups are drawn from all groups, not class by class: how many of each class there are is part of what varies.
- A resample that leaves a metric undefined (a class absent, say) is dropped and counted. There is no interval (NaN)
  if the metric rests on fewer than two groups, or if more than a tenth of the resamples was dropped.
- If the metric is 1 in every resample, resampling cannot say how far below 1 it may be. The lower bound is then the
  exact one of Clopper and Pearson for n successes in n trials, (alpha/2)**(1/n), n being the number of groups that the
  metric rests on (`leukorepro.evaluation.metrics.support`); about 3.7/n below 1. A metric of 0 everywhere has the
  mirrored upper bound. A mean, of losses say, is no share and has no such bound: if it is the same in every resample,
  there is no interval.
- The draws depend on the seed and on the number of groups alone, so items and rungs measured on the same groups are
  measured on the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leukorepro.evaluation.auroc import Floats, Ints
from leukorepro.evaluation.metrics import METRICS, Scored, measure_weighted, support

N_RESAMPLES = 2000
LEVEL = 0.95
MAX_UNDEFINED = 0.1
"""Largest share of resamples that may leave a metric undefined."""


@dataclass(frozen=True)
class Interval:
    """An interval, and what it was made from."""

    low: float
    """Lower bound; NaN if there is no interval."""
    high: float
    """Upper bound; NaN if there is no interval."""
    n_undefined: int
    """Resamples dropped because the metric was undefined in them."""


def intervals(
    rows: Scored,
    group: Ints,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    metrics: Sequence[str] = METRICS,
) -> dict[str, Interval]:
    """Interval of every metric, or of some.

    Parameters
    ----------
    rows : Scored
        The predictions of one item under one protocol.
    group : array of int, shape (n_rows,)
        Group of each row, 0 to n_groups - 1.
    n_resamples : int
        Number of resamples.
    seed : int
        Seed of the draws.
    level : float
        Nominal coverage, in (0, 1).
    metrics : sequence of str
        Names in `leukorepro.evaluation.metrics.METRICS` or in `rows.means`.
    """
    weights = resample_weights(int(group.max()) + 1, n_resamples, seed)
    resamples = measure_weighted(rows, group, weights, metrics)
    counts = support(rows, group)
    return {
        name: percentile_interval(values, counts[name], level, share=name not in rows.means)
        for name, values in resamples.items()
    }


@lru_cache(maxsize=4)
def resample_weights(n_groups: int, n_resamples: int, seed: int) -> NDArray[np.uint16]:
    """How often each group is drawn in each resample, shape (n_groups, n_resamples); every column sums to n_groups."""
    generator = np.random.default_rng(seed)
    weights = np.empty((n_groups, n_resamples), dtype=np.uint16)
    for resample in range(n_resamples):
        weights[:, resample] = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)
    weights.flags.writeable = False
    return weights


def percentile_interval(resamples: Floats, n_groups: int, level: float = LEVEL, *, share: bool = True) -> Interval:
    """Percentile interval of a metric.

    Parameters
    ----------
    resamples : array of float, shape (n_resamples,)
        The metric in every resample; NaN where undefined.
    n_groups : int
        Number of groups that the metric rests on.
    level : float
        Nominal coverage, in (0, 1).
    share : bool
        Whether the metric is a share, in [0, 1], that has exact bounds.
    """
    defined = resamples[~np.isnan(resamples)]
    undefined = len(resamples) - len(defined)
    if n_groups < 2 or undefined > MAX_UNDEFINED * len(resamples):
        return Interval(np.nan, np.nan, undefined)
    tail = (1 - level) / 2
    exact = tail ** (1 / n_groups)
    if not share and (defined == defined[0]).all():
        return Interval(np.nan, np.nan, undefined)
    if share and (defined == 1).all():
        return Interval(exact, 1.0, undefined)
    if share and (defined == 0).all():
        return Interval(0.0, 1 - exact, undefined)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), undefined)
