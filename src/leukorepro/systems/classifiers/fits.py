"""One fit of a classifier: what it says of rows that it did not see."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from leukorepro.core.errors import UserError
from leukorepro.core.words import ScoreKind
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kernels import Part, Positions, Rows
from leukorepro.systems.classifiers.tasks import Answers


def fit_and_predict(
    classifier: Classifier,
    rows: Rows,
    labels: NDArray[np.object_],
    train: Positions,
    asked: Positions,
    positive_class: str | None,
    settings: Settings,
) -> Answers:
    """Fit a classifier on some rows and ask it about others.

    Parameters
    ----------
    classifier : Classifier
    rows : Rows
        Scaled already, where the classifier wants them so.
    labels : ndarray of str, shape (N,)
        Classes of all rows.
    train, asked : ndarray of int
        Positions among the rows.
    positive_class : str or None
        The class that high scores speak for, where there are two.
    settings : Settings

    Returns
    -------
    Answers
        Class and scores of each row that was asked about.

    Raises
    ------
    UserError
        If the classifier cannot be fitted on the training rows.
    """
    classifier = classifier.fitting(rows, train, settings)
    way = classifier.fastest(len(rows), settings)
    try:
        fitted = way.unfitted().fit(way.given(rows, train, train), labels[train])
    except ValueError as error:
        raise UserError(f"{classifier.title}: refuses the training rows: {error}") from error
    return ask(fitted, way.given(rows, asked, train), positive_class, classifier.scores, way.engine)


def ask(
    fitted: ClassifierMixin, X: ArrayLike | Part, positive_class: str | None, kind: ScoreKind, engine: str
) -> Answers:
    """What a fitted classifier says of rows.

    Parameters
    ----------
    fitted : ClassifierMixin
        On two or more classes.
    X : array-like or Part, shape (N, D)
        In the form that it was fitted on.
    positive_class : str or None
        The class that high scores speak for, where there are two.
    kind : {'probability', 'log_odds', 'margin'}
        What its scores are.
    engine : str
        What computes it.
    """
    predicted = np.asarray(fitted.predict(X), dtype=object)
    return Answers(list(fitted.classes_), predicted, scores(fitted, X, positive_class, kind), engine)


def scores(
    fitted: ClassifierMixin, X: ArrayLike | Part, positive_class: str | None, kind: ScoreKind
) -> NDArray[np.float64]:
    """Probabilities of rows, or decision values.

    Parameters
    ----------
    fitted : ClassifierMixin
        On two or more classes.
    X : array-like or Part, shape (N, D)
        In the form that it was fitted on.
    positive_class : str or None
        The class that high values speak for, where there are two.
    kind : {'probability', 'log_odds', 'margin'}
        Which of them.

    Returns
    -------
    ndarray, shape (N, 1) with two classes, (N, n_classes) in the order of ``fitted.classes_`` with more
    """
    last_is_positive = fitted.classes_[-1] == positive_class
    if kind == "probability":
        values = np.asarray(fitted.predict_proba(X), dtype=np.float64)
        return values[:, [1 if last_is_positive else 0]] if values.shape[1] == 2 else values
    values = np.asarray(fitted.decision_function(X), dtype=np.float64)
    if values.ndim == 1:
        return (values if last_is_positive else -values)[:, None]
    return values
