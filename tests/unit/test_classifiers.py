"""Every classifier of the configuration against a plain estimator, of scikit-learn where it has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from softmax_reference import TorchLayer

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
from leukorepro.core.errors import UserError
from leukorepro.systems.classifiers import engines
from leukorepro.systems.classifiers.engines import Answers, Settings, fit_and_predict
from leukorepro.systems.classifiers.estimators import MAKERS, build_classifier, scores
from leukorepro.systems.classifiers.kernels import Rows

SEED = 3
EPOCHS = {"demo": 4, "published": 9}
CASES: dict[str, tuple[ClassifierBase, Callable[[], ClassifierMixin]]] = {
    "linear_svm": (SvmSpec(kind="svm", kernel="linear", C=0.5, standardize=False), lambda: SVC(C=0.5, kernel="linear")),
    "rbf_svm": (SvmSpec(kind="svm", kernel="rbf", standardize=False), SVC),
    "rbf_svm_auto": (SvmSpec(kind="svm", kernel="rbf", gamma="auto"), lambda: SVC(gamma="auto")),
    "cubic_svm": (SvmSpec(kind="svm", kernel="poly", coef0=1.0), lambda: SVC(kernel="poly", degree=3, coef0=1)),
    "quadratic_svm": (
        SvmSpec(kind="svm", kernel="poly", degree=2, gamma=0.1),
        lambda: SVC(kernel="poly", degree=2, gamma=0.1),
    ),
    "knn": (KnnSpec(kind="knn", n_neighbors=3), lambda: KNeighborsClassifier(3)),
    "knn_scaled": (KnnSpec(kind="knn", standardize=True), KNeighborsClassifier),
    "decision_tree": (DecisionTreeSpec(kind="decision_tree"), lambda: DecisionTreeClassifier(random_state=SEED)),
    "random_forest": (
        RandomForestSpec(kind="random_forest", n_estimators=30),
        lambda: RandomForestClassifier(n_estimators=30, random_state=SEED),
    ),
    "logistic_regression": (
        LogisticRegressionSpec(kind="logistic_regression", C=2.0),
        lambda: LogisticRegression(C=2.0, max_iter=1000),
    ),
    "sgd": (SgdSpec(kind="sgd", alpha=0.01), lambda: SGDClassifier(loss="hinge", alpha=0.01, random_state=SEED)),
    "mlp": (
        MlpSpec(kind="mlp", hidden=[7, 5], epochs=EPOCHS, batch_size=16, learning_rate=0.01),
        lambda: MLPClassifier(
            (7, 5), batch_size=16, learning_rate_init=0.01, max_iter=4, n_iter_no_change=99, random_state=SEED
        ),
    ),
    "softmax": (
        SoftmaxSpec(
            kind="softmax",
            epochs=EPOCHS,
            batch_size=16,
            learning_rate=0.02,
            momentum=0.8,
            weight_decay=0.1,
            dropout=0.5,
        ),
        lambda: TorchLayer(
            SEED, epochs=4, batch_size=16, learning_rate=0.02, momentum=0.8, weight_decay=0.1, dropout=0.5
        ),
    ),
}
ANOTHER_ALGORITHM = {"decision_tree", "random_forest"}
"""scikit-learn-intelex draws other trees."""

quiet = pytest.mark.filterwarnings("ignore:.*Maximum iterations")


def problem(classes: int, n: int = 150, d: int = 20) -> tuple[Rows, np.ndarray, np.ndarray, np.ndarray]:
    """Non-negative rows whose classes overlap, their labels, and positions of the training and the test rows."""
    rng = np.random.default_rng(classes)
    y = rng.integers(classes, size=n)
    X = np.maximum(rng.normal(size=(n, d)) + 0.6 * rng.normal(size=(classes, d))[y], 0).astype(np.float32)
    order = rng.permutation(n)
    return Rows(lambda: X), np.asarray(["hem", "all", "mix"], dtype=object)[y], order[:100], order[100:]


def answer(spec: ClassifierBase, classes: int, **settings: Any) -> Answers:
    rows, labels, train, test = problem(classes)
    seen = rows.scaled(train) if spec.standardize else rows
    return fit_and_predict(
        spec, seen, labels, train, test, "all", Settings(**{"seed": SEED, "budget": "demo"} | settings)
    )


def expected(name: str, classes: int) -> tuple[list[str], np.ndarray]:
    """Predictions and scores of a plain estimator, with scikit-learn's own orders and signs."""
    spec, make = CASES[name]
    rows, labels, train, test = problem(classes)
    X = rows.matrix
    if spec.standardize:
        X = StandardScaler().fit(X[train]).transform(X)
    estimator = make().fit(X[train], labels[train])
    values = getattr(estimator, "decision_function", None) or estimator.predict_proba
    return estimator.predict(X[test]).tolist(), values(X[test])


def test_every_specification_is_tested() -> None:
    assert {type(spec) for spec, _ in CASES.values()} == set(MAKERS)


@quiet
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_pipeline_equals_a_plain_estimator(name: str, classes: int) -> None:
    rows, labels, train, test = problem(classes)
    built = build_classifier(CASES[name][0], SEED, "demo").fit(rows.matrix[train], labels[train])
    predicted, values = expected(name, classes)
    assert built.predict(rows.matrix[test]).tolist() == predicted
    ours = scores(built, rows.matrix[test], "all")
    if classes == 3:
        np.testing.assert_allclose(ours, values, atol=1e-6)
    else:  # "all" is the first class, so that a decision value speaks for the other
        np.testing.assert_allclose(ours[:, 0], -values if values.ndim == 1 else values[:, 0], atol=1e-6)


@quiet
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", sorted(set(CASES) - ANOTHER_ALGORITHM))
def test_the_fast_way_equals_a_plain_estimator(name: str, classes: int) -> None:
    predicted, values = expected(name, classes)
    ours = answer(CASES[name][0], classes)
    assert ours.predicted.tolist() == predicted
    assert ours.classes == ["all", "hem", "mix"][:classes]
    if classes == 3:
        np.testing.assert_allclose(ours.scores, values, atol=1e-6)
    else:
        np.testing.assert_allclose(ours.scores[:, 0], -values if values.ndim == 1 else values[:, 0], atol=1e-6)


@pytest.mark.parametrize("name", sorted(ANOTHER_ALGORITHM))
def test_trees_and_forests_are_as_accurate_as_plain_ones(name: str) -> None:
    """Mean accuracy over seeds, within three standard errors of the difference."""
    spec, make = CASES[name]
    _, labels, train, test = problem(2)
    rows = problem(2)[0].matrix
    ours = [np.mean(answer(spec, 2, seed=seed).predicted == labels[test]) for seed in range(8)]
    plain = [
        make().set_params(random_state=seed).fit(rows[train], labels[train]).score(rows[test], labels[test])
        for seed in range(8)
    ]
    error = np.sqrt((np.var(ours, ddof=1) + np.var(plain, ddof=1)) / 8 + 1 / len(test) ** 2)
    assert abs(np.mean(ours) - np.mean(plain)) < 3 * error
    assert np.mean(ours) > 0.6


def test_a_tree_fits_its_training_rows_without_an_error() -> None:
    rows, labels, train, _ = problem(3)
    told = fit_and_predict(
        DecisionTreeSpec(kind="decision_tree"), rows, labels, train, train, None, Settings(SEED, "demo")
    )
    assert told.predicted.tolist() == labels[train].tolist()


@quiet
@pytest.mark.parametrize("name", sorted(CASES))
def test_without_the_extension_scikit_learn_computes_everything(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.intelex_found.cache_clear()
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    try:
        ours = answer(CASES[name][0], 2)
    finally:
        engines.intelex_found.cache_clear()
    assert ours.predicted.tolist() == expected(name, 2)[0]
    assert ours.engine.startswith({"mlp": "torch 2.", "softmax": "numpy 2."}.get(name, "scikit-learn 1."))
    told = "scikit-learn-intelex is not installed here" in capsys.readouterr().out
    assert told == (name in ANOTHER_ALGORITHM)


@quiet
def test_the_budget_chooses_the_epochs() -> None:
    spec = CASES["mlp"][0]
    assert build_classifier(spec, SEED, "published")[-1].max_iter == 9
    rows, labels, train, _ = problem(2)
    fitted = build_classifier(spec, SEED, "demo").fit(rows.matrix[train], labels[train])
    assert fitted[-1].n_iter_ == 4
    np.testing.assert_allclose(
        answer(spec, 2, budget="published").scores[:, 0],
        build_classifier(spec, SEED, "published")
        .fit(rows.matrix[train], labels[train])
        .predict_proba(rows.matrix[problem(2)[3]])[:, 0],
        atol=1e-6,
    )


@pytest.mark.filterwarnings("error")
def test_a_network_of_few_epochs_and_rows_is_fitted_without_a_warning() -> None:
    answer(MlpSpec(kind="mlp", epochs=EPOCHS, batch_size=500), 2)


def test_more_neighbours_than_training_rows_is_told() -> None:
    with pytest.raises(UserError, match="101 neighbours of 100 training rows; set n_neighbors lower"):
        answer(KnnSpec(kind="knn", n_neighbors=101), 2)
