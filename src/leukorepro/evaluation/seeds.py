"""Numbers of a run that draws several times: their mean over the seeds, their spread, and the interval of the mean.

Whatever is drawn (splits, initial weights, the order of rows) differs from seed to seed, and the images do not. A mean
over seeds is therefore uncertain twice: for the groups of images that happen to be there, which resampling tells
(`leukorepro.evaluation.intervals`, every group with its rows of all seeds), and for the seeds that happened to be
drawn, which the values of the single seeds tell. The two are crossed and independent, so that their variances add up.
Their intervals are put together by Zou and Donner's way of recovering variances from limits (Statistics in Medicine 27,
2008): each side reaches as far as the root of the sum of both squared reaches. That keeps the interval of the groups,
with its small-sample corrections and its exact bounds, and gives it back unchanged where the seeds agree. The reach of
the seeds is that of the t distribution, t * s / sqrt(n), with s the standard deviation between n seeds.

What groups and seeds do together is counted on both sides, so the interval is rather too wide than too narrow: with 20
to 40 groups and 3 to 5 seeds the one of 95 % covers in 92 to 100 % (`tests/unit/test_seeds.py`), that of the groups
alone, where seeds differ as much as groups do, in far fewer. Where seeds test different images, as single hold-outs do,
the groups' share is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from leukorepro.evaluation.intervals import LEVEL, Interval


def spread(values: Sequence[float]) -> float:
    """Standard deviation between the values of seeds; NaN of one value, or where one is undefined."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def over_seeds(
    of_groups: Interval, values: Sequence[float], level: float = LEVEL, *, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """Interval of the mean over seeds, for the groups and for the seeds.

    Parameters
    ----------
    of_groups : Interval
        Of the mean over the seeds, from resampling groups.
    values : sequence of float
        Value of each seed; with one alone, or one that is undefined, the interval stays that of the groups.
    level : float
        Nominal coverage, in (0, 1), of both.
    least, most : float
        What such a number can be at least and at most; default: anything.
    """
    deviation = spread(values)
    if np.isnan(deviation):
        return of_groups
    mean = float(np.mean(values))
    reach = float(stdtrit(len(values) - 1, (1 + level) / 2)) * deviation / np.sqrt(len(values))
    if reach == 0 or np.isnan(of_groups.low):
        return of_groups
    low = mean - np.hypot(max(mean - of_groups.low, 0), reach)
    high = mean + np.hypot(max(of_groups.high - mean, 0), reach)
    return Interval(float(np.maximum(low, least)), float(np.minimum(high, most)), of_groups.n_undefined)


def as_text(values: Sequence[float]) -> str:
    """Values of seeds as a table keeps them; none where one is undefined."""
    return "" if np.isnan(values).any() else " ".join(map(repr, map(float, values)))


def from_text(kept: str) -> list[float]:
    """Values of seeds as a table keeps them."""
    return [float(value) for value in kept.split()]
