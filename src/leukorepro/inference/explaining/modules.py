"""Fitted classifiers and reducers as torch modules that give the same numbers, and gradients with them.

What is explained is a classifier's evidence: its decision value or, where it gives probabilities, what they are made
of (log-odds of two classes, logits of more), since a sigmoid and a softmax are flat where a decision is sure. Two
classes have one column, for the positive one; more have one each. All of it is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from torch import Tensor, nn

from leukorepro.core.errors import UserError
from leukorepro.core.words import ScoreKind
from leukorepro.inference.explaining.layers import (
    LINEAR,
    Affine,
    Difference,
    InFloat32,
    NormalDensities,
    PairsToClasses,
    Scaled,
    SupportVectors,
    Votes,
    of_pairs,
)
from leukorepro.systems.autoencoders.encoder import Encoder

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "identity": nn.Identity}
"""Of a perceptron, as scikit-learn names them."""

PROBABLE = ("LogisticRegression", "LinearDiscriminantAnalysis")
"""Linear classifiers whose probabilities are the sigmoid, or the softmax, of their decision values."""


class Unexplained(UserError):
    """What cannot be explained, and why."""


class Decision(nn.Module):
    """A fitted classifier, from rows to what it says of them.

    Parameters
    ----------
    values : Module
        From rows (N, D) to decision values, or logits.
    evidence_of, scores_of : Module
        From these to evidence and to scores, each of shape (N, 1) with two classes and (N, n_classes) with more.
    """

    def __init__(self, values: nn.Module, evidence_of: nn.Module, scores_of: nn.Module) -> None:
        super().__init__()
        self._values = values
        self._evidence_of = evidence_of
        self._scores_of = scores_of

    @property
    def is_linear(self) -> bool:
        """Whether evidence is a sum over the columns, each times a number, and a constant."""
        steps = (*self._values.modules(), *self._evidence_of.modules())
        return all(isinstance(step, LINEAR) and not isinstance(step, Votes) for step in steps)

    def evidence(self, rows: Tensor) -> Tensor:
        """What speaks for a class, shape (N, 1) with two classes, (N, n_classes) with more."""
        evidence: Tensor = self._evidence_of(self._values(rows.double()))
        return evidence

    def forward(self, rows: Tensor) -> Tensor:
        """Scores of rows as tables of predictions have them, shape (N, 1) or (N, n_classes)."""
        scores: Tensor = self._scores_of(self._values(rows.double()))
        return scores


def decision_of(fitted: Any, positive_class: str | None, kind: ScoreKind) -> Decision:
    """A fitted estimator as a module.

    Parameters
    ----------
    fitted : estimator
        Of scikit-learn or of `leukorepro.systems.classifiers`; a pipeline's first steps may scale, or be a PCA.
    positive_class : str or None
        With two classes, the one that evidence and scores speak for.
    kind : {'probability', 'log_odds', 'margin'}
        What its scores are.

    Raises
    ------
    Unexplained
        If it has no gradient, or none that is known here.
    """
    before, last = _steps(fitted)
    classes, values = list(last.classes_), nn.Sequential(*before, _values(last))
    if _name(last) not in ("SVC", "NuSVC"):
        if kind == "probability" and not _is_probable(last):
            raise Unexplained(
                f"{_name(last)}: how its probabilities follow from its decision values is not known here."
            )
        return _decision(values, classes, positive_class, probable=kind == "probability")
    if kind == "probability":
        raise Unexplained(f"{_name(last)}: its probabilities do not follow from its decision values alone.")
    if len(classes) > 2:
        return _kept(Decision(values, PairsToClasses(len(classes)), Votes(len(classes))))
    return _decision(values, classes, positive_class, probable=False)


def decision_of_logits(network: nn.Module, classes: Sequence[str], positive_class: str | None) -> Decision:
    """A network that gives the logits of classes as a module of their probabilities.

    Parameters
    ----------
    network : Module
        From rows, float32, shape (N, D), to logits (N, n_classes).
    classes : sequence of str
        In their order.
    positive_class : str or None
        With two classes, the one that evidence and scores speak for.
    """
    values = nn.Sequential(InFloat32(network), *([Difference()] if len(classes) == 2 else []))
    return _decision(values, classes, positive_class, probable=True)


def _decision(values: nn.Module, classes: Sequence[str], positive_class: str | None, *, probable: bool) -> Decision:
    """Of two classes the values are one column, for the second one."""
    if len(classes) > 2:
        return _kept(Decision(values, nn.Identity(), nn.Softmax(1) if probable else nn.Identity()))
    of_positive = Scaled(0.0, 1.0 if classes[1] == positive_class else -1.0)
    scores_of = nn.Sequential(of_positive, nn.Sigmoid()) if probable else of_positive
    return _kept(Decision(values, of_positive, scores_of))


def _kept(decision: Decision) -> Decision:
    """Nothing of a fitted system is trained any more."""
    return decision.eval().requires_grad_(False)


def encoder_module(encoder: Encoder) -> nn.Module:
    """The encoder of a sparse autoencoder, from feature rows (N, n_features) to codes (N, n_hidden)."""
    scaling = Scaled(encoder.x_min, encoder.x_range)
    return nn.Sequential(scaling, Affine(encoder.weight, encoder.bias), nn.Sigmoid())


def scaler_module(scaler: Any) -> Scaled:
    """A fitted `StandardScaler`."""
    shift = 0.0 if scaler.mean_ is None else scaler.mean_
    return Scaled(shift, 1.0 if scaler.scale_ is None else scaler.scale_)


def _steps(fitted: Any) -> tuple[list[nn.Module], Any]:
    """What a pipeline does before its classifier, as modules, and the classifier."""
    from sklearn.pipeline import Pipeline

    if not isinstance(fitted, Pipeline):
        return [], fitted
    return [_transformer(step) for _, step in fitted.steps[:-1]], fitted.steps[-1][1]


def _transformer(step: Any) -> nn.Module:
    name = _name(step)
    if name == "StandardScaler":
        return scaler_module(step)
    if name == "MinMaxScaler":
        return Scaled(-step.min_ / step.scale_, 1 / step.scale_)
    if name == "PCA":
        weights = step.components_
        if step.whiten:
            weights = weights / np.sqrt(step.explained_variance_)[:, None]
        return Affine(weights, -weights @ step.mean_)
    raise Unexplained(f"{name}: its decisions cannot be explained, because no gradient through it is known here.")


def _values(fitted: Any) -> nn.Module:
    """Decision values of a classifier; with two classes one column, for the second one."""
    from sklearn.linear_model._base import LinearClassifierMixin

    name, two = _name(fitted), len(fitted.classes_) == 2
    if name in ("SVC", "NuSVC") and fitted.kernel == "linear":
        return Affine(of_pairs(fitted).T @ fitted.support_vectors_, fitted.intercept_)
    if name in ("SVC", "NuSVC") and fitted.kernel in ("poly", "rbf"):
        return SupportVectors(fitted)
    if isinstance(fitted, LinearClassifierMixin):
        return Affine(fitted.coef_, fitted.intercept_)
    difference = [Difference()] if two else []
    if name == "SoftmaxLayer":
        return nn.Sequential(Affine(fitted.weights_.T, fitted.intercepts_), *difference)
    if name == "Perceptron":
        return nn.Sequential(deepcopy(fitted.network_).double(), *([] if fitted.output == "logistic" else difference))
    if name == "MLPClassifier":
        return nn.Sequential(*_layers(fitted.coefs_, fitted.intercepts_, ACTIVATIONS[fitted.activation]))
    if name == "GaussianNB":
        return nn.Sequential(NormalDensities(fitted), *difference)
    raise Unexplained(
        f"{name}: its decisions have no gradient that is known here, and so cannot be explained; explain an item with "
        "another classifier."
    )


def _layers(weights: Sequence[Any], biases: Sequence[Any], activation: type[nn.Module]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for weight, bias in zip(weights, biases, strict=True):
        layers += [Affine(weight.T, bias), activation()]
    return layers[:-1]


def _is_probable(fitted: Any) -> bool:
    from sklearn.linear_model._base import LinearClassifierMixin

    return not isinstance(fitted, LinearClassifierMixin) or _name(fitted) in PROBABLE


def _name(fitted: Any) -> str:
    return type(fitted).__name__
