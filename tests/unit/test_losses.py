"""Losses of rows against scikit-learn, and what has none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from leukorepro.evaluation.metrics.losses import row_losses


def softmax(logits):
    """Probabilities of a network, in single precision as it gives them."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float32)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n_rows=st.integers(1, 40), n_classes=st.integers(3, 6))
def test_several_classes_equal_scikit_learn(seed, n_rows, n_classes):
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i}" for i in range(n_classes)])
    truth, scores = rng.choice(names, n_rows), softmax(2 * rng.normal(size=(n_rows, n_classes)))
    ours = row_losses(truth, dict(zip(names, scores.T, strict=True)))
    scores /= scores.sum(axis=1, keepdims=True)  # scikit-learn wants an exact 1
    assert ours.mean() == pytest.approx(log_loss(truth, scores, labels=names), abs=1e-6)
    for row in range(n_rows):
        assert ours[row] == pytest.approx(log_loss(truth[[row]], scores[[row]], labels=names), abs=1e-6)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n_rows=st.integers(1, 40), positive=st.sampled_from(["all", "hem"]))
def test_two_classes_equal_scikit_learn(seed, n_rows, positive):
    """Scores are those of the positive class, whichever of the two it is."""
    rng = np.random.default_rng(seed)
    truth, score = rng.choice(["all", "hem"], n_rows), rng.uniform(1e-6, 1 - 1e-6, n_rows)
    ours = row_losses(pd.Series(truth, dtype="category"), {positive: score})
    assert ours.mean() == pytest.approx(log_loss(truth == positive, score, labels=[False, True]), abs=1e-12)


def test_a_certain_error_costs_what_keras_makes_it_cost():
    losses = row_losses(["p", "n", "p", "n"], {"p": np.array([0.0, 1.0, 1.0, 1e-9])})
    assert losses == pytest.approx([-np.log(1e-7), -np.log(1e-7), 0, 1e-9], abs=1e-12)


@pytest.mark.parametrize("bad", [-0.001, 1.001, -3.2, 17.0, np.nan])
def test_what_is_no_probability_has_no_loss(bad):
    score = np.array([0.2, 0.9, bad])
    assert np.isnan(row_losses(["p", "n", "n"], {"p": score})).all()
    rest = (1 - score) / 2
    assert np.isnan(row_losses(["a", "b", "c"], {"a": score, "b": rest, "c": rest})).all()


@pytest.mark.parametrize(("excess", "known"), [(0.0009, True), (-0.0009, True), (0.0011, False), (-0.0011, False)])
def test_probabilities_of_several_classes_add_up_to_one(excess, known):
    scores = {"a": [0.2, 0.3], "b": [0.5, 0.3], "c": [0.3, 0.4 + excess]}
    losses = row_losses(["a", "b"], scores)
    assert losses == pytest.approx([-np.log(0.2), -np.log(0.3)] if known else [np.nan] * 2, nan_ok=True)
