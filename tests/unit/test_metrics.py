"""Metrics against scikit-learn, and resampled metrics against metrics of resampled rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    roc_auc_score,
)

from leukorepro.core.tables.predictions import MOMENTS
from leukorepro.evaluation.metrics.metrics import measure, measure_weighted, scored, support
from leukorepro.metrics.registry import METRICS, OF_PREDICTIONS

EXACT = 1e-12
EVERY = [name for name, metric in METRICS.items() if metric.is_made_of_rows]
"""Those that only tables that print them have, too."""
OF_ALL_CLASSES = [name for name in EVERY if METRICS[name].takes_no_class]


def draw(seed, n_rows, n_classes, ties=False):
    """Random truths, guesses and scores; every class is present and predicted where n_rows allows."""
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i}" for i in range(n_classes)])
    truth = np.r_[np.arange(n_classes), rng.integers(n_classes, size=n_rows - n_classes)]
    guess = np.where(rng.random(n_rows) < 0.6, truth, rng.integers(n_classes, size=n_rows))
    scores = rng.normal(size=(n_rows, n_classes)) + 1.5 * np.eye(n_classes)[truth]
    return names[truth], names[guess], np.round(scores, 0 if ties else 6)


def by_class(scores):
    return {f"c{i}": scores[:, i] for i in range(scores.shape[1])}


def reference(y_true, y_pred, scores, weight=None):
    """The definitions, one class after another, with scikit-learn; NaN where a term is undefined."""
    values = {"accuracy": accuracy_score(y_true, y_pred, sample_weight=weight)}
    terms = {name: [] for name in EVERY if name not in ("accuracy", *OF_ALL_CLASSES)}
    for name, score in scores.items():
        true, guessed = y_true == name, y_pred == name
        options = {"sample_weight": weight, "zero_division": np.nan}
        terms["sensitivity"].append(recall_score(true, guessed, **options))
        terms["recall"].append(terms["sensitivity"][-1])
        terms["specificity"].append(recall_score(~true, ~guessed, **options))
        terms["precision"].append(precision_score(true, guessed, **options))
        terms["npv"].append(precision_score(~true, ~guessed, **options))
        terms["f1"].append(f1_score(true, guessed, **options))
        both = len(set(true)) == 2
        terms["auroc"].append(roc_auc_score(true, score, sample_weight=weight) if both else np.nan)
        precision = average_precision_score(true, score, sample_weight=weight) if both else np.nan
        terms["average_precision"].append(precision)
    values |= {name: float(np.mean(column)) for name, column in terms.items()}
    return values | of_all_classes(y_true, y_pred, sorted({*y_true, *y_pred, *scores}), weight)


def of_all_classes(y_true, y_pred, classes, weight=None):
    """Averages and agreements over all classes, with scikit-learn; NaN where one has no rows or no predictions."""
    scores = precision_recall_fscore_support(y_true, y_pred, labels=classes, sample_weight=weight, zero_division=np.nan)
    values = {}
    for name, of_class in zip(("precision", "recall", "f1"), scores, strict=False):
        values[f"macro_{name}"] = of_class.mean()
        values[f"weighted_{name}"] = of_class @ scores[3] / scores[3].sum()
        values[f"micro_{name}"] = accuracy_score(y_true, y_pred, sample_weight=weight)
    varied = min(len(set(y_true)), len(set(y_pred))) > 1
    options = {"sample_weight": weight}
    return values | {
        "balanced_accuracy": values["macro_recall"],
        "mcc": matthews_corrcoef(y_true, y_pred, **options) if varied else np.nan,
        "kappa": cohen_kappa_score(y_true, y_pred, **options),
    }


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), n_rows=st.integers(2, 40), ties=st.booleans())
def test_two_classes_equal_scikit_learn(seed, n_rows, ties):
    y_true, y_pred, scores = draw(seed, n_rows, 2, ties)
    positive = {"c1": scores[:, 1]}
    assert measure(scored(y_true, y_pred, positive), EVERY) == pytest.approx(
        reference(y_true, y_pred, positive), abs=EXACT, nan_ok=True
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n_rows=st.integers(5, 60), n_classes=st.integers(3, 5), ties=st.booleans())
def test_several_classes_equal_scikit_learn(seed, n_rows, n_classes, ties):
    y_true, y_pred, scores = draw(seed, n_rows, n_classes, ties)
    columns = by_class(scores)
    assert measure(scored(y_true, y_pred, columns), EVERY) == pytest.approx(
        reference(y_true, y_pred, columns), abs=EXACT, nan_ok=True
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n_rows=st.integers(8, 60), n_classes=st.integers(2, 5))
def test_macro_averages_equal_scikit_learns(seed, n_rows, n_classes):
    """Two classes too, whose scores are those of the positive one."""
    y_true, y_pred, scores = draw(seed, n_rows, n_classes)
    classes = by_class(scores)
    known = {"c1": scores[:, 1]} if n_classes == 2 else classes
    ours = measure(scored(y_true, y_pred, known, average_over=list(classes)))
    theirs = precision_recall_fscore_support(
        y_true, y_pred, labels=list(classes), average="macro", zero_division=np.nan
    )
    expected = dict(zip(("precision", "recall", "f1"), theirs, strict=False))
    undefined = [n for n in ("precision",) if not set(classes) <= set(y_pred)]  # scikit-learn leaves the term out
    for name, value in expected.items():
        assert ours[name] == pytest.approx(np.nan if name in undefined else value, abs=EXACT, nan_ok=True), name
    if n_classes == 2:
        assert ours["auroc"] == pytest.approx(roc_auc_score(y_true == "c1", scores[:, 1]), abs=EXACT)
        assert ours["sensitivity"] == ours["specificity"] == ours["recall"]


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), n_classes=st.integers(2, 4), ties=st.booleans())
def test_weighted_rows_equal_scikit_learn(seed, n_classes, ties):
    y_true, y_pred, scores = draw(seed, 50, n_classes, ties)
    columns = by_class(scores) if n_classes > 2 else {"c1": scores[:, 1]}
    weights = np.random.default_rng(seed).uniform(0.1, 3, size=(50, 3))
    values = measure_weighted(scored(y_true, y_pred, columns), np.arange(50), weights, EVERY)
    for resample, weight in enumerate(weights.T):
        ours = {name: column[resample] for name, column in values.items()}
        assert ours == pytest.approx(reference(y_true, y_pred, columns, weight), abs=1e-10, nan_ok=True)


def test_a_group_drawn_twice_counts_as_its_rows_repeated():
    y_true, y_pred, scores = draw(3, 90, 3)
    rng = np.random.default_rng(4)
    group = rng.integers(12, size=90)
    repeat, fold = np.repeat([0, 1, 2], 30), np.tile([0, 1], 45)
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=20).T
    values = measure_weighted(scored(y_true, y_pred, by_class(scores), repeat, fold), group, weights, EVERY)
    assert not np.isnan(values["auroc"]).all()
    for resample, weight in enumerate(weights.T):
        rows = np.repeat(np.arange(90), weight[group])
        drawn = scored(y_true[rows], y_pred[rows], by_class(scores[rows]), repeat[rows], fold[rows])
        expected = measure(drawn, EVERY)
        assert {n: v[resample] for n, v in values.items()} == pytest.approx(expected, abs=EXACT, nan_ok=True)


def test_chunks_of_resamples_do_not_change_values(monkeypatch):
    y_true, y_pred, scores = draw(5, 60, 3)
    rows, group = scored(y_true, y_pred, by_class(scores)), np.arange(60) // 2
    weights = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), size=100).T
    whole = measure_weighted(rows, group, weights, EVERY)
    monkeypatch.setattr("leukorepro.evaluation.metrics.metrics.NUMBERS_AT_ONCE", 700)
    chunked = measure_weighted(rows, group, weights, EVERY)
    for name in EVERY:
        np.testing.assert_array_equal(whole[name], chunked[name])


@pytest.mark.parametrize("ties", [False, True])
def test_few_groups_and_many_give_the_same_auroc(monkeypatch, ties):
    """Over pairs of groups, where they are few, or over rows by score."""
    y_true, y_pred, scores = draw(6, 400, 3, ties)
    rng = np.random.default_rng(1)
    group, weights = rng.integers(20, size=400), rng.uniform(0, 3, size=(20, 30))
    rows = scored(y_true, y_pred, by_class(scores), rng.integers(2, size=400), rng.integers(3, size=400))
    few = measure_weighted(rows, group, weights, ["auroc"])["auroc"]
    monkeypatch.setattr("leukorepro.evaluation.metrics.auroc.FEW_GROUPS", 0)
    many = measure_weighted(rows, group, weights, ["auroc"])["auroc"]
    np.testing.assert_allclose(few, many, rtol=1e-12)


def test_some_metrics_are_those_of_all():
    y_true, y_pred, scores = draw(7, 50, 3)
    rows = scored(y_true, y_pred, by_class(scores))
    whole = measure(rows)
    assert measure(rows, ["f1", "accuracy"]) == {"f1": whole["f1"], "accuracy": whole["accuracy"]}


def test_auroc_compares_scores_within_folds_only():
    """Two folds, each perfectly ordered, on scales that do not agree; a third without a positive says nothing."""
    score = np.array([1, 2, 101, 102, 0])
    truth = np.array(["n", "p", "n", "p", "n"])
    rows = scored(truth, truth, {"p": score}, fold=[0, 0, 1, 1, 2])
    assert measure(rows)["auroc"] == 1
    assert measure(scored(truth, truth, {"p": score}))["auroc"] == pytest.approx(5 / 6)


def test_auroc_weighs_folds_by_their_pairs():
    truth = np.array(list("ppnn") + list("pn"))
    score = np.array([4, 3, 2, 1, 0, 1])  # first fold: 4 of 4 pairs in order; second: 0 of 1
    rows = scored(truth, truth, {"p": score}, fold=[0] * 4 + [1] * 2)
    assert measure(rows)["auroc"] == pytest.approx(4 / 5)


def test_repeats_are_measured_apart_and_averaged():
    y_true, y_pred, scores = draw(8, 80, 2)
    repeat = np.repeat([0, 1], [30, 50])
    positive = scores[:, 1]
    apart = [measure(scored(y_true[r], y_pred[r], {"c1": positive[r]})) for r in (repeat == 0, repeat == 1)]
    both = measure(scored(y_true, y_pred, {"c1": positive}, repeat))
    assert both == pytest.approx({name: (apart[0][name] + apart[1][name]) / 2 for name in OF_PREDICTIONS}, abs=EXACT)


def test_a_mean_is_that_of_the_rows_of_each_repeat():
    y_true, y_pred, scores = draw(9, 80, 2)
    rng = np.random.default_rng(2)
    repeat, group, loss = np.repeat([0, 1], [30, 50]), rng.integers(12, size=80), rng.exponential(size=80)
    rows = scored(y_true, y_pred, {"c1": scores[:, 1]}, repeat, numbers={"loss": loss})
    values = measure(rows, ["loss", "accuracy"])
    assert values["loss"] == pytest.approx((loss[:30].mean() + loss[30:].mean()) / 2, abs=EXACT)
    assert values["accuracy"] == measure(rows)["accuracy"]
    assert set(measure(rows)) == set(OF_PREDICTIONS)
    weights = rng.uniform(0.1, 3, size=(12, 5))
    for resample, value in enumerate(measure_weighted(rows, group, weights, ["loss"])["loss"]):
        weight = weights[group, resample]
        apart = [np.average(loss[r], weights=weight[r]) for r in (repeat == 0, repeat == 1)]
        assert value == pytest.approx(np.mean(apart), abs=EXACT)
    assert support(rows, group)["loss"] == 12


def test_means_over_some_rows_and_the_correlation_over_the_pixels_of_many_images():
    """Images of 50 pixels: the correlation of all their pixels at once, images as often as they are drawn."""
    y_true, y_pred, scores = draw(9, 80, 2)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 50)) + rng.normal(size=(80, 1))
    y = x + rng.normal(size=(80, 50))
    moments = dict(zip(MOMENTS, (x, y, x * x, y * y, x * y), strict=True))
    numbers = {name: values.mean(axis=1) for name, values in moments.items()}
    group, of_class = np.arange(80) // 4, y_true == "c1"
    weights = rng.integers(4, size=(20, 5))
    for counted in (None, of_class):
        rows = scored(y_true, y_pred, {"c1": scores[:, 1]}, numbers=numbers, counted=counted)
        found = measure_weighted(rows, group, weights, ["pixel_correlation"])["pixel_correlation"]
        for resample, value in enumerate(found):
            drawn = np.repeat(np.arange(80), weights[group, resample] * (1 if counted is None else of_class))
            assert value == pytest.approx(np.corrcoef(x[drawn].ravel(), y[drawn].ravel())[0, 1], abs=1e-10)
    assert support(rows, group)["pixel_correlation"] == len(set(group[of_class]))


def test_a_row_without_the_number_leaves_its_mean_undefined():
    rows = scored(["p", "n"], ["p", "n"], {"p": [1.0, 0.0]}, numbers={"loss": [0.1, np.nan]})
    assert measure(rows, ["loss", "accuracy"]) == pytest.approx({"loss": np.nan, "accuracy": 1}, nan_ok=True)


def test_epochs_are_averaged():
    """A hundred epochs as repeats: every metric is the mean of the epochs' own."""
    y_true, y_pred, scores = draw(10, 4000, 3)
    epoch, loss = np.arange(4000) % 100, np.random.default_rng(3).exponential(size=4000)
    wanted = [*OF_PREDICTIONS, "loss"]

    def measured(chosen, **place):
        columns = by_class(scores[chosen])
        return measure(scored(y_true[chosen], y_pred[chosen], columns, **place, numbers={"loss": loss[chosen]}), wanted)

    apart = [measured(epoch == number) for number in range(100)]
    together = measured(np.ones(4000, dtype=bool), repeat=epoch)
    assert together == pytest.approx({m: np.mean([values[m] for values in apart]) for m in wanted}, abs=EXACT)


def test_atteia_equations_4_to_7():
    """TP 3, FN 2, FP 1, TN 4 by hand."""
    truth, guess = list("ppppp") + list("nnnnn"), list("pppnn") + list("pnnnn")
    values = measure(scored(truth, guess, {"p": np.zeros(10)}))
    assert values == pytest.approx(
        {
            "accuracy": 7 / 10,
            "sensitivity": 3 / 5,
            "specificity": 4 / 5,
            "precision": 3 / 4,
            "recall": 3 / 5,
            "f1": 6 / 9,
            "auroc": 1 / 2,
            "npv": 4 / 6,
            "balanced_accuracy": 7 / 10,
            "weighted_f1": (6 / 9 + 8 / 11) / 2,
            "mcc": 10 / 600**0.5,
            "kappa": 2 / 5,
        }
    )


def test_metrics_without_a_denominator_are_undefined():
    nothing_predicted = measure(scored(["p", "n"], ["n", "n"], {"p": [0.0, 1.0]}))
    assert np.isnan(nothing_predicted["precision"])
    assert nothing_predicted["f1"] == 0
    no_positive = measure(scored(["n", "n"], ["n", "p"], {"p": [0.0, 1.0]}))
    assert np.isnan(no_positive["sensitivity"])
    assert np.isnan(no_positive["auroc"])
    assert no_positive["specificity"] == 0.5


def test_a_macro_average_with_an_undefined_term_is_undefined():
    truth, guess = ["a", "b", "c"], ["a", "b", "b"]  # c is never predicted
    values = measure(scored(truth, guess, dict(zip("abc", np.eye(3), strict=True))))
    assert np.isnan(values["precision"])
    assert values["sensitivity"] == pytest.approx(2 / 3)


def test_support_counts_groups_in_the_denominator():
    truth, guess = list("ppnnnn"), list("pnpnnn")
    rows = scored(truth, guess, {"p": np.zeros(6)})
    groups = np.array([0, 0, 1, 2, 3, 3])
    assert support(rows, groups) == {
        "accuracy": 4,
        "sensitivity": 1,  # group 0
        "specificity": 3,  # 1, 2, 3
        "precision": 2,  # 0, 1
        "recall": 1,
        "f1": 2,  # 0, 1
        "auroc": 1,
        **{"tp": 1, "fn": 1, "fp": 3, "tn": 3},
        "npv": 3,  # 0, 2, 3
        "average_precision": 1,
        **dict.fromkeys(("balanced_accuracy", "mcc", "kappa"), 1),  # of the smaller class
        **dict.fromkeys(("macro_precision", "macro_recall", "macro_f1"), 1),
        **dict.fromkeys(("weighted_precision", "weighted_recall", "weighted_f1"), 4),
        **dict.fromkeys(("micro_precision", "micro_recall", "micro_f1"), 4),
    }
