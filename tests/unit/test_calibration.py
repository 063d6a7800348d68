"""Calibration: closed forms, and scikit-learn as the other implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patient_rows import outcome, stated
from scipy.special import expit, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from leukorepro.config.study.classifiers import CLASSIFIERS
from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.errors import UserError
from leukorepro.evaluation.patients.calibration import N_BINS, calibration, reliability
from leukorepro.evaluation.patients.probabilities import forecasts
from leukorepro.evaluation.predictions import groups_of_rows
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.fits import scores

EXACT = 1e-12


def draw(seed: int, n: int = 60) -> tuple[Any, Any]:
    """Truths and probabilities of two classes that have something to do with one another."""
    generator = np.random.default_rng(seed)
    truth = generator.random(n) < 0.4
    return truth, expit(generator.normal(0, 1.5, n) + truth)


def named(truth: Any) -> Any:
    return np.where(truth, "all", "hem")


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_brier_score_and_curve_of_two_classes_are_scikit_learns(seed: int) -> None:
    truth, score = draw(seed)
    rows = stated(outcome(named(truth), score))
    found = calibration(rows, 20, 0)
    assert found["brier"][0] == pytest.approx(brier_score_loss(truth, score), abs=EXACT)
    prevalence = np.full(len(truth), truth.mean())
    assert found["brier_reference"][0] == pytest.approx(brier_score_loss(truth, prevalence), abs=EXACT)
    observed, mean = calibration_curve(truth, score, n_bins=N_BINS)
    bins = list(reliability(rows, 20, 0))
    assert [b.observed for b in bins] == pytest.approx(observed, abs=EXACT)
    assert [b.mean_score for b in bins] == pytest.approx(mean, abs=EXACT)
    weight = np.array([b.n_rows for b in bins]) / len(truth)
    assert found["ece"][0] == pytest.approx(weight @ np.abs(observed - mean), abs=EXACT)
    assert found["calibration_in_the_large"][0] == pytest.approx(score.mean() - truth.mean(), abs=EXACT)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_brier_score_and_curve_of_three_classes_are_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    score = softmax(generator.normal(0, 2, (50, 3)), axis=1)
    truth = np.array(["a", "b", "c"])[generator.integers(3, size=50)]
    rows = stated(outcome(truth, score))
    found = calibration(rows, 20, 0)
    assert found["brier"][0] == pytest.approx(brier_score_loss(truth, score, labels=["a", "b", "c"]), abs=EXACT)
    right = truth == np.array(["a", "b", "c"])[score.argmax(axis=1)]
    observed, mean = calibration_curve(right, score.max(axis=1), n_bins=N_BINS)
    bins = list(reliability(rows, 20, 0))
    assert [b.observed for b in bins] == pytest.approx(observed, abs=EXACT)
    assert [b.mean_score for b in bins] == pytest.approx(mean, abs=EXACT)
    assert rows.of == ""


def test_scores_that_come_true_as_often_as_stated_have_no_error_but_that_of_chance() -> None:
    generator = np.random.default_rng(0)
    score = generator.random(40_000)
    truth = generator.random(40_000) < score
    found = calibration(stated(outcome(named(truth), score, subject="")), 20, 0)
    # A bin of 4,000 rows errs by sqrt(2 p (1 - p) / (4,000 pi)) on average: below 0.0065.
    assert found["ece"][0] < 0.0065
    assert found["ece_by_chance"][0] == pytest.approx(found["ece"][0], abs=0.003)
    assert found["brier"][0] == pytest.approx(1 / 6, abs=0.005)  # the mean of p (1 - p) over [0, 1]


def test_a_constant_score_of_the_prevalence_has_the_brier_score_of_knowing_nothing_else() -> None:
    truth = np.arange(100) < 30
    found = calibration(stated(outcome(named(truth), np.full(100, 0.3))), 200, 0)
    assert found["brier"][0] == pytest.approx(0.3 * 0.7, abs=EXACT)
    assert found["brier"][0] == pytest.approx(found["brier_reference"][0], abs=EXACT)
    assert found["ece"][0] == pytest.approx(0, abs=EXACT)
    # By chance the share of 100 rows is off by sqrt(2 p (1 - p) / (100 pi)) = 0.0366 on average.
    assert found["ece_by_chance"][0] == pytest.approx(0.0366, abs=0.006)


def test_overconfidence_is_seen() -> None:
    truth = np.tile([True, True, True, False], 50)
    found = calibration(stated(outcome(named(truth), np.full(200, 0.95))), 200, 0)
    assert found["ece"][0] == found["calibration_in_the_large"][0] == pytest.approx(0.2, abs=EXACT)
    low, high = found["ece"][1].low, found["ece"][1].high
    assert 0 < low < 0.2 < high < 1


def test_intervals_resample_groups_and_repeats_are_averaged() -> None:
    truth, score = draw(1, 80)
    few = np.array([f"p{k // 20}" for k in range(80)])
    narrow = calibration(stated(outcome(named(truth), score)), 500, 0)["brier"][1]
    once = outcome(named(truth), score, subject=few)
    wide = calibration(stated(once), 500, 0)["brier"][1]
    assert wide != narrow
    twice = outcome(np.r_[named(truth), named(truth)], np.r_[score, 1 - score], subject=np.r_[few, few])
    twice = twice.assign(repeat=np.repeat([0, 1], 80), image_id=np.tile(np.arange(80).astype(str), 2))
    means = [calibration(stated(outcome(named(truth), s)), 20, 0)["ece"][0] for s in (score, 1 - score)]
    assert calibration(stated(twice), 20, 0)["ece"][0] == pytest.approx(np.mean(means), abs=EXACT)


def test_a_bin_of_one_group_has_no_interval() -> None:
    rows = outcome(["all"] * 4, [0.95] * 4, subject="p")
    (only,) = reliability(stated(rows), 50, 0)
    assert (only.n_rows, only.observed, only.mean_score) == (4, 1.0, pytest.approx(0.95))
    assert np.isnan(only.interval.low)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("kind", sorted(set(CLASSIFIERS) - {"network", "fine_tuned", "sklearn"}))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_classifier_gives_the_scores_that_its_configuration_says(kind: str, n_classes: int) -> None:
    generator = np.random.default_rng(0)
    y = np.array(["hem", "all", "other"])[generator.integers(n_classes, size=120)]
    X = generator.normal(size=(120, 4)) + (y == "all")[:, None] - 2.0 * (y == "other")[:, None]
    needed = {"svm": {"kernel": "rbf"}, "mlp": {"epochs": {"demo": 5, "published": 5}, "batch_size": 60}}
    needed["softmax"] = {"epochs": {"demo": 5, "published": 5}, "batch_size": 10, "learning_rate": 0.1}
    spec: Classifier = CLASSIFIERS[kind].model_validate({"kind": kind, **needed.get(kind, {})})
    estimator = spec.unfitted(Settings(budget="demo"))
    given = scores(estimator.fit(X, y), X, "all", spec.scores)
    columns = given[:, 0] if n_classes == 2 else given
    if spec.scores == "margin":
        assert kind in ("svm", "linear_svc", "sgd")
        assert not hasattr(estimator, "predict_proba")
        return
    of_odds = kind in ("logistic_regression", "linear_discriminant")
    assert (spec.scores == "log_odds") == of_odds == hasattr(estimator, "decision_function")
    truth = y if n_classes == 2 else np.array(["a", "b", "c"])[np.unique(y, return_inverse=True)[1]]
    found = stated(outcome(truth, columns), spec.scores).probability
    expected = estimator.predict_proba(X)
    assert found == pytest.approx(expected[:, [0]] if n_classes == 2 else expected, abs=1e-9)


def test_margins_are_no_probabilities_and_networks_give_some() -> None:
    rows = outcome(["all", "hem"], [0.8, 0.1])  # what they look like does not matter
    assert forecasts(rows, "margin", "all", groups_of_rows(rows)) is None
    assert NetworkSpec.scores == "probability"


@pytest.mark.parametrize(
    ("truth", "score"), [(["all", "hem"], [0.5, 1.5]), (["a", "b"], [[0.2, 0.3, 0.5], [0.5, 0.5, 0.5]])]
)
def test_what_is_no_probability_but_should_be_is_refused(truth: Any, score: Any) -> None:
    with pytest.raises(UserError, match=r"image '00001': score.* 1.5|image '00001': score_a 0.5, .*adding up to 1"):
        stated(outcome(truth, score))
