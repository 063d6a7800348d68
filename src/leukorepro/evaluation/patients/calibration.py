"""Calibration: whether an event that is given a probability of 0.8 comes in 8 of 10 cases.

- **Brier score**: with two classes the mean of (p - y)^2 over rows, p being the probability of the positive class and y
  1 for its rows, 0 for others; with more the mean of the sum over all classes (Brier, Monthly Weather Review 78, 1950).
  From 0, the best, to 1 with two classes and 2 with more.
- **Brier score of the class shares** (`brier_reference`): that of stating for every row the shares of the classes among
  the rows. A classifier that does worse is worse than knowing the shares alone.
- **Expected calibration error** (`ece`): scores are put into `N_BINS` bins of equal width; over the bins, the mean
  distance of the mean stated probability from the share of rows in which the event came, weighted by rows (Naeini,
  Cooper and Hauskrecht, AAAI 2015). With two classes the event is the positive class; with more, that the class with
  the highest probability is right (Guo et al., ICML 2017). A few rows have an error above 0 by chance alone, and so has
  every resample of them: the interval lies too high where rows are few.
- **Error by chance** (`ece_by_chance`): the mean of that error over many draws of independent events that come exactly
  as often as stated, for the same scores. An `ece` near it shows no fault of calibration.
- **Calibration in the large**: mean stated probability minus the share of rows in which the event came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leukorepro.evaluation.intervals import Interval, percentile_interval, resample_weights, share_interval
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.patients.probabilities import Forecasts
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.metrics.registry import CALIBRATION, METRICS

N_BINS = 10
N_DRAWS = 200
"""Of events, for the error by chance."""


class Bin(NamedTuple):
    """Rows whose stated probability lies in one bin."""

    low: float
    high: float
    n_rows: int
    mean_score: float
    """Mean stated probability."""
    observed: float
    """Share of the rows in which the event came."""
    interval: Interval
    """Of that share."""


def calibration(rows: Forecasts, n_resamples: int, seed: int) -> dict[str, tuple[float, Interval]]:
    """Every metric of `CALIBRATION` with its interval, from resampling groups and over seeds; repeats are averaged.

    Parameters
    ----------
    rows : Forecasts
    n_resamples : int
        Resamples of groups that intervals come from.
    seed : int
        Of the resamples.
    """
    sums = _sums(rows)
    once = _measures(sums, np.ones((rows.n_groups, 1)))
    weights = resample_weights(rows.n_groups, n_resamples, seed).astype(np.float64)
    resamples = _measures(sums, weights)
    found = {}
    for name, values in resamples.items():
        of_groups = percentile_interval(values.mean(axis=0), rows.n_groups)
        interval = over_seeds(of_groups, rows.of_seeds(once[name][:, 0]), METRICS[name].limits)
        found[name] = float(once[name].mean()), interval
    found["ece_by_chance"] = _by_chance(rows, seed), Interval(np.nan, np.nan, 0)
    return {name: found[name] for name in CALIBRATION}


def reliability(rows: Forecasts, n_resamples: int, seed: int) -> Iterator[Bin]:
    """The reliability curve: every bin that holds a row, from the lowest up.

    A bin holds the rows of all seeds, one more of them than another, so that a seed has no value of its own there: its
    interval is for the groups alone.

    Parameters
    ----------
    rows : Forecasts
    n_resamples : int
        Resamples of groups that intervals come from.
    seed : int
        Of the resamples.
    """
    place = bins_of(rows.stated)
    weights = resample_weights(rows.n_groups, n_resamples, seed).astype(np.float64)
    for number in np.unique(place):
        inside = place == number
        group, came = rows.group[inside], rows.came[inside]
        counts = np.stack([np.bincount(group, c, rows.n_groups) for c in (came, np.ones_like(came))]) @ weights
        with np.errstate(invalid="ignore"):
            shares = counts[0] / counts[1]
        observed = float(came.mean())
        interval = share_interval(observed, shares, len(np.unique(group)))
        low, high = number / N_BINS, (number + 1) / N_BINS
        yield Bin(low, high, int(inside.sum()), float(rows.stated[inside].mean()), observed, interval)


def bins_of(stated: Floats) -> Ints:
    """Bin of each probability, 0 to `N_BINS` - 1; a bin holds its upper edge, the first one also its lower."""
    edges = np.arange(1, N_BINS) / N_BINS
    places: Ints = np.searchsorted(edges, stated)
    return places


def _sums(rows: Forecasts) -> Floats:
    """Per repeat, column and group: rows; squared errors; events stated and come, all and by bin; classes."""
    place = bins_of(rows.stated)[None, :] == np.arange(N_BINS)[:, None]
    squares = np.square(rows.probability - rows.true).sum(axis=1)
    columns = [np.ones_like(squares)[None], squares[None], place * rows.stated, place * rows.came, rows.true.T]
    return rows.sums(np.concatenate(columns))


def _measures(sums: Floats, weights: Floats) -> dict[str, Floats]:
    """All metrics but the error by chance for many weightings of the groups, each of shape (n_repeats, n_resamples)."""
    totals = sums @ weights
    n, squares, stated, came, classes = np.split(totals, [1, 2, 2 + N_BINS, 2 + 2 * N_BINS], axis=1)
    with np.errstate(invalid="ignore"):
        shares = classes / n
        values = {
            "brier": squares / n,
            "brier_reference": (shares * (1 - shares)).sum(axis=1, keepdims=True),
            "ece": np.abs(stated - came).sum(axis=1, keepdims=True) / n,
            "calibration_in_the_large": (stated - came).sum(axis=1, keepdims=True) / n,
        }
    return {name: value[:, 0] for name, value in values.items()}


def _by_chance(rows: Forecasts, seed: int) -> float:
    generator = np.random.default_rng(seed)
    errors = []
    for repeat in range(int(rows.repeat.max()) + 1):
        stated = rows.stated[rows.repeat == repeat]
        place: NDArray[np.bool_] = bins_of(stated)[None, :] == np.arange(N_BINS)[:, None]
        excess = stated[:, None] - (generator.random((len(stated), N_DRAWS)) < stated[:, None])
        errors.append(np.abs(place.astype(np.float64) @ excess).sum(axis=0).mean() / len(stated))
    return float(np.mean(errors))
