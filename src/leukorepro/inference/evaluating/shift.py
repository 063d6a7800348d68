"""How other images differ from those that a model was fitted on, whether or not it is right about them.

Every measure is the mean over images of a number from 0 to 1, so that all have the interval of a share:

- `unlike`: whether an image is flagged as unlike the training images; 1 % of these are.
- `told_apart`: the share of training images that lie nearer than the image. The mean is the area under the ROC curve of
  a judge who tells these images from training images by their distance: 0.5 where nothing tells them apart.
- `share`: whether an image is of a class.
- `share_called`: whether it is called so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from leukorepro.core.tables.results import SHIFT_TABLE
from leukorepro.evaluation.intervals import resample_weights, share_interval
from leukorepro.evaluation.metrics.auroc import Floats, Ints

UNLIKE, TOLD_APART, SHARE, SHARE_CALLED = "unlike", "told_apart", "share", "share_called"


def shift(
    images: pd.DataFrame,
    group: Ints,
    classes: Sequence[str],
    training: Floats | None,
    training_shares: Sequence[float],
    n_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Every measure with its interval, beside what it is for training images.

    Parameters
    ----------
    images : DataFrame
        Columns `y_true`, `y_pred` and `distance`.
    group : array of int, shape (n_images,)
        Group of each image.
    classes : sequence of str
        The model's.
    training : array of float or None
        Distances of training images from fits that did not see them; None where the model knows of none.
    training_shares : sequence of float
        Of each class among training images.
    n_resamples, seed : int
        Of the resamples of groups that intervals come from.

    Returns
    -------
    DataFrame
        A `SHIFT_TABLE`.
    """
    lines: list[tuple[str, str, ArrayLike, float]] = []
    if training is not None:
        distance, nearer = images["distance"].to_numpy(), np.sort(training)
        below = np.searchsorted(nearer, distance) + np.searchsorted(nearer, distance, side="right")
        lines.append((UNLIKE, "", distance > 1, float((training > 1).mean())))
        lines.append((TOLD_APART, "", below / (2 * len(nearer)), 0.5))
    for name, share in zip(classes, training_shares, strict=True):
        lines.append((SHARE, name, images["y_true"] == name, share))
        lines.append((SHARE_CALLED, name, images["y_pred"] == name, share))
    weights = resample_weights(int(group.max()) + 1, n_resamples, seed).astype(np.float64)
    return SHIFT_TABLE.frame(
        (measure, name, *_mean(np.asarray(numbers, dtype=np.float64), group, weights), of_training)
        for measure, name, numbers, of_training in lines
    )


def _mean(numbers: Floats, group: Ints, weights: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean over images, and its interval from resampling groups."""
    sums = np.stack([np.bincount(group, column) for column in (numbers, np.ones_like(numbers))]) @ weights
    interval = share_interval(float(numbers.mean()), sums[0] / sums[1], len(weights))
    return float(numbers.mean()), interval.low, interval.high
