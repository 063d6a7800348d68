"""Decision curves: closed forms, and net benefit counted row by row."""

from __future__ import annotations

import numpy as np
import pytest
from patient_rows import outcome, stated
from sklearn.metrics import confusion_matrix

from leukorepro.evaluation.patients.decision_curve import THRESHOLDS, decision_curve

EXACT = 1e-12


def test_net_benefit_is_that_of_the_confusion_matrix_at_each_threshold() -> None:
    generator = np.random.default_rng(3)
    truth = generator.random(70) < 0.3
    score = np.clip(0.3 + 0.3 * truth + generator.normal(0, 0.2, 70), 0, 1).round(2)
    curve = list(decision_curve(stated(outcome(np.where(truth, "all", "hem"), score)), 100, 0))
    assert [at.threshold for at in curve] == pytest.approx(THRESHOLDS)
    for at in curve:
        (_, fp), (_, tp) = confusion_matrix(truth, score >= at.threshold, labels=[False, True])
        exchange = at.threshold / (1 - at.threshold)
        assert at.net_benefit == pytest.approx(tp / 70 - fp / 70 * exchange, abs=EXACT)
        assert at.treat_all == pytest.approx(truth.mean() - (1 - truth.mean()) * exchange, abs=EXACT)
    middle = curve[len(curve) // 3]
    assert middle.interval.low < middle.net_benefit < middle.interval.high


def test_to_treat_all_is_worth_nothing_at_a_threshold_of_the_prevalence() -> None:
    truth = np.repeat(["all", "hem"], [32, 68])
    curve = {at.threshold: at for at in decision_curve(stated(outcome(truth, np.full(100, 0.5))), 50, 0)}
    assert curve[0.32].treat_all == pytest.approx(0, abs=EXACT)
    assert curve[0.3].treat_all > 0 > curve[0.34].treat_all


def test_a_perfect_classifier_is_worth_the_prevalence_everywhere_and_one_that_says_yes_what_treating_all_is() -> None:
    truth = np.repeat(["all", "hem"], [20, 30])
    for at in decision_curve(stated(outcome(truth, np.repeat([1.0, 0.0], [20, 30]))), 50, 0):
        assert at.net_benefit == pytest.approx(0.4, abs=EXACT)
    for at in decision_curve(stated(outcome(truth, np.ones(50))), 50, 0):
        assert at.net_benefit == pytest.approx(at.treat_all, abs=EXACT)
        assert at.interval == at.treat_all_interval
    for at in decision_curve(stated(outcome(truth, np.zeros(50))), 50, 0):
        assert at.net_benefit == 0
        assert np.isnan(at.interval.low)  # the same in every resample: nothing is known of how it varies
