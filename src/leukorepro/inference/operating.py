"""How scores become decisions: the probability of the positive class, and the score from which a row is positive."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import expit, logit, softmax

from leukorepro.config.fields import Strict
from leukorepro.core.words import ScoreKind
from leukorepro.inference.performance import Measured
from leukorepro.systems.classifiers.tasks import Answers

Floats = NDArray[np.float64]

SHARPEST = 1e-6
"""Probabilities are kept so far from 0 and 1 before their log odds are taken."""


class _Fitted(Strict):
    """What every calibration says of itself."""

    n_images: int
    """Images whose scores it was fitted on, each by a model that was not trained on it."""
    measured: list[Measured]
    """How good its probabilities are, each by a calibration of the other folds; empty where there is one fold."""


class PlattCalibration(_Fitted):
    """Platt's calibration of two classes: the log odds of the positive one are `slope * x + intercept`.

    x is the score, or its log odds where scores are probabilities, drawn in by `drawn_in`.
    """

    method: Literal["platt"] = "platt"
    slope: float
    intercept: float

    @property
    def n_classes(self) -> int:
        """Classes whose probabilities it gives."""
        return 2

    def probabilities(self, scores: Floats, kind: ScoreKind) -> Floats:
        """Probability of the positive class.

        Parameters
        ----------
        scores : ndarray of float64, shape (N, 1)
            Of the positive class.
        kind : {'probability', 'log_odds', 'margin'}
            What the scores are.

        Returns
        -------
        ndarray of float64, shape (N, 1)
        """
        probabilities: Floats = expit(self.slope * drawn_in(scores, kind) + self.intercept)
        return probabilities


class MultinomialCalibration(_Fitted):
    """The same of several classes: logarithms of their probabilities are `slopes @ x + intercepts`, up to a constant.

    x are the scores of all classes, as in `PlattCalibration`.
    """

    method: Literal["multinomial"] = "multinomial"
    slopes: list[list[float]]
    """Of each class, by the class whose score it multiplies."""
    intercepts: list[float]

    @model_validator(mode="after")
    def _square(self) -> Self:
        if {len(self.slopes), *map(len, self.slopes)} != {len(self.intercepts)}:
            raise ValueError("slopes and intercepts are of different numbers of classes")
        return self

    @property
    def n_classes(self) -> int:
        """Classes whose probabilities it gives."""
        return len(self.intercepts)

    def probabilities(self, scores: Floats, kind: ScoreKind) -> Floats:
        """Probability of each class.

        Parameters
        ----------
        scores : ndarray of float64, shape (N, n_classes)
            Of every class.
        kind : {'probability', 'log_odds', 'margin'}
            What the scores are.

        Returns
        -------
        ndarray of float64, shape (N, n_classes)
            Every row sums to 1.
        """
        logits = drawn_in(scores, kind) @ np.transpose(self.slopes) + np.array(self.intercepts)
        return np.asarray(softmax(logits, axis=1))


Calibration = Annotated[PlattCalibration | MultinomialCalibration, Field(discriminator="method")]
"""How scores become probabilities: of two classes, or of several."""


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
    probabilities: Floats
    """Of the positive class alone, shape (N, 1), or of each of three classes or more, shape (N, n_classes)."""


def drawn_in(scores: Floats, kind: ScoreKind) -> Floats:
    """Scores s, of probabilities their log odds, as sign(s) log(1 + abs(s)).

    Margins of a cubic kernel reach from -10 to 1,000 on images that it was not fitted on, and a few of them would
    decide the slope; log odds of 14 stand for neighbours that all agree, not for one error in a million.

    Parameters
    ----------
    scores : ndarray of float64
        Of any shape.
    kind : {'probability', 'log_odds', 'margin'}
        What the scores are.
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
    prediction, scores = answers.predicted, answers.scores
    if threshold is not None:
        (other,) = (name for name in answers.classes if name != positive_class)
        prediction = np.where(scores[:, 0] >= threshold.score, str(positive_class), other).astype(object)
    stated = _stated(scores, kind) if calibration is None else calibration.probabilities(scores, kind)
    several = scores.shape[1] > 1
    place = [answers.classes.index(name) for name in prediction] if several else np.zeros(len(scores), np.intp)
    return Decisions(prediction, stated[np.arange(len(scores)), place], stated)


def _stated(scores: Floats, kind: ScoreKind) -> Floats:
    """Probabilities that scores say themselves, in their shape; NaN where they are margins."""
    if kind == "margin":
        return np.full_like(scores, np.nan)
    if kind == "probability":
        return scores
    return np.asarray(expit(scores) if scores.shape[1] == 1 else softmax(scores, axis=1))
