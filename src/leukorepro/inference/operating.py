"""How scores become decisions: the probability of the positive class, and the score from which a row is positive."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from leukorepro.config.fields import Strict
from leukorepro.core.words import ScoreKind
from leukorepro.inference.performance import Measured
from leukorepro.systems.classifiers.tasks import Answers

Floats = NDArray[np.float64]

SHARPEST = 1e-6
"""Probabilities are kept so far from 0 and 1 before their log odds are taken."""


class Calibration(Strict):
    """Platt's calibration: the log odds of the positive class are `slope * x + intercept`.

    x is the score, or its log odds where scores are probabilities, drawn in by `drawn_in`.
    """

    method: Literal["platt"] = "platt"
    slope: float
    intercept: float
    n_images: int
    """Images whose scores it was fitted on, each by a model that was not trained on it."""
    measured: list[Measured]
    """How good its probabilities are, each by a calibration of the other folds; empty where there is one fold."""

    def probabilities(self, scores: Floats, kind: ScoreKind) -> Floats:
        """Probability of the positive class, of scores (N,)."""
        probabilities: Floats = expit(self.slope * drawn_in(scores, kind) + self.intercept)
        return probabilities


class Threshold(Strict):
    """A threshold that was asked for by the sensitivity that it should have."""

    score: float
    """Rows with this score or a higher one are positive."""
    asked_sensitivity: float
    measured: list[Measured]
    """Sensitivity and specificity, each fold by the threshold that the other folds' scores give."""


class Decisions(NamedTuple):
    """What a model says of rows."""

    prediction: NDArray[np.object_]
    """Classes, shape (N,)."""
    probability: Floats
    """Of the positive class; with three classes or more, of the predicted one. NaN where scores are margins that
    nothing was calibrated on. Shape (N,)."""


def drawn_in(scores: Floats, kind: ScoreKind) -> Floats:
    """Scores s, of probabilities their log odds, as sign(s) log(1 + abs(s)).

    Margins of a cubic kernel reach from -10 to 1,000 on images that it was not fitted on, and a few of them would
    decide the slope; log odds of 14 stand for neighbours that all agree, not for one error in a million.
    """
    s = logit(np.clip(scores, SHARPEST, 1 - SHARPEST)) if kind == "probability" else scores
    drawn: Floats = np.sign(s) * np.log1p(np.abs(s))
    return drawn


def decisions(
    answers: Answers,
    kind: ScoreKind,
    positive_class: str | None,
    calibration: Calibration | None = None,
    threshold: Threshold | None = None,
) -> Decisions:
    """Predictions and probabilities of a system's answers.

    Parameters
    ----------
    answers : Answers
    kind : {'probability', 'log_odds', 'margin'}
        What its scores are.
    positive_class : str or None
        The class that high scores speak for, where there are two.
    calibration : Calibration, optional
        Without it probabilities are what the scores say themselves.
    threshold : Threshold, optional
        Without it predictions are the classifier's own.
    """
    prediction = answers.predicted
    if answers.scores.shape[1] == 1:
        scores = answers.scores[:, 0]
        if threshold is not None:
            (other,) = (name for name in answers.classes if name != positive_class)
            prediction = np.where(scores >= threshold.score, str(positive_class), other).astype(object)
        if calibration is not None:
            return Decisions(prediction, calibration.probabilities(scores, kind))
        stated = {"probability": scores, "log_odds": expit(scores)}.get(kind)
    else:
        place = [answers.classes.index(name) for name in prediction]
        stated = class_probabilities(answers.scores, kind)[np.arange(len(place)), place]
    return Decisions(prediction, np.full(len(prediction), np.nan) if stated is None else stated)


def class_probabilities(scores: Floats, kind: ScoreKind) -> Floats:
    """Probabilities of three classes or more, of scores (N, n_classes); NaN where scores are margins."""
    if kind == "margin":
        return np.full_like(scores, np.nan)
    return scores if kind == "probability" else np.asarray(softmax(scores, axis=1))
