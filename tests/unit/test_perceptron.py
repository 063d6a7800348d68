"""The perceptron on torch against scikit-learn's, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier

from leukorepro.systems.classifiers.perceptron import Perceptron

SETTINGS = {"hidden_layer_sizes": (12, 5), "batch_size": 32, "learning_rate_init": 0.01, "max_iter": 6}


def problem(classes: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Rows, 150 of them: no multiple of the batch; and the names of their classes."""
    rng = np.random.default_rng(classes)
    X = np.maximum(rng.normal(size=(150, 30)), 0).astype(dtype)
    return X, np.asarray(["b", "a", "c"])[(X[:, :3] + 0.3 * rng.normal(size=(150, 3)))[:, :classes].argmax(1)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("alpha", [0.0001, 0.5])
def test_weights_and_probabilities_equal_those_of_scikit_learn(classes: int, alpha: float) -> None:
    X, y = problem(classes)
    ours = Perceptron(**SETTINGS, alpha=alpha, random_state=3).fit(X, y)
    plain = MLPClassifier(**SETTINGS, alpha=alpha, random_state=3, n_iter_no_change=99).fit(X, y)
    layers = [p.detach().numpy() for p in ours.network_.parameters()]
    for weights, expected in zip(layers[::2], plain.coefs_, strict=True):
        np.testing.assert_allclose(weights.T, expected, rtol=0, atol=1e-10)
    for intercepts, expected in zip(layers[1::2], plain.intercepts_, strict=True):
        np.testing.assert_allclose(intercepts, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours.predict_proba(X), plain.predict_proba(X), rtol=0, atol=1e-10)
    assert ours.predict(X).tolist() == plain.predict(X).tolist()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("tol", "epochs"), [(0.01, None), (0.0001, 40)])
def test_a_training_stops_where_that_of_scikit_learn_does(tol: float, epochs: int | None) -> None:
    """By itself with a large tolerance; at the most epochs with a small one."""
    X, y = problem(2)
    settings = SETTINGS | {"max_iter": epochs or 300, "tol": tol, "alpha": 0.5, "random_state": 3}
    ours, plain = Perceptron(**settings).fit(X, y), MLPClassifier(**settings).fit(X, y)
    assert ours.n_iter_ == plain.n_iter_
    assert (ours.n_iter_ < 300) if epochs is None else (ours.n_iter_ == epochs)
    np.testing.assert_allclose(ours.predict_proba(X), plain.predict_proba(X), rtol=0, atol=1e-9)


def test_two_units_with_a_softmax_can_say_what_one_logistic_unit_says_and_step_twice_as_far() -> None:
    """Closed forms: the logistic of their difference; Adam's first step, which is its rate against every gradient."""
    X, y = problem(2)
    before, after = (
        Perceptron((12, 5), "softmax", batch_size=150, learning_rate_init=0.01, max_iter=epochs, alpha=0).fit(X, y)
        for epochs in (0, 1)
    )
    last, moved = (model.network_[-1].weight.detach().numpy() for model in (before, after))
    assert last.shape == (2, 5)
    step = moved - last
    np.testing.assert_allclose(np.abs(step), 0.01, rtol=1e-4)  # but for Adam's epsilon
    np.testing.assert_allclose(step[0], -step[1], rtol=1e-5)
    values = after.network_(torch.from_numpy(X)).detach().numpy()
    expected = 1 / (1 + np.exp(values[:, 0] - values[:, 1]))
    np.testing.assert_allclose(after.predict_proba(X)[:, 1], expected, rtol=0, atol=1e-12)


def test_a_fit_leaves_threads_and_other_draws_alone() -> None:
    X, y = problem(2, np.float32)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first = Perceptron(**SETTINGS).fit(X, y)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    again = clone(first).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    other = clone(first).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))
