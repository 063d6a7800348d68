"""Intervals of metrics, from resampling groups of images that belong together.

Images of one subject, and copies of one photograph, are not independent; resampling single images would make
intervals too narrow. So whole groups are drawn with replacement, as many as there are, and everything of a group (its
images, their views, their repeats) comes with it (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).

Studies have few groups, and there the plain percentile interval is too narrow. With Gaussian features of 16 to 40
subjects and folds that keep subjects together, the one of 95 % covered what the fitted models really do in 84 to 94 %
of 600 repetitions; with 10 subjects in 81 to 92 %. Therefore:

- Shares, which most metrics are, have a t interval on the logit scale (`share_interval`): what the
  resamples tell is the standard error. It covered in 91 to 99 % where the smaller class had 12 subjects or more, and in
  90 to 100 % where it had 5 to 10. In `snakemake validity`, with the simulator and the whole pipeline, it covers on the
  rung `subject_disjoint` in 90 to 98.5 % of 200 repetitions, the plain one in 81.5 to 92.5 %.
- Means of other numbers, such as losses, and differences have a percentile interval whose percentiles follow from the
  t distribution (`percentile_interval`). It covered in 88 to 93 %, the plain one in 84 to 91 %.
- Groups are drawn from all groups, not class by class: how many of each class there are is part of what varies.
- A resample that leaves a metric undefined (a class absent, say) is dropped and counted. There is no interval (NaN)
  if the metric rests on fewer than two groups, or if more than a tenth of the resamples was dropped.
- If the metric is 1 in every resample, resampling cannot say how far below 1 it may be. The lower bound is then the
  exact one of Clopper and Pearson for n successes in n trials, (alpha/2)**(1/n), n being the number of groups that the
  metric rests on (`leukorepro.evaluation.metrics.metrics.support`); about 3.7/n below 1. A metric of 0 everywhere has
  the mirrored upper bound. Any other number that is the same in every resample has no interval.
- The draws depend on the seed and on the number of groups alone, so items and rungs measured on the same groups are
  measured on the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, stdtrit

from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.metrics.metrics import Scored, measure, measure_weighted, smaller_class, support
from leukorepro.metrics.registry import METRICS, OF_PREDICTIONS

N_RESAMPLES = 2000
LEVEL = 0.95
MAX_UNDEFINED = 0.1
"""Largest share of resamples that may leave a metric undefined."""
ROUNDING = 1e-12
"""Largest difference between resamples that are equal but for rounding."""


@dataclass(frozen=True)
class Interval:
    """An interval, and what it was made from."""

    low: float
    """Lower bound; NaN if there is no interval."""
    high: float
    """Upper bound; NaN if there is no interval."""
    n_undefined: int
    """Resamples dropped because the metric was undefined in them."""
    freedom: float = np.inf
    """Degrees of freedom of the t distribution that its bounds were made with; infinite where they were without."""


def intervals(
    rows: Scored,
    group: Ints,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    metrics: Sequence[str] = OF_PREDICTIONS,
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
        Names in `leukorepro.metrics.registry.OF_PREDICTIONS`, or of metrics whose columns are in `rows.numbers`.
    """
    weights = resample_weights(int(group.max()) + 1, n_resamples, seed)
    resamples = measure_weighted(rows, group, weights, metrics)
    shares = measure(rows, [name for name in metrics if METRICS[name].has_share])
    counts = support(rows, group)
    smaller = smaller_class(rows, group)
    return {
        name: share_interval(
            shares[name], values, counts[name], level, smaller if METRICS[name].mixes_classes else None
        )
        if name in shares
        else percentile_interval(values, counts[name], level)
        for name, values in resamples.items()
    }


@lru_cache(maxsize=4)
def resample_weights(n_groups: int, n_resamples: int, seed: int) -> NDArray[np.uint16]:
    """How often each group is drawn in each resample.

    Parameters
    ----------
    n_groups : int
        Groups, of which as many are drawn with replacement.
    n_resamples : int
        Resamples.
    seed : int
        Of the draws; more resamples of a seed begin with the same ones.

    Returns
    -------
    ndarray of uint16, shape (n_groups, n_resamples)
        Read-only; every column sums to `n_groups`.
    """
    generator = np.random.default_rng(seed)
    weights = np.empty((n_groups, n_resamples), dtype=np.uint16)
    for resample in range(n_resamples):
        weights[:, resample] = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)
    weights.flags.writeable = False
    return weights


def share_interval(
    value: float, resamples: Floats, n_groups: int, level: float = LEVEL, n_smaller: int | None = None
) -> Interval:
    """t interval of a share on the logit scale, with the standard error that its resamples tell.

    Parameters
    ----------
    value : float
        The share, in [0, 1].
    resamples : array of float, shape (n_resamples,)
        The share in every resample of the groups; NaN where undefined.
    n_groups : int
        Number of groups that the share rests on.
    level : float
        Nominal coverage, in (0, 1).
    n_smaller : int, optional
        Where the share is of two classes together: number of groups of the smaller one; default: `n_groups`.

    Notes
    -----
    The logit of a share p has the standard error s / (p (1 - p)), by the delta method. Here s is the deviation of the
    resamples times sqrt(n / (n - 1)), by which the bootstrap of n groups falls short, and t has n - 1 degrees of
    freedom. Korn and Graubard, Survey Methodology 24, 1998, compare it with other intervals of shares in clusters. The
    accuracy of two classes is a mixture of two shares; n is then the smaller class's number of groups, whose n - 1 is
    the lower bound of Welch's degrees of freedom. With all groups it covered in 86 to 89 % with 24 subjects.
    """
    defined, undefined = _defined(resamples, n_groups)
    low: float | Floats = np.nan
    high: float | Floats = np.nan
    n = n_groups if n_smaller is None else n_smaller
    if _varies(defined) and n > 1:
        error = defined.std() * np.sqrt(n / (n - 1)) / (value * (1 - value))
        reach = stdtrit(n - 1, (1 + level) / 2) * error
        low, high = expit(logit(value) - reach), expit(logit(value) + reach)
    elif defined.size > 0 and value in (0, 1):
        low, high = exact_interval(value, n_groups, level)
    return Interval(float(low), float(high), undefined, n - 1)


def percentile_interval(resamples: Floats, n_groups: int, level: float = LEVEL) -> Interval:
    """Percentile interval of a number that is no share, its percentiles widened for few groups.

    Parameters
    ----------
    resamples : array of float, shape (n_resamples,)
        The number in every resample of the groups; NaN where undefined.
    n_groups : int
        Number of groups that it rests on.
    level : float
        Nominal coverage, in (0, 1).

    Notes
    -----
    Where the resamples are normal, this is the t interval: "expanded percentile interval", Hesterberg, The American
    Statistician 69, 2015.
    """
    defined, undefined = _defined(resamples, n_groups)
    if not _varies(defined):
        return Interval(np.nan, np.nan, undefined)
    tail = ndtr(-np.sqrt(n_groups / (n_groups - 1)) * stdtrit(n_groups - 1, (1 + level) / 2))
    low, high = np.quantile(defined, tail), np.quantile(defined, 1 - tail)
    return Interval(float(low), float(high), undefined, n_groups - 1)


def exact_interval(share: ArrayLike, n_trials: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Interval of Clopper and Pearson (Biometrika 26, 1934) of shares, as bounds of the same shape.

    Parameters
    ----------
    share : array of float
        Share of successes, in [0, 1]; of fewer trials than it was counted in, where those are not independent.
    n_trials : array of int
        At least 1.
    level : float
        Nominal coverage, in (0, 1).
    """
    from statsmodels.stats.proportion import proportion_confint  # half a second, and seldom needed

    n = np.asarray(n_trials)
    low, high = proportion_confint(np.asarray(share) * n, n, alpha=1 - level, method="beta")
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def _defined(resamples: Floats, n_groups: int) -> tuple[Floats, int]:
    """Resamples in which a number is defined, none if it has no interval, and how many are left out."""
    defined = resamples[~np.isnan(resamples)]
    undefined = len(resamples) - len(defined)
    return defined[:0] if n_groups < 2 or undefined > MAX_UNDEFINED * len(resamples) else defined, undefined


def _varies(defined: Floats) -> bool:
    return defined.size > 0 and bool(np.ptp(defined) > ROUNDING)
