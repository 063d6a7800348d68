"""The new last layer on NumPy against torch's layer and optimiser, scikit-learn's optimum, and closed forms."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from softmax_reference import TorchLayer

from leukorepro.core.errors import UserError
from leukorepro.systems.classifiers.scheduling import run_all
from leukorepro.systems.classifiers.softmax_layer import SoftmaxLayer, drop

SCHEDULE = {"epochs": 6, "batch_size": 32, "learning_rate": 0.01}


def problem(classes: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Rows, 150 of them: no multiple of the batch; and the names of their classes."""
    rng = np.random.default_rng(classes)
    X = np.maximum(rng.normal(size=(150, 30)), 0).astype(dtype)
    return X, np.asarray(["b", "a", "c"])[(X[:, :3] + 0.3 * rng.normal(size=(150, 3)))[:, :classes].argmax(1)]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "changes",
    [{}, {"momentum": 0.0}, {"weight_decay": 0.5}, {"batch_size": 150}, {"learning_rate": 1.0}, {"dropout": 0.5}],
    ids=str,
)
def test_weights_and_probabilities_equal_those_of_torch(classes: int, changes: dict[str, float]) -> None:
    X, y = problem(classes)
    ours = SoftmaxLayer(**SCHEDULE | changes, random_state=3).fit(X, y)
    theirs = TorchLayer(3, **SCHEDULE | changes).fit(X, y)
    np.testing.assert_allclose(ours.weights_, theirs.layer.weight.detach().numpy().T, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.intercepts_, theirs.layer.bias.detach().numpy(), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-9)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()


@pytest.mark.parametrize("classes", [2, 3])
def test_in_the_end_the_layer_is_logistic_regression(classes: int) -> None:
    """mean loss + decay/2 |W|^2 is C sum(loss) + |W|^2/2 over C n; two columns of one vector's halves count half."""
    X, y = problem(classes)
    decay = 0.02
    schedule = {"epochs": 3000, "batch_size": 150, "learning_rate": 0.1, "weight_decay": decay}
    ours = SoftmaxLayer(**schedule).fit(X, y)
    C = (2 if classes == 2 else 1) / (decay * len(X))
    expected = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-6)


def test_features_of_other_types_are_computed_in_single_precision() -> None:
    X, y = problem(3, np.float32)
    single = SoftmaxLayer(**SCHEDULE).fit(X, y)
    assert single.weights_.dtype == single.predict_proba(X).dtype == np.float32
    double = SoftmaxLayer(**SCHEDULE).fit(X.astype(np.float64), y)
    assert double.weights_.dtype == np.float64
    np.testing.assert_allclose(single.weights_, double.weights_, rtol=0, atol=1e-5)
    counts = np.round(4 * X).astype(np.uint8)
    np.testing.assert_array_equal(
        SoftmaxLayer(**SCHEDULE).fit(counts, y).weights_,
        SoftmaxLayer(**SCHEDULE).fit(counts.astype(np.float32), y).weights_,
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_sets_a_share_to_zero_and_keeps_the_expectation(share: float) -> None:
    """Counts and means within five standard errors of a binomial's."""
    rows = np.full((400, 500), 3, dtype=np.float32)
    drop(rows, share, np.random.default_rng(0))
    n = rows.size
    assert abs((rows == 0).mean() - share) < 5 * (share * (1 - share) / n) ** 0.5
    assert abs(rows.mean() - 3) < 5 * 3 * (share / (1 - share) / n) ** 0.5
    np.testing.assert_allclose(rows[rows != 0], 3 / (1 - share), rtol=1e-4)
    assert len(np.unique(rows, axis=0)) == 400, "drawn anew for each row"


def test_dropout_leaves_the_rows_and_the_predictions_alone() -> None:
    X, y = problem(3)
    before = X.copy()
    fitted = SoftmaxLayer(**SCHEDULE, dropout=0.5).fit(X, y)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.predict_proba(X))
    outputs = np.exp(X @ fitted.weights_ + fitted.intercepts_)
    np.testing.assert_allclose(fitted.predict_proba(X), outputs / outputs.sum(1, keepdims=True), rtol=1e-12)


def test_a_fit_depends_on_its_seed_and_leaves_other_draws_alone() -> None:
    X, y = problem(2, np.float32)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    first = SoftmaxLayer(**SCHEDULE, dropout=0.5).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    again = clone(first).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    other = clone(first).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_fits_side_by_side_give_the_numbers_of_one_thread() -> None:
    """On as many features as a network has, where the libraries would share a product among threads."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4096)).astype(np.float32), rng.integers(5, size=300)

    def fit(seed: int) -> np.ndarray:
        return SoftmaxLayer(**SCHEDULE, random_state=seed).fit(X, y).predict_proba(X)

    one, two = (run_all([(False, partial(fit, seed)) for seed in range(4)], threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_no_learning_rate_makes_weights_overflow() -> None:
    """Errors are at most 1, so that each step adds at most rate * largest feature / (1 - momentum)."""
    X, y = problem(3, np.float32)
    rate, epochs = 1000.0, 20
    fitted = SoftmaxLayer(epochs, 32, rate, weight_decay=0.0).fit(100 * X, y)
    assert np.abs(fitted.weights_).max() < 1 + epochs * 5 * rate * 100 * X.max() / (1 - 0.9)
    assert np.isfinite(fitted.predict_proba(100 * X)).all()


@pytest.mark.filterwarnings("error")
def test_a_decay_that_outgrows_the_rate_is_told() -> None:
    X, y = problem(3, np.float32)
    with pytest.raises(
        UserError,
        match=r"^softmax: weights are not finite after 20 epochs with learning_rate 1000 and weight_decay 1; set one "
        r"of them lower, so that their product is below 1, or scale the features with `standardize: true`\.$",
    ):
        SoftmaxLayer(20, 32, 1000.0, weight_decay=1.0).fit(X, y)
