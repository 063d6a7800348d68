"""Classifiers by their configuration, as scikit-learn pipelines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukorepro.config import SvmSpec


def build_classifier(spec: SvmSpec) -> Pipeline:
    """Unfitted classifier of a study.

    The scaler is a step of the pipeline: it sees only the rows that the classifier is fitted on.
    """
    svm = SVC(C=spec.C, kernel=spec.kernel, degree=spec.degree, coef0=spec.coef0, gamma=spec.gamma, cache_size=1000)
    return make_pipeline(StandardScaler(), svm) if spec.standardize else make_pipeline(svm)


def scores(classifier: Pipeline, X: NDArray[np.float32], positive_class: str | None) -> NDArray[np.float64]:
    """Decision values of fitted rows.

    Parameters
    ----------
    classifier : Pipeline
        Fitted on two or more classes.
    X : ndarray, shape (N, D)
    positive_class : str or None
        The class that high values speak for, where there are two.

    Returns
    -------
    ndarray, shape (N, 1) with two classes, (N, n_classes) in the order of ``classifier.classes_`` with more
    """
    values = np.asarray(classifier.decision_function(X), dtype=np.float64)
    if values.ndim == 1:
        return (values if classifier.classes_[1] == positive_class else -values)[:, None]
    return values
