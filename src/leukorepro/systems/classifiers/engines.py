"""The fastest way to each classifier on this machine, and its name.

Support vector machines are scikit-learn's on kernel matrices that are computed once
(`leukorepro.systems.classifiers.kernels`). Trees and forests are those of scikit-learn-intelex, where it is installed
(x86 processors only); multilayer perceptrons are torch's, new last layers NumPy's; the others are scikit-learn's.
Whatever is chosen gives the same numbers on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.svm import SVC

from leukorepro.config.systems import (
    ClassifierBase,
    DecisionTreeSpec,
    KnnSpec,
    MlpSpec,
    RandomForestSpec,
    SoftmaxSpec,
    SvmSpec,
)
from leukorepro.core.errors import UserError
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.estimators import CACHE_MB, build_estimator, scores
from leukorepro.systems.classifiers.kernels import KERNEL_ROWS, Positions, Rows, kernel_matrix, resolve_gamma

Engine = Literal["kernel matrix", "scikit-learn-intelex", "torch", "numpy", "scikit-learn"]


@dataclass(frozen=True)
class Settings:
    """What all fits of a job share.

    Attributes
    ----------
    seed : int
        Of whatever a classifier draws.
    budget : {'demo', 'published'}
        Which of a network's numbers of epochs is used.
    threads : int
        No number depends on them.
    """

    seed: int = 0
    budget: Budget = "published"
    threads: int = 1


class Answers(NamedTuple):
    """What a fitted classifier says of the rows that it was asked about."""

    classes: list[str]
    predicted: NDArray[np.object_]
    """Classes, shape (N,)."""
    scores: NDArray[np.float64]
    """Shape (N, 1) with two classes, (N, n_classes) with more."""
    engine: str
    """What computed them, with its version."""


def engine_of(spec: ClassifierBase, n_rows: int) -> Engine:
    """What computes a classifier on so many rows, tested ones among them."""
    if isinstance(spec, SvmSpec) and n_rows <= KERNEL_ROWS:
        return "kernel matrix"
    if isinstance(spec, MlpSpec):
        return "torch"
    if isinstance(spec, SoftmaxSpec):
        return "numpy"
    return "scikit-learn-intelex" if type(spec) in FASTER and intelex_found() else "scikit-learn"


def fit_and_predict(
    spec: ClassifierBase,
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
    spec : ClassifierBase
    rows : Rows
        Scaled already, where the classifier wants them so.
    labels : ndarray of str, shape (N,)
        Classes of all rows.
    train, asked : ndarray of int
        Positions among the rows.
    positive_class : str or None
        The class that high scores speak for, where there are two.
    settings : Settings

    Raises
    ------
    UserError
        If the training rows are too few for the classifier, or half of them are equal and a kernel's width is their
        median distance.
    """
    engine = engine_of(spec, len(rows))
    known = rows.matrix[train]
    if isinstance(spec, KnnSpec) and spec.n_neighbors > len(train):
        raise UserError(f"knn: {spec.n_neighbors} neighbours of {len(train)} training rows; set n_neighbors lower.")
    if isinstance(spec, SvmSpec):
        spec = spec.model_copy(update={"gamma": resolve_gamma(spec, known, settings.seed)})
    classifier = _unfitted(spec, engine, settings)
    if isinstance(spec, SvmSpec) and engine == "kernel matrix":
        classifier.fit(kernel_matrix(spec, rows, train, train), labels[train])
        unknown: NDArray[Any] = kernel_matrix(spec, rows, asked, train)
    else:
        classifier.fit(known, labels[train])
        unknown = rows.matrix[asked]
    return Answers(
        list(classifier.classes_),
        np.asarray(classifier.predict(unknown), dtype=object),
        scores(classifier, unknown, positive_class),
        engine_name(engine),
    )


@cache
def engine_name(engine: Engine) -> str:
    """Name of an engine with its version, as it is recorded."""
    if engine == "kernel matrix":
        return f"scikit-learn {version('scikit-learn')} on a kernel matrix"
    return f"{engine} {version(engine)}"


@cache
def intelex_found() -> bool:
    """Whether scikit-learn-intelex is installed; says so where it is not."""
    found = find_spec("sklearnex") is not None
    if not found:
        print("scikit-learn-intelex is not installed here: scikit-learn computes trees and forests")
    return found


def _unfitted(spec: ClassifierBase, engine: Engine, settings: Settings) -> ClassifierMixin:
    if engine == "scikit-learn-intelex":
        return FASTER[type(spec)](spec, settings)
    if engine == "kernel matrix" and isinstance(spec, SvmSpec):
        return SVC(C=spec.C, kernel="precomputed", cache_size=CACHE_MB)
    if engine == "torch" and isinstance(spec, MlpSpec):
        return _perceptron(spec, settings)
    return build_estimator(spec, settings.seed, settings.budget)


def _perceptron(spec: MlpSpec, settings: Settings) -> ClassifierMixin:
    """torch is imported only here: it takes longer than most classifiers."""
    from leukorepro.systems.classifiers.perceptron import Perceptron

    return Perceptron(
        spec.hidden,
        batch_size=spec.batch_size,
        learning_rate_init=spec.learning_rate,
        max_iter=spec.epochs[settings.budget],
        random_state=settings.seed,
    )


def _intelex(module: str, name: str, **parameters: Any) -> ClassifierMixin:
    """An estimator of scikit-learn-intelex; scikit-learn itself stays as it is."""
    return getattr(import_module(f"sklearnex.{module}"), name)(**parameters)


def _random_forest(spec: RandomForestSpec, settings: Settings) -> ClassifierMixin:
    return _intelex(
        "ensemble",
        "RandomForestClassifier",
        n_estimators=spec.n_estimators,
        random_state=settings.seed,
        n_jobs=settings.threads,
    )


def _decision_tree(_: DecisionTreeSpec, settings: Settings) -> ClassifierMixin:
    """A forest of one tree that sees every row and every feature."""
    return _intelex(
        "ensemble",
        "RandomForestClassifier",
        n_estimators=1,
        bootstrap=False,
        max_features=None,
        random_state=settings.seed,
        n_jobs=settings.threads,
    )


def _svm(spec: SvmSpec, settings: Settings) -> ClassifierMixin:
    """On one thread: on several, the last digits would depend on how many."""
    return _intelex("svm", "SVC", **build_estimator(spec, settings.seed, settings.budget).get_params(), n_jobs=1)


FASTER: dict[type[ClassifierBase], Callable[[Any, Settings], ClassifierMixin]] = {
    DecisionTreeSpec: _decision_tree,
    RandomForestSpec: _random_forest,
    SvmSpec: _svm,
}
"""What scikit-learn-intelex computes faster; it wants the main thread, and keeps Python's lock while it computes."""
