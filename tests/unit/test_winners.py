"""The winner's optimism against the expected maximum of normals, and against truth on new patients."""

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study
from scipy import integrate, stats

from leukorepro.core.tables.results import WINNERS_TABLE
from leukorepro.evaluation.resampling.winners import winner_optimism, winners

GROUPS = 200


def expected_maximum(k):
    """Of k standard normals: the integral of x k phi(x) Phi(x)^(k - 1)."""
    return integrate.quad(lambda x: x * k * stats.norm.pdf(x) * stats.norm.cdf(x) ** (k - 1), -8, 8)[0]


def resampled(values, rng, n_resamples=400):
    """Means over drawn groups, and over those not drawn, of items with a number in every group."""
    n = values.shape[1]
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).T.astype(float)
    return values @ drawn / n, values @ (drawn == 0) / (drawn == 0).sum(axis=0)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_the_optimism_of_equal_items_is_the_expected_maximum_of_normals(k):
    """Items as good as one another, measured on groups with independent noise of deviation 1."""
    rng = np.random.default_rng(k)
    found = []
    for _ in range(100):
        values = rng.normal(size=(k, GROUPS))
        found.append(winner_optimism(*resampled(values, rng), int(values.mean(axis=1).argmax())))
    standard_error = np.std(found) / np.sqrt(len(found))
    expected = expected_maximum(k) / np.sqrt(GROUPS)
    assert np.mean(found) == pytest.approx(expected, abs=4 * standard_error)
    assert np.mean(found) == pytest.approx(expected, rel=0.2)


def test_one_item_and_one_that_always_wins_have_no_optimism():
    rng = np.random.default_rng(0)
    one = resampled(rng.normal(size=(1, GROUPS)), rng)
    assert winner_optimism(*one, 0) == 0
    far = resampled(rng.normal(size=(3, GROUPS)) + np.array([[0], [5], [0]]), rng)
    assert winner_optimism(*far, 1) == 0


def test_resamples_in_which_nothing_is_defined_are_dropped():
    inside = np.array([[1.0, np.nan] * 10, [2.0, 3.0] * 10])
    outside = np.array([[0.5, 0.5] * 10, [0.2, 0.7] * 10])
    assert winner_optimism(inside, outside, 1) == 0
    assert winner_optimism(inside, outside, 0) == pytest.approx((0.3 - 0.2) / 2)
    outside[1, :3] = np.nan
    assert np.isnan(winner_optimism(inside, outside, 0))


def answers_of(rng, right, n_subjects=60, size=2):
    """Items that answer each image rightly with a probability that depends on the patient."""
    subject = np.repeat(np.arange(n_subjects), size)
    positive = subject % 2 == 0
    easy = 0.15 * rng.uniform(-1, 1, size=n_subjects)[subject]
    for name, p in right.items():
        good = rng.random(len(subject)) < p + easy
        yield answers(name, subject, positive, np.where(positive == good, 1.0, -1.0))


@pytest.mark.parametrize("right", [dict.fromkeys("abcdefgh", 0.7), {"a": 0.6, "b": 0.8, "c": 0.75}])
def test_the_corrected_value_and_its_interval_hit_what_the_winner_does_on_new_patients(right):
    rng = np.random.default_rng(3)
    resolved = study({name: {} for name in right})
    naive, corrected, covered, repetitions = [], [], 0, 40
    for repetition in range(repetitions):
        found = winners(outcomes(resolved, *answers_of(rng, right)), seed=repetition, n_resamples=100).iloc[0]
        assert found["n_items"] == len(right)
        assert found["optimism"] >= -0.01
        truth = right[found["winner"]]
        naive.append(found["value"] - truth)
        corrected.append(found["corrected"] - truth)
        covered += found["ci_low"] <= truth <= found["ci_high"]
    error = np.std(corrected) / np.sqrt(repetitions)
    assert abs(np.mean(corrected)) < 3 * error + 0.005
    assert np.mean(naive) > np.mean(corrected) + error
    assert covered / repetitions >= 0.86  # 95 % less 2.6 standard errors


def test_the_table_of_winners(tmp_path):
    """A table with one item has no winner; second readings are no tries of the authors."""
    rng = np.random.default_rng(4)
    right = {"a": 0.7, "b": 0.65, "a, again": 0.95}
    items = {"a": {}, "b": {}, "a, again": {"reading_of": "a", "split": "tenth"}}
    frames = list(answers_of(rng, right))
    table = winners(outcomes(study(items), *frames), seed=0, n_resamples=100)
    assert list(table.columns) == list(WINNERS_TABLE.columns)
    assert table[["protocol", "metric", "n_items"]].to_numpy().tolist() == [["as_published", "accuracy", 2]]
    best = max(frames[:2], key=lambda frame: (frame["y_true"] == frame["y_pred"]).mean())
    assert table["winner"][0] == best["item"][0]
    assert table["value"][0] == pytest.approx((best["y_true"] == best["y_pred"]).mean(), abs=1e-12)
    assert table["corrected"][0] == table["value"][0] - table["optimism"][0]
    WINNERS_TABLE.write(table, tmp_path / "winners.csv")
    pd.testing.assert_frame_equal(WINNERS_TABLE.read(tmp_path / "winners.csv"), table)
    assert winners(outcomes(study({"a": {}}), frames[0]), seed=0, n_resamples=20).empty
