"""Intervals against populations with known truth, scipy's bootstrap and exact binomial bounds."""

import numpy as np
import pytest
from scipy import stats

from leukorepro.evaluation.intervals import (
    intervals,
    percentile_interval,
    resample_weights,
)
from leukorepro.evaluation.metrics import METRICS, measure, scored


def rows_of(correct, positive=None, score=None, **place):
    """Two-class predictions that are right where `correct` is true."""
    correct = np.asarray(correct, dtype=bool)
    positive = np.ones(len(correct), dtype=bool) if positive is None else positive
    truth = np.where(positive, "p", "n")
    guess = np.where(positive == correct, "p", "n")
    return scored(truth, guess, {"p": np.zeros(len(correct)) if score is None else score}, **place)


def test_group_interval_covers_the_truth_of_a_known_population():
    """Beta-Bernoulli groups: P(right) = 0.8 everywhere, correlated within groups of six (intraclass 1/6)."""
    rng = np.random.default_rng(1)
    n_groups, size, truth, repetitions = 60, 6, 0.8, 300
    group = np.repeat(np.arange(n_groups), size)
    covered_by_groups = covered_by_rows = 0
    for repetition in range(repetitions):
        right = rng.random(n_groups * size) < np.repeat(rng.beta(4, 1, size=n_groups), size)
        rows = rows_of(right)
        by_group = intervals(rows, group, n_resamples=300, seed=repetition)["accuracy"]
        covered_by_groups += by_group.low <= truth <= by_group.high
        if repetition % 3 == 0:
            by_row = intervals(rows, np.arange(len(group)), n_resamples=300, seed=repetition)["accuracy"]
            covered_by_rows += 3 * (by_row.low <= truth <= by_row.high)
    assert 0.90 <= covered_by_groups / repetitions <= 0.99
    assert covered_by_rows / repetitions < 0.90  # what resampling single rows would have claimed


def test_interval_of_identical_copies_is_that_of_the_originals():
    """Three equal views of an image add nothing; resampled by row they would narrow the interval by sqrt(3)."""
    right = np.random.default_rng(2).random(200) < 0.85
    copies = rows_of(np.repeat(right, 3))
    originals = intervals(rows_of(right), np.arange(200))["accuracy"]
    assert intervals(copies, np.repeat(np.arange(200), 3))["accuracy"] == originals
    narrow = intervals(copies, np.arange(600))["accuracy"]
    assert (narrow.high - narrow.low) / (originals.high - originals.low) == pytest.approx(3**-0.5, rel=0.15)


@pytest.mark.parametrize("metric", ["accuracy", "sensitivity", "precision", "f1", "auroc"])
def test_independent_rows_equal_scipy_bootstrap(metric):
    rng = np.random.default_rng(3)
    positive = rng.random(150) < 0.4
    score = rng.normal(size=150) + 1.2 * positive
    correct = (score > 0.6) == positive

    def statistic(index):
        return measure(rows_of(correct[index], positive[index], score[index]))[metric]

    ours = intervals(rows_of(correct, positive, score), np.arange(150), n_resamples=4000, seed=0)[metric]
    theirs = stats.bootstrap(
        (np.arange(150),),
        statistic,
        n_resamples=1500,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(4),
    ).confidence_interval
    # Monte-Carlo error of a 2.5 % quantile of a normal: sqrt(.025 * .975 / n) / density = 0.07 deviations at 1,500.
    deviation = (theirs.high - theirs.low) / (2 * 1.96)
    assert ours.low == pytest.approx(theirs.low, abs=4 * 0.08 * deviation)
    assert ours.high == pytest.approx(theirs.high, abs=4 * 0.08 * deviation)


def test_all_views_and_repeats_of_a_group_move_together():
    """Two repeats of the same answers, on two views: nothing is gained over one."""
    rng = np.random.default_rng(5)
    correct, positive, score = rng.random(80) < 0.7, rng.random(80) < 0.5, rng.normal(size=80)
    once = intervals(rows_of(correct, positive, score), np.arange(80))
    rows = np.tile(np.arange(80), 4)
    place = {"repeat": np.repeat([0, 1], 160), "fold": np.zeros(320)}
    often = intervals(rows_of(correct[rows], positive[rows], score[rows], **place), rows)
    for name in METRICS:
        assert (often[name].low, often[name].high) == pytest.approx((once[name].low, once[name].high), abs=1e-12)


def test_perfect_answers_get_the_exact_binomial_bound():
    positive = np.arange(40) < 10
    perfect = intervals(rows_of(np.ones(40), positive, positive.astype(float)), np.arange(40))
    for name, n in {
        "accuracy": 40,
        "sensitivity": 10,
        "specificity": 30,
        "precision": 10,
        "recall": 10,
        "f1": 10,
        "auroc": 10,
    }.items():
        exact = stats.binomtest(n, n).proportion_ci(0.95, "exact")
        assert (perfect[name].low, perfect[name].high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_wrong_answers_get_the_exact_binomial_bound():
    exact = stats.binomtest(0, 25).proportion_ci(0.95, "exact")
    wrong = intervals(rows_of(np.zeros(25)), np.arange(25))["accuracy"]
    assert (wrong.low, wrong.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_the_interval_of_a_mean_is_that_of_drawn_rows():
    """Losses and correlations, on groups of several sizes and three epochs, drawn one by one."""
    rng = np.random.default_rng(7)
    group = rng.integers(25, size=90)
    group, epoch = np.tile(group, 3), np.repeat([0, 1, 2], 90)
    means = {"loss": rng.exponential(size=270), "correlation": rng.uniform(-1, 1, size=270)}
    rows = scored(["p"] * 270, ["p"] * 270, {"p": np.ones(270)}, repeat=epoch, means=means)
    bounds = intervals(rows, group, n_resamples=400, seed=3, metrics=list(means))
    for name, numbers in means.items():
        drawn = []
        for weight in resample_weights(25, 400, seed=3).T:
            chosen = np.repeat(np.arange(270), weight[group])
            drawn.append(np.mean([numbers[chosen[epoch[chosen] == e]].mean() for e in range(3)]))
        expected = np.quantile(drawn, [0.025, 0.975])
        assert (bounds[name].low, bounds[name].high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_mean_that_never_varies_has_no_interval(constant):
    """The exact bounds are those of shares."""
    correct = np.full(20, constant)
    rows = scored(["p"] * 20, np.where(correct, "p", "n"), {"p": correct}, means={"loss": correct})
    bounds = intervals(rows, np.arange(20), metrics=["accuracy", "loss"])
    assert bounds["accuracy"].high - bounds["accuracy"].low == pytest.approx(1 - 0.025 ** (1 / 20))
    assert np.isnan([bounds["loss"].low, bounds["loss"].high]).all()


def test_one_group_has_no_interval():
    assert np.isnan(intervals(rows_of([1, 0, 1]), np.zeros(3, dtype=int))["accuracy"].low)


def test_undefined_resamples_are_dropped_and_counted():
    """A class of three in thirty groups is absent from (9/10)^30 = 4.2 % of resamples, one of two from 12.6 %."""
    positive = np.arange(30) < 3
    some = intervals(rows_of(np.arange(30) % 2, positive), np.arange(30), n_resamples=4000)["sensitivity"]
    assert some.n_undefined / 4000 == pytest.approx(0.9**30, abs=0.012)  # 3.8 standard errors
    assert (some.low, some.high) == (0.0, 1.0)
    positive = np.arange(30) < 2
    most = intervals(rows_of(np.arange(30) % 2, positive), np.arange(30), n_resamples=4000)["sensitivity"]
    assert most.n_undefined > 400
    assert np.isnan(most.low)
    assert np.isnan(most.high)


def test_resamples_draw_as_many_groups_as_there_are():
    weights = resample_weights(50, 3000, seed=7)
    assert (weights.sum(axis=0) == 50).all()
    # Multinomial: each count has mean 1 and variance 49/50, counts of two groups covary by -1/50.
    assert weights.mean(axis=1) == pytest.approx(np.ones(50), abs=4 * (0.98 / 3000) ** 0.5)
    covariance = np.cov(weights.astype(float))
    assert np.diag(covariance).mean() == pytest.approx(0.98, abs=0.02)
    assert covariance[~np.eye(50, dtype=bool)].mean() == pytest.approx(-0.02, abs=0.001)


def test_the_seed_decides_the_interval():
    rows, group = rows_of(np.random.default_rng(6).random(101) < 0.7), np.arange(101) // 2
    assert intervals(rows, group, seed=1) == intervals(rows, group, seed=1)
    assert intervals(rows, group, seed=1)["accuracy"] != intervals(rows, group, seed=2)["accuracy"]


def test_percentiles_of_known_resamples():
    interval = percentile_interval(np.linspace(0, 1, 2001), n_groups=10)
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975), abs=1e-12)
