"""What the run measured of an item, and what its tested rows say of probabilities and thresholds.

Scores of a fold are those of a model that was not fitted on it. Calibrations and thresholds that a model is given are
made of the scores of all folds; how good they are is measured with those that the scores of the other folds give, since
no score may be judged by what was made of it. Training rows would be of no use: many classifiers know theirs by heart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from leukorepro.config.run_files import how_to_finish
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import METRICS_TABLE
from leukorepro.core.words import ScoreKind
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.outcome_metrics import Measuring, outcome_metrics
from leukorepro.evaluation.patients.calibration import calibration
from leukorepro.evaluation.patients.probabilities import forecasts
from leukorepro.evaluation.predictions import groups_of_rows, outcomes, read_predictions, score_of_class
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.operating import (
    Calibration,
    MultinomialCalibration,
    PlattCalibration,
    Threshold,
    drawn_in,
)
from leukorepro.inference.performance import Measured, RungPerformance
from leukorepro.ladder.rungs import LADDER, honest_rung
from leukorepro.metrics.registry import OF_PREDICTIONS

Floats = NDArray[np.float64]

OPERATING = ("sensitivity", "specificity")
"""Metrics that a threshold trades for one another."""


def performance(choice: Choice) -> list[RungPerformance]:
    """Metrics of an item on every rung with their intervals, as the run has written them, the honest rung first.

    Raises
    ------
    UserError
        If the run is not finished.
    """
    path = choice.folder.table("metrics")
    if not path.is_file():
        again = how_to_finish(choice.run.name)
        raise UserError(f"{path}: no such file, so that the run '{choice.run.name}' is not finished; {again}.")
    table = METRICS_TABLE.read(path)
    own = table[(table["table"] == choice.table) & (table["item"] == choice.item.item) & table["value"].notna()]
    own = own[own["metric"].isin(OF_PREDICTIONS)]
    honest = honest_rung(choice.study.protocols)
    order = sorted(LADDER, key=lambda rung: (rung != honest, -list(LADDER).index(rung)))
    return [
        RungPerformance(
            rung=rung,
            honest=rung == honest,
            n_images=int(rows["n_images"].iloc[0]),
            n_subjects=int(rows["n_subjects"].iloc[0]),
            metrics=_measured(rows),
        )
        for rung in order
        if len(rows := own[own["protocol"] == rung])
    ]


def _measured(rows: pd.DataFrame) -> list[Measured]:
    """Lines of a table of metrics."""
    return [
        Measured(metric=name, value=value, low=None if np.isnan(low) else low, high=None if np.isnan(high) else high)
        for name, value, low, high in rows[["metric", "value", "ci_low", "ci_high"]].itertuples(index=False)
    ]


class OutOfFold(NamedTuple):
    """Tested rows of an item on a rung: the scores of each are of a model that was not fitted on it."""

    rows: pd.DataFrame
    """Predictions, by image, view, repeat and fold."""
    columns: dict[str, str]
    """Column of the score of the positive class alone, or of each of several."""
    kind: ScoreKind
    seed: int

    @property
    def scores(self) -> Floats:
        """Shape (n, 1) or (n, n_classes)."""
        return self.rows[list(self.columns.values())].to_numpy(np.float64)

    @property
    def true(self) -> NDArray[np.bool_]:
        """Whether a row is of the positive class, or of each class, shape (n, 1) or (n, n_classes)."""
        true = self.rows["y_true"].to_numpy(dtype=object)
        return np.stack([true == name for name in self.columns], axis=1)

    @property
    def positive_class(self) -> str | None:
        """With two classes, the one that scores speak for."""
        return next(iter(self.columns)) if len(self.columns) == 1 else None

    @property
    def others(self) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """Rows of every fold, and those of all other folds of its repeat; none where a repeat has one fold."""
        repeat, fold = self.rows["repeat"].to_numpy(), self.rows["fold"].to_numpy()
        pairs = sorted(set(zip(repeat.tolist(), fold.tolist(), strict=True)))
        parts = [((repeat == r) & (fold == f), (repeat == r) & (fold != f)) for r, f in pairs]
        return parts if all(other.any() for _, other in parts) else []


def out_of_fold(choice: Choice) -> OutOfFold:
    """Tested rows of an item.

    Of a fold, all but those that it was tested on, in whatever repeat: nothing of its model may have seen them. Where
    the predictions after every epoch of a network count, those after the last one.
    """
    predictions = read_predictions(choice.folder.predictions(choice.rung))
    wanted = (choice.table, choice.item.item, choice.rung)
    rows = next(rows for name, rows in outcomes(predictions) if name == wanted)
    columns = score_of_class(rows, choice.positive_class)
    spec, table = choice.classifier, choice.study.study.tables[choice.table]
    if isinstance(spec, ClassifierTrainingSpec) and table.epochs == "all":
        rows = rows[rows["repeat"] % spec.epochs[choice.run.budget] == spec.epochs[choice.run.budget] - 1]
    if choice.fold is not None:
        own = (rows["repeat"] == rows["repeat"].min()) & (rows["fold"] == choice.fold)
        tested = pd.MultiIndex.from_frame(rows[["image_id", "view"]])
        rows = rows[~tested.isin(tested[own])]
    rows = rows.sort_values(["image_id", "view", "repeat", "fold"], ignore_index=True)
    return OutOfFold(rows, columns, spec.scores, choice.run.seed)


def calibrate(tested: OutOfFold) -> Calibration | None:
    """Calibration of tested rows' scores, and how good it is; None where no row is left."""
    if tested.rows.empty:
        return None
    scores, true, everything = tested.scores, tested.true, np.ones(len(tested.rows), dtype=bool)

    def of_rows(rows: NDArray[np.bool_]) -> Calibration:
        slopes, intercepts = _logistic(drawn_in(scores[rows], tested.kind), true[rows])
        told: dict[str, Any] = {"n_images": tested.rows.loc[rows, "image_id"].nunique(), "measured": []}
        if len(tested.columns) == 1:
            return PlattCalibration(slope=float(slopes[0, 0]), intercept=float(intercepts[0]), **told)
        return MultinomialCalibration(slopes=slopes.tolist(), intercepts=intercepts.tolist(), **told)

    fitted = of_rows(everything)
    if not tested.others:
        return fitted

    def of_others(here: NDArray[np.bool_], other: NDArray[np.bool_]) -> Floats:
        return of_rows(other).probabilities(scores[here], tested.kind)

    crossed = _crossed(tested, of_others)
    stated = tested.rows.assign(**dict(zip(tested.columns.values(), crossed.T, strict=True)))
    rows = forecasts(stated, "probability", tested.positive_class, groups_of_rows(stated))
    assert rows is not None  # they are probabilities
    found = calibration(rows, N_RESAMPLES, tested.seed)
    frame = pd.DataFrame([(name, value, i.low, i.high) for name, (value, i) in found.items()])
    frame.columns = pd.Index(["metric", "value", "ci_low", "ci_high"])
    return fitted.model_copy(update={"measured": _measured(frame)})


def choose_threshold(tested: OutOfFold, sensitivity: float, rung: str) -> Threshold:
    """The highest threshold with a sensitivity, and what such thresholds come to on rows that they are not made of.

    Parameters
    ----------
    tested : OutOfFold
        Tested rows of the item on the rung.
    sensitivity : float
        Share of the positive rows that the threshold must find, at least.
    rung : str
        Its key, for messages.

    Raises
    ------
    UserError
        If there are more than two classes, or one fold alone.
    """
    if tested.positive_class is None:
        raise UserError("--sensitivity: this item has more than two classes, and no class that counts as positive.")
    if not tested.others:
        raise UserError(
            f"--sensitivity: one fold is tested on {rung}, and none is left to measure a threshold on; choose a rung "
            "with several, or leave the threshold as it is."
        )
    scores, positive = tested.scores[:, 0], tested.true[:, 0]

    def of_others(here: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return scores[here, None] >= _highest(scores[other], positive[other], sensitivity)

    negative = next(name for name in {*tested.rows["y_true"], *tested.rows["y_pred"]} if name != tested.positive_class)
    said = np.where(_crossed(tested, of_others)[:, 0].astype(bool), tested.positive_class, negative)
    measuring = Measuring([], "positive", tested.positive_class, {}, N_RESAMPLES, tested.seed)
    found = outcome_metrics(tested.rows.assign(y_pred=said), None, measuring)
    measured = _measured(found[found["metric"].isin(OPERATING)])
    return Threshold(score=_highest(scores, positive, sensitivity), asked_sensitivity=sensitivity, measured=measured)


def _crossed(
    tested: OutOfFold, of_others: Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.generic]]
) -> Floats:
    """What the scores of the other folds say of every row, in the shape of the scores."""
    values = np.full(tested.scores.shape, np.nan)
    for here, other in tested.others:
        values[here] = of_others(here, other)
    return values


def _logistic(x: Floats, true: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Slopes and intercepts of the log odds of the positive class, or of the logarithms of several probabilities.

    Parameters
    ----------
    x : ndarray, shape (n, 1) or (n, n_classes)
        Scores, drawn in.
    true : ndarray of bool, same shape

    Returns
    -------
    tuple of ndarray
        Shapes (1, 1) and (1,), or (n_classes, n_classes) and (n_classes,).

    Notes
    -----
    Platt (1999), Probabilistic outputs for support vector machines: a logistic regression whose targets are not 1 and 0
    but (n_k + 1) / (n_k + K) for a row's own class k of K, of which there are n_k rows, and 1 / (n_k + K) for every
    other. That is the regression of every row once as each class, with these as weights. Scores are scaled for the
    solver's sake.
    """
    of_classes = np.hstack([~true, true]) if true.shape[1] == 1 else true
    n, n_classes = of_classes.shape
    others = 1 / ((of_classes @ of_classes.sum(axis=0)) + n_classes)
    target = np.where(of_classes, 1 - (n_classes - 1) * others[:, None], others[:, None])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1
    regression = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    scaled = np.tile((x - mean) / spread, (n_classes, 1))
    regression.fit(scaled, np.repeat(np.arange(n_classes), n), sample_weight=target.T.ravel())
    slopes = regression.coef_ / spread
    return slopes, regression.intercept_ - slopes @ mean


def _highest(scores: Floats, positive: NDArray[np.bool_], sensitivity: float) -> float:
    """The highest of the scores from which on the share of positive rows is at least the sensitivity."""
    _, shares, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    return float(thresholds[np.argmax(shares >= sensitivity)])
