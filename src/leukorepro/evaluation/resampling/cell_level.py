"""Intervals that take every cell for independent of every other: what most papers print, and too narrow.

They stand beside the intervals of `leukorepro.evaluation.intervals`, which resample groups, to show by how
much: cells of one patient are alike, and so are views of one image.

- **Wilson's** score interval (Journal of the American Statistical Association 22, 1927) for the accuracy and, with two
  classes of which one is positive, for sensitivity, specificity and precision. A macro average is no proportion and has
  none, neither has F1.
- **DeLong's** interval (Biometrics 44, 1988) for the AUROC of two classes, normal and cut at 0 and 1. Scores are
  compared within folds only, so the variance is that of the folds' areas, each by its share of the pairs, squared; of
  several repeats, which test the same cells again, it is the mean. A fold with pairs but fewer than two cells of either
  class has no variance, and an area without variance, as one of 1, says nothing of its precision: no interval.

A cell counts once in `n`, however often it was tested: views of an image are counted as cells, as papers do, repeats
and epochs are not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from leukorepro.core.tables.results import CELL_LEVEL_TABLE
from leukorepro.evaluation.contract import score_columns
from leukorepro.evaluation.intervals import LEVEL
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome, classes_of

WILSON, DELONG = "wilson", "delong"
"""Methods."""


def cell_level(outcomes: Outcomes) -> pd.DataFrame:
    """Cell-level intervals of every item on every rung.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions.

    Returns
    -------
    DataFrame
        A `CELL_LEVEL_TABLE`, tables and items in the study's order. `value` is that of the table of metrics.
    """
    lines = []
    for (number, item), (table, own) in outcomes.items.items():
        positive = outcomes.resolved.positive_class_of(table.split_of(own))
        for rung in outcomes.rungs(number, item):
            rows = outcomes.tested(Outcome(number, item, rung))
            names = (outcomes.resolved.study.key, number, item, rung)
            two_classes = score_columns(rows) == ["score"]
            view = _views(rows)
            of_class = positive if two_classes and table.average == "positive" else None
            for metric, chosen in _denominators(rows, of_class).items():
                n = len(np.unique(view[chosen]))
                lines.append((*names, metric, *_wilson(rows, chosen, n), WILSON, n))
            if two_classes and len(classes_of(rows)) == 2:
                lines.append((*names, "auroc", *_delong(rows, str(positive)), DELONG, len(np.unique(view))))
    return CELL_LEVEL_TABLE.frame(lines)


def delong_variance(positive: ArrayLike, negative: ArrayLike) -> float:
    """Variance of an AUROC (DeLong, DeLong and Clarke-Pearson, 1988, equation 5), from midranks (Sun and Xu, 2014).

    Parameters
    ----------
    positive, negative : array of float, shape (n_positive,), (n_negative,)
        Scores of the rows of either class, higher for rows more like the positive one.

    Returns
    -------
    float
        NaN with fewer than two rows of either class.
    """
    high, low = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if min(len(high), len(low)) < 2:
        return np.nan
    ranks = stats.rankdata(np.concatenate([high, low]))
    above = (ranks[: len(high)] - stats.rankdata(high)) / len(low)
    below = (ranks[len(high) :] - stats.rankdata(low)) / len(high)
    return float(above.var(ddof=1) / len(high) + below.var(ddof=1) / len(low))


def _denominators(rows: pd.DataFrame, positive: str | None) -> dict[str, NDArray[np.bool_]]:
    """Rows that each proportion is taken of."""
    chosen = {"accuracy": np.ones(len(rows), dtype=bool)}
    if positive is not None:
        true = (rows["y_true"] == positive).to_numpy()
        chosen |= {"sensitivity": true, "specificity": ~true, "precision": (rows["y_pred"] == positive).to_numpy()}
    return chosen


def _wilson(rows: pd.DataFrame, chosen: NDArray[np.bool_], n: int) -> tuple[float, float, float]:
    """Share of the chosen rows that are right, as a mean over the repeats, and its interval for `n` cells."""
    right = (rows["y_true"] == rows["y_pred"]).to_numpy()
    repeat, repeats = pd.factorize(rows["repeat"])
    total = np.bincount(repeat[chosen], minlength=len(repeats))
    if not total.all():  # undefined in one of them
        return np.nan, np.nan, np.nan
    value = float(np.mean(np.bincount(repeat[chosen], right[chosen], len(repeats)) / total))
    low, high = proportion_confint(value * n, n, alpha=1 - LEVEL, method="wilson")
    return value, float(low), float(high)


def _delong(rows: pd.DataFrame, positive: str) -> tuple[float, float, float]:
    """AUROC within folds, as a mean over the repeats, and its interval."""
    areas, variances = [], []
    for _, repeat in rows.groupby("repeat"):
        folds = [
            (fold["score"].to_numpy(), (fold["y_true"] == positive).to_numpy()) for _, fold in repeat.groupby("fold")
        ]
        sides = [(score[true], score[~true]) for score, true in folds if 0 < true.sum() < len(true)]
        pairs = np.array([len(high) * len(low) for high, low in sides], dtype=np.float64)
        share = pairs / pairs.sum()
        areas.append(share @ np.array([_area(high, low) for high, low in sides]) if sides else np.nan)
        variances.append(share**2 @ np.array([delong_variance(high, low) for high, low in sides]) if sides else np.nan)
    area, variance = float(np.mean(areas)), float(np.mean(variances))
    half = stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance) if variance > 0 else np.nan
    return area, float(np.clip(area - half, 0, 1)), float(np.clip(area + half, 0, 1))


def _area(positive: Floats, negative: Floats) -> float:
    """Share of pairs in the right order, ties counting half."""
    statistic = stats.mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(statistic / (len(positive) * len(negative)))


def _views(rows: pd.DataFrame) -> Ints:
    """A number for every view of an image, shape (n_rows,)."""
    image, _ = pd.factorize(rows["image_id"])
    view, views = pd.factorize(rows["view"])
    numbers: Ints = image * len(views) + view
    return numbers
