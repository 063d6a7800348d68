"""Every classifier of the configuration against a plain estimator, of scikit-learn where it has one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from softmax_reference import TorchLayer

from leukorepro.config.study.classifiers import CLASSIFIERS
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import FineTunedSpec, NetworkSpec
from leukorepro.core.errors import UserError
from leukorepro.core.validation import parse
from leukorepro.systems.classifiers import engines
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings, has_extension
from leukorepro.systems.classifiers.fits import fit_and_predict, scores
from leukorepro.systems.classifiers.kernels import Rows
from leukorepro.systems.classifiers.kinds.decision_tree import DecisionTreeSpec
from leukorepro.systems.classifiers.kinds.knn import KnnSpec
from leukorepro.systems.classifiers.kinds.linear_discriminant import LinearDiscriminantSpec
from leukorepro.systems.classifiers.kinds.linear_svc import LinearSvcSpec
from leukorepro.systems.classifiers.kinds.logistic_regression import LogisticRegressionSpec
from leukorepro.systems.classifiers.kinds.mlp import MlpSpec
from leukorepro.systems.classifiers.kinds.naive_bayes import NaiveBayesSpec
from leukorepro.systems.classifiers.kinds.random_forest import RandomForestSpec
from leukorepro.systems.classifiers.kinds.sgd import SgdSpec
from leukorepro.systems.classifiers.kinds.sklearn import SklearnSpec, estimators
from leukorepro.systems.classifiers.kinds.softmax import SoftmaxSpec
from leukorepro.systems.classifiers.kinds.svm import SvmSpec
from leukorepro.systems.classifiers.tasks import Answers

SEED = 3
SETTINGS = Settings(SEED, "demo")
EPOCHS = {"demo": 4, "published": 9}
CASES: dict[str, tuple[Classifier, Callable[[], ClassifierMixin]]] = {
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
    "weighted_svm": (
        SvmSpec(kind="svm", kernel="rbf", standardize=False, class_weights=True),
        lambda: SVC(class_weight="balanced"),
    ),
    "weighted_forest": (
        RandomForestSpec(kind="random_forest", n_estimators=30, class_weights=True),
        lambda: RandomForestClassifier(n_estimators=30, class_weight="balanced", random_state=SEED),
    ),
    "weighted_logistic_regression": (
        LogisticRegressionSpec(kind="logistic_regression", class_weights=True),
        lambda: LogisticRegression(class_weight="balanced", max_iter=1000),
    ),
    "weighted_sgd": (
        SgdSpec(kind="sgd", alpha=0.01, class_weights=True),
        lambda: SGDClassifier(alpha=0.01, class_weight="balanced", random_state=SEED),
    ),
    "sgd": (SgdSpec(kind="sgd", alpha=0.01), lambda: SGDClassifier(loss="hinge", alpha=0.01, random_state=SEED)),
    "linear_svc": (
        LinearSvcSpec(kind="linear_svc", C=0.1, loss="hinge", standardize=True),
        lambda: LinearSVC(C=0.1, loss="hinge", random_state=SEED),
    ),
    "linear_discriminant": (LinearDiscriminantSpec(kind="linear_discriminant"), LinearDiscriminantAnalysis),
    "naive_bayes": (NaiveBayesSpec(kind="naive_bayes"), GaussianNB),
    "mlp": (
        MlpSpec(kind="mlp", hidden=[7, 5], epochs=EPOCHS, batch_size=16, learning_rate=0.01, l2=0.2),
        lambda: MLPClassifier(
            (7, 5),
            batch_size=16,
            learning_rate_init=0.01,
            alpha=0.2,
            max_iter=4,
            n_iter_no_change=99,
            random_state=SEED,
        ),
    ),
    "mlp_that_stops": (
        MlpSpec(
            kind="mlp",
            hidden=[5],
            epochs={"demo": 300, "published": 9},
            batch_size=50,
            learning_rate=0.02,
            tolerance=0.01,
        ),
        lambda: MLPClassifier((5,), batch_size=50, learning_rate_init=0.02, max_iter=300, tol=0.01, random_state=SEED),
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
    "extra_trees": (
        SklearnSpec(kind="sklearn", estimator="ExtraTreesClassifier", parameters={"n_estimators": 20}),
        lambda: ExtraTreesClassifier(n_estimators=20, random_state=SEED),
    ),
    "boosting_scaled": (
        SklearnSpec(kind="sklearn", estimator="AdaBoostClassifier", standardize=True),
        lambda: AdaBoostClassifier(random_state=SEED),
    ),
    "ridge": (
        SklearnSpec(kind="sklearn", estimator="RidgeClassifier", parameters={"alpha": 3}),
        lambda: RidgeClassifier(alpha=3),
    ),
}
TREES = {"decision_tree", "random_forest", "weighted_forest"}
"""scikit-learn's extension grows others."""

quiet = pytest.mark.filterwarnings("ignore:.*Maximum iterations")


def problem(classes: int, n: int = 150, d: int = 20) -> tuple[Rows, np.ndarray, np.ndarray, np.ndarray]:
    """Non-negative rows whose classes overlap, their labels, and positions of the training and the test rows."""
    rng = np.random.default_rng(classes)
    y = rng.integers(classes, size=n)
    X = np.maximum(rng.normal(size=(n, d)) + 0.6 * rng.normal(size=(classes, d))[y], 0).astype(np.float32)
    order = rng.permutation(n)
    return Rows(lambda: X), np.asarray(["hem", "all", "mix"], dtype=object)[y], order[:100], order[100:]


def answer(spec: Classifier, classes: int, **settings: Any) -> Answers:
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
    probable = spec.scores == "probability"
    values = estimator.predict_proba if probable else estimator.decision_function
    return estimator.predict(X[test]).tolist(), values(X[test])


def test_every_specification_is_tested() -> None:
    assert {type(spec) for spec, _ in CASES.values()} == set(CLASSIFIERS.values()) - {NetworkSpec, FineTunedSpec}


@quiet
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_what_the_fast_ways_must_agree_with_equals_a_plain_estimator(name: str, classes: int) -> None:
    rows, labels, train, test = problem(classes)
    spec = CASES[name][0]
    X = rows.scaled(train).matrix if spec.standardize else rows.matrix
    built = spec.fitting(Rows(lambda: X), train, SETTINGS).unfitted(SETTINGS).fit(X[train], labels[train])
    predicted, values = expected(name, classes)
    assert built.predict(X[test]).tolist() == predicted
    ours = scores(built, X[test], "all", spec.scores)
    if classes == 3:
        np.testing.assert_allclose(ours, values, atol=1e-6)
    else:  # "all" is the first class, so that a decision value speaks for the other
        np.testing.assert_allclose(ours[:, 0], -values if values.ndim == 1 else values[:, 0], atol=1e-6)


@quiet
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_fast_way_equals_a_plain_estimator(name: str, classes: int) -> None:
    predicted, values = expected(name, classes)
    ours = answer(CASES[name][0], classes)
    assert ours.predicted.tolist() == predicted
    assert ours.classes == ["all", "hem", "mix"][:classes]
    if classes == 3:
        np.testing.assert_allclose(ours.scores, values, atol=1e-6)
    else:
        np.testing.assert_allclose(ours.scores[:, 0], -values if values.ndim == 1 else values[:, 0], atol=1e-6)


@pytest.mark.skipif(not has_extension(), reason="scikit-learn's extension is not installed here")
@pytest.mark.parametrize("name", sorted(TREES))
def test_fast_trees_and_forests_are_others_and_as_accurate_as_plain_ones(name: str) -> None:
    """Mean accuracy over seeds, within three standard errors of the difference."""
    spec, make = CASES[name]
    _, labels, train, test = problem(2)
    rows = problem(2)[0].matrix
    ours = [np.mean(answer(spec, 2, seed=seed, fast_trees=True).predicted == labels[test]) for seed in range(8)]
    plain = [
        make().set_params(random_state=seed).fit(rows[train], labels[train]).score(rows[test], labels[test])
        for seed in range(8)
    ]
    error = np.sqrt((np.var(ours, ddof=1) + np.var(plain, ddof=1)) / 8 + 1 / len(test) ** 2)
    assert abs(np.mean(ours) - np.mean(plain)) < 3 * error
    assert np.mean(ours) > 0.6
    assert answer(spec, 2, fast_trees=True).engine.startswith("scikit-learn-intelex 20")
    assert answer(spec, 2, fast_trees=True).scores.tolist() != answer(spec, 2).scores.tolist()


def test_a_fast_tree_fits_its_training_rows_without_an_error() -> None:
    rows, labels, train, _ = problem(3)
    tree, settings = DecisionTreeSpec(kind="decision_tree"), Settings(SEED, "demo", fast_trees=True)
    told = fit_and_predict(tree, rows, labels, train, train, None, settings)
    assert told.predicted.tolist() == labels[train].tolist()


@pytest.mark.parametrize("name", sorted(TREES))
def test_without_the_extension_scikit_learn_grows_fast_trees_too(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has_extension.cache_clear()
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    try:
        ours = answer(CASES[name][0], 2, fast_trees=True)
    finally:
        has_extension.cache_clear()
    assert ours.predicted.tolist() == expected(name, 2)[0]
    assert ours.engine.startswith("scikit-learn 1.")
    assert "scikit-learn-intelex is not installed here" in capsys.readouterr().out


@quiet
def test_the_budget_chooses_the_epochs() -> None:
    spec = CASES["mlp"][0]
    rows, labels, train, test = problem(2)
    few, many = (spec.unfitted(Settings(SEED, budget)) for budget in ("demo", "published"))
    assert few.fit(rows.matrix[train], labels[train]).n_iter_ == 4
    expected = many.fit(rows.matrix[train], labels[train]).predict_proba(rows.matrix[test])
    np.testing.assert_allclose(answer(spec, 2, budget="published").scores[:, 0], expected[:, 0], atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_network_of_few_epochs_and_rows_is_fitted_without_a_warning() -> None:
    answer(MlpSpec(kind="mlp", epochs=EPOCHS, batch_size=500), 2)


def test_more_neighbours_than_training_rows_is_told() -> None:
    with pytest.raises(UserError, match="101 neighbours, 100 training rows; set n_neighbors lower"):
        answer(KnnSpec(kind="knn", n_neighbors=101), 2)


def test_a_kind_is_called_what_its_file_is_called() -> None:
    assert {n: get_args(kind.model_fields["kind"].annotation) for n, kind in CLASSIFIERS.items()} == {
        n: (n,) for n in CLASSIFIERS
    }


@pytest.mark.filterwarnings("ignore")
def test_every_classifier_of_scikit_learn_is_known_by_its_name() -> None:
    assert estimators() == dict(all_estimators(type_filter="classifier"))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"estimator": "ExtraTrees"}, "unknown classifier of scikit-learn 'ExtraTrees'.*Did you mean 'ExtraTree"),
        ({"estimator": "os.system"}, "unknown classifier of scikit-learn 'os.system'"),
        ({"estimator": "ExtraTreesClassifier", "parameters": {"n_trees": 3}}, "unknown parameter of .* 'n_trees'"),
        (
            {"estimator": "ExtraTreesClassifier", "parameters": {"n_estimators": -3}},
            r"parameters: The 'n_estimators' parameter of ExtraTreesClassifier must be an int .* Got -3 instead",
        ),
        ({"estimator": "GaussianNB", "parameters": {"random_state": 1}}, "parameters.random_state: the run chooses it"),
        ({"estimator": "VotingClassifier"}, "VotingClassifier needs `estimators`, which is not given"),
        ({"estimator": "SelfTrainingClassifier"}, "parameters: The 'estimator' parameter of SelfTrainingClassifier"),
    ],
)
def test_a_class_or_parameter_that_scikit_learn_does_not_take_is_told(value: dict[str, Any], told: str) -> None:
    study = yaml.safe_load(Path("config/studies/atteia2022.yaml").read_text())
    study["classifiers"]["own"] = {"kind": "sklearn", **value}
    with pytest.raises(UserError, match=rf"^file: classifiers\.own: .*{told}"):
        parse(Study, study, Path("file"))


def test_rows_that_an_estimator_refuses_are_told_with_its_reason() -> None:
    bayes = SklearnSpec(kind="sklearn", estimator="MultinomialNB", standardize=True)
    with pytest.raises(UserError, match="MultinomialNB: refuses the training rows: Negative values"):
        answer(bayes, 2)
