from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel

from leukorepro.core.errors import UserError
from leukorepro.systems.classifiers import kernels
from leukorepro.systems.classifiers.kernels import Kernel, Rows, kernel_width

X = np.random.default_rng(0).gamma(1.0, size=(40, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Kernel("linear", 0.3, 3, 0.0), linear_kernel),
        (Kernel("rbf", 0.3, 3, 0.0), lambda a, b: rbf_kernel(a, b, gamma=0.3)),
        (Kernel("poly", 0.3, 1, 0.0), lambda a, b: polynomial_kernel(a, b, degree=1, gamma=0.3, coef0=0)),
        (Kernel("poly", 2.0, 3, 1.5), lambda a, b: polynomial_kernel(a, b, degree=3, gamma=2, coef0=1.5)),
    ],
)
def test_kernel_values_are_those_of_scikit_learn(given: Kernel, expected: Any) -> None:
    left, right = np.array([5, 0, 39]), np.array([7, 5, 5, 1])
    double = X.astype(np.float64)
    rows = Rows(lambda: X)
    values = given.matrix(rows, left, right)
    np.testing.assert_allclose(values, expected(double[left], double[right]), rtol=1e-12)
    before = rows.products.copy()
    given.matrix(rows, right, left)
    np.testing.assert_array_equal(rows.products, before)  # shared with other classifiers


def test_matrix_and_products_are_computed_once() -> None:
    calls = []
    rows = Rows(lambda: calls.append(1) or X)  # type: ignore[func-returns-value]
    assert calls == []
    assert rows.products is rows.products
    assert len(rows) == 40
    assert calls == [1]


def test_scaled_rows_have_mean_0_and_deviation_1_over_the_training_rows() -> None:
    train = np.arange(10, 35)
    scaled = Rows(lambda: X).scaled(train).matrix
    assert scaled.shape == X.shape
    np.testing.assert_allclose(scaled[train].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[train].std(0), 1, rtol=1e-5)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_median_width_follows_the_median_distance(factor: float) -> None:
    gamma = kernel_width("median", factor, X, seed=0)
    assert gamma == pytest.approx((factor * np.median(pdist(X.astype(np.float64)))) ** -2, rel=1e-9)


def test_the_median_of_many_rows_is_that_of_a_seeded_subsample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "MEDIAN_ROWS", 15)
    first, again, other = (kernel_width("median", 1.0, X, seed) for seed in (0, 0, 1))
    assert first == again != other
    chosen = np.random.default_rng(0).choice(40, 15, replace=False)
    assert first == pytest.approx(np.median(pdist(X[chosen].astype(np.float64))) ** -2, rel=1e-9)


def test_a_median_distance_of_0_is_told() -> None:
    with pytest.raises(UserError, match="gamma: median: more than half of the training rows are equal"):
        kernel_width("median", 1.0, np.ones((9, 3), np.float32), 0)


@pytest.mark.parametrize(
    ("gamma", "rows", "expected"),
    [
        ("scale", X, 1 / (6 * X.astype(np.float64).var())),
        ("scale", np.ones((9, 3), np.float32), 1.0),  # as scikit-learn
        ("auto", X, 1 / 6),
        (0.7, X, 0.7),
    ],
)
def test_other_widths_are_those_of_scikit_learn(gamma: Any, rows: Any, expected: float) -> None:
    assert kernel_width(gamma, 1.0, rows, seed=0) == pytest.approx(expected, rel=1e-9)
