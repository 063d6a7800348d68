"""Classifiers by their configuration, as estimators of scikit-learn's kind: what every faster way must agree with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from leukorepro.config.systems import (
    ClassifierBase,
    DecisionTreeSpec,
    KnnSpec,
    LogisticRegressionSpec,
    MlpSpec,
    RandomForestSpec,
    SgdSpec,
    SoftmaxSpec,
    SvmSpec,
)
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.softmax_layer import SoftmaxLayer

CACHE_MB = 1000
"""Kernel values that a support vector machine keeps while it is fitted."""


def build_classifier(spec: ClassifierBase, seed: int = 0, budget: Budget = "published") -> Pipeline:
    """Unfitted classifier of a study, with its scaler.

    The scaler is a step of the pipeline: it sees only the rows that the classifier is fitted on.

    Parameters
    ----------
    spec : ClassifierBase
        A support vector machine's `gamma: median` is a number by now:
        `leukorepro.systems.classifiers.kernels.resolve_gamma`.
    seed : int
        Of whatever the classifier draws.
    budget : {'demo', 'published'}
        Which of a network's numbers of epochs is used.
    """
    estimator = build_estimator(spec, seed, budget)
    return make_pipeline(StandardScaler(), estimator) if spec.standardize else make_pipeline(estimator)


def build_estimator(spec: ClassifierBase, seed: int, budget: Budget) -> ClassifierMixin:
    """Unfitted classifier for rows that are scaled already, where it wants them so; parameters as above."""
    return MAKERS[type(spec)](spec, seed, budget)


def scores(classifier: ClassifierMixin, X: ArrayLike, positive_class: str | None) -> NDArray[np.float64]:
    """Decision values of rows, or probabilities where a classifier has no decision values.

    Parameters
    ----------
    classifier : ClassifierMixin
        Fitted on two or more classes.
    X : array-like, shape (N, D)
    positive_class : str or None
        The class that high values speak for, where there are two.

    Returns
    -------
    ndarray, shape (N, 1) with two classes, (N, n_classes) in the order of ``classifier.classes_`` with more
    """
    last_is_positive = classifier.classes_[-1] == positive_class
    if not hasattr(classifier, "decision_function"):
        values = np.asarray(classifier.predict_proba(X), dtype=np.float64)
        return values[:, [1 if last_is_positive else 0]] if values.shape[1] == 2 else values
    values = np.asarray(classifier.decision_function(X), dtype=np.float64)
    if values.ndim == 1:
        return (values if last_is_positive else -values)[:, None]
    return values


def _svm(spec: SvmSpec, *_: Any) -> SVC:
    return SVC(
        C=spec.C, kernel=spec.kernel, degree=spec.degree, coef0=spec.coef0, gamma=spec.gamma, cache_size=CACHE_MB
    )


def _knn(spec: KnnSpec, *_: Any) -> KNeighborsClassifier:
    return KNeighborsClassifier(spec.n_neighbors)


def _decision_tree(_: DecisionTreeSpec, seed: int, __: Budget) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=seed)


def _random_forest(spec: RandomForestSpec, seed: int, _: Budget) -> RandomForestClassifier:
    return RandomForestClassifier(spec.n_estimators, random_state=seed)


def _logistic_regression(spec: LogisticRegressionSpec, *_: Any) -> LogisticRegression:
    return LogisticRegression(C=spec.C, max_iter=spec.max_iterations)


def _sgd(spec: SgdSpec, seed: int, _: Budget) -> SGDClassifier:
    return SGDClassifier(alpha=spec.alpha, random_state=seed)


def _mlp(spec: MlpSpec, seed: int, budget: Budget) -> MLPClassifier:
    epochs = spec.epochs[budget]
    return MLPClassifier(
        tuple(spec.hidden),
        batch_size=spec.batch_size,
        learning_rate_init=spec.learning_rate,
        max_iter=epochs,
        n_iter_no_change=epochs,  # every epoch is run
        random_state=seed,
    )


def _softmax(spec: SoftmaxSpec, seed: int, budget: Budget) -> SoftmaxLayer:
    return SoftmaxLayer(
        epochs=spec.epochs[budget],
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        momentum=spec.momentum,
        weight_decay=spec.weight_decay,
        dropout=spec.dropout,
        random_state=seed,
    )


MAKERS: dict[type[ClassifierBase], Callable[[Any, int, Budget], ClassifierMixin]] = {
    SvmSpec: _svm,
    KnnSpec: _knn,
    DecisionTreeSpec: _decision_tree,
    RandomForestSpec: _random_forest,
    LogisticRegressionSpec: _logistic_regression,
    SgdSpec: _sgd,
    MlpSpec: _mlp,
    SoftmaxSpec: _softmax,
}
"""One entry for each specification of the configuration but networks, which jobs of their own train."""
