"""Intervals against populations with known truth, scipy's bootstrap and exact binomial bounds."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from leukorepro.evaluation.intervals import intervals, percentile_interval, resample_weights, share_interval
from leukorepro.evaluation.metrics.metrics import measure, scored, smaller_class, support
from leukorepro.metrics.registry import OF_PREDICTIONS


def rows_of(correct, positive=None, score=None, **place):
    """Two-class predictions that are right where `correct` is true."""
    correct = np.asarray(correct, dtype=bool)
    positive = np.ones(len(correct), dtype=bool) if positive is None else positive
    truth = np.where(positive, "p", "n")
    guess = np.where(positive == correct, "p", "n")
    return scored(truth, guess, {"p": np.zeros(len(correct)) if score is None else score}, **place)


def test_group_interval_covers_the_truth_of_a_known_population():
    """Beta-Bernoulli groups: P(right) = 0.8 everywhere, correlated within groups of six (intraclass 2/7)."""
    rng = np.random.default_rng(1)
    n_groups, size, truth, repetitions = 60, 6, 0.8, 300
    group = np.repeat(np.arange(n_groups), size)
    covered_by_groups = covered_by_rows = 0
    for repetition in range(repetitions):
        right = rng.random(n_groups * size) < np.repeat(rng.beta(2, 0.5, size=n_groups), size)
        rows = rows_of(right)
        by_group = intervals(rows, group, n_resamples=300, seed=repetition)["accuracy"]
        covered_by_groups += by_group.low <= truth <= by_group.high
        if repetition % 3 == 0:
            by_row = intervals(rows, np.arange(len(group)), n_resamples=300, seed=repetition)["accuracy"]
            covered_by_rows += 3 * (by_row.low <= truth <= by_row.high)
    assert 0.90 <= covered_by_groups / repetitions <= 0.99
    assert covered_by_rows / repetitions < 0.90  # what resampling single rows would have claimed


def test_few_groups_are_covered_where_plain_percentiles_are_not():
    """Sixteen Beta-Bernoulli groups, P(right) = 0.9, as few as many a study has subjects."""
    rng = np.random.default_rng(12)
    n_groups, size, truth, repetitions = 16, 6, 0.9, 500
    group = np.repeat(np.arange(n_groups), size)
    weights = resample_weights(n_groups, 400, seed=0)
    ours = plain = 0
    for _ in range(repetitions):
        right = rng.random(n_groups * size) < np.repeat(rng.beta(4.5, 0.5, size=n_groups), size)
        interval = intervals(rows_of(right), group, n_resamples=400, seed=0, metrics=["accuracy"])["accuracy"]
        resamples = np.bincount(group, right) @ weights / len(group)
        low, high = np.quantile(resamples, [0.025, 0.975])
        ours += interval.low <= truth <= interval.high
        plain += low <= truth <= high
    assert 0.92 <= ours / repetitions <= 0.99
    assert plain / repetitions < 0.90


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
    )
    # The groups that the metric rests on; of an accuracy those of the smaller class.
    n = support(rows_of(correct, positive, score), np.arange(150))[metric] if metric != "accuracy" else positive.sum()
    value = statistic(np.arange(150))
    error = theirs.standard_error * np.sqrt(n / (n - 1)) / (value * (1 - value))
    expected = expit(stats.t.interval(0.95, n - 1, loc=np.log(value / (1 - value)), scale=error))
    # Monte-Carlo error of a deviation: 1 / sqrt(2 * 1500) = 1.8 % for a normal one; four of them and some for ours.
    assert (ours.low, ours.high) == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]) / 2)


def test_all_views_and_repeats_of_a_group_move_together():
    """Two repeats of the same answers, on two views: nothing is gained over one."""
    rng = np.random.default_rng(5)
    correct, positive, score = rng.random(80) < 0.7, rng.random(80) < 0.5, rng.normal(size=80)
    once = intervals(rows_of(correct, positive, score), np.arange(80))
    rows = np.tile(np.arange(80), 4)
    place = {"repeat": np.repeat([0, 1], 160), "fold": np.zeros(320)}
    often = intervals(rows_of(correct[rows], positive[rows], score[rows], **place), rows)
    for name in OF_PREDICTIONS:
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
    means = {"loss": rng.exponential(size=270), "reconstruction_correlation": rng.uniform(-1, 1, size=270)}
    rows = scored(["p"] * 270, ["p"] * 270, {"p": np.ones(270)}, repeat=epoch, numbers=means)
    bounds = intervals(rows, group, n_resamples=400, seed=3, metrics=list(means))
    for name, numbers in means.items():
        drawn = []
        for weight in resample_weights(25, 400, seed=3).T:
            chosen = np.repeat(np.arange(270), weight[group])
            drawn.append(np.mean([numbers[chosen[epoch[chosen] == e]].mean() for e in range(3)]))
        expected = np.quantile(drawn, widened(25))
        assert (bounds[name].low, bounds[name].high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_mean_that_never_varies_has_no_interval(constant):
    """The exact bounds are those of shares."""
    correct = np.full(20, constant)
    rows = scored(["p"] * 20, np.where(correct, "p", "n"), {"p": correct}, numbers={"loss": correct})
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
    assert 0 < some.low < 1 / 3 < some.high < 1
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
    assert str(intervals(rows, group, seed=1)) == str(intervals(rows, group, seed=1))  # nan is not equal to itself
    assert intervals(rows, group, seed=1)["accuracy"] != intervals(rows, group, seed=2)["accuracy"]


def widened(n_groups):
    """Percentiles of a normal that lie where the t interval of so many groups ends (Hesterberg 2015)."""
    reach = stats.t.ppf(0.975, n_groups - 1) * (n_groups / (n_groups - 1)) ** 0.5
    return stats.norm.cdf([-reach, reach])


@pytest.mark.parametrize(("n_groups", "low"), [(10, 0.00855), (40, 0.02016)])
def test_percentiles_of_known_resamples(n_groups, low):
    interval = percentile_interval(np.linspace(0, 1, 200_001), n_groups)
    assert (interval.low, interval.high) == pytest.approx(widened(n_groups), abs=1e-5)
    assert interval.low == pytest.approx(low, abs=1e-4)


def test_normal_resamples_give_the_t_interval():
    """Of the mean of 16 numbers, whose resamples deviate by their deviation over sqrt(16) times sqrt(15 / 16)."""
    numbers = np.random.default_rng(8).normal(size=16)
    quantiles = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    resamples = numbers.mean() + numbers.std() / 4 * quantiles
    interval = percentile_interval(resamples, 16)
    expected = stats.ttest_1samp(numbers, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("value", [0.03, 0.5, 0.93])
def test_a_share_and_its_complement_have_mirrored_intervals_within_0_and_1(value):
    resamples = np.clip(value + 0.04 * np.random.default_rng(9).normal(size=2000), 0, 1)
    interval, other = share_interval(value, resamples, 12), share_interval(1 - value, 1 - resamples, 12)
    assert (interval.low, interval.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)
    assert 0 < interval.low < value < interval.high < 1


def test_a_share_of_many_rows_has_the_interval_of_wald():
    """A hundred thousand rows: the logit is straight, t is normal, and p (1 - p) / n is known."""
    p, n = 0.7, 100_000
    error = (p * (1 - p) / n) ** 0.5
    interval = share_interval(p, p + error * np.random.default_rng(10).normal(size=200_000), n)
    assert (interval.low, interval.high) == pytest.approx((p - 1.96 * error, p + 1.96 * error), abs=0.02 * error)


def test_the_smaller_class_is_counted_in_groups_and_only_of_two():
    classes, group = np.array(list("aabbbccc")), np.array([0, 1, 1, 2, 3, 3, 4, 5])
    assert smaller_class(scored(classes[:5], classes[:5], {"a": np.zeros(5)}), group[:5]) == 2
    assert smaller_class(scored(classes, classes, {"a": np.zeros(8)}), group) is None
    assert smaller_class(scored(classes[:2], classes[:2], {"a": np.zeros(2)}), group[:2]) is None


def test_an_accuracy_has_the_degrees_of_freedom_of_the_smaller_class():
    """Five groups of one class and twenty of the other, against the formula."""
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(25), 4)
    rows = rows_of(rng.random(100) < 0.7, positive=group < 5)
    interval = intervals(rows, group)["accuracy"]
    resamples = np.bincount(group, rows.truth == rows.guess) @ resample_weights(25, 2000, seed=0) / 100
    value = (rows.truth == rows.guess).mean()
    reach = stats.t.ppf(0.975, 4) * resamples.std() * (5 / 4) ** 0.5 / (value * (1 - value))
    expected = expit(np.log(value / (1 - value)) + np.array([-reach, reach]))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-12)


def test_a_share_that_is_the_same_in_every_group_has_no_interval():
    """Half of each group is right: no resample tells how far off the share may be."""
    interval = intervals(rows_of(np.arange(20) % 2), np.arange(20) // 2)["accuracy"]
    assert np.isnan([interval.low, interval.high]).all()
