"""Paired differences against plain loops over the same draws, and against a population whose difference is known."""

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study
from scipy import stats
from sklearn.metrics import roc_auc_score

from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import DIFFERENCES_TABLE
from leukorepro.evaluation.resampling.differences import (
    best_item,
    compared_metrics,
    deciding_metric,
    difference_interval,
    differences,
)

TWO = {"weak": {}, "strong": {}}


def population(rng, n_subjects=30, size=5, effect=1.0):
    """Images of patients: their patient, their class (the patient's), and a score with an effect of the patient."""
    subject = np.repeat(np.arange(n_subjects), size)
    positive = subject % 2 == 0
    score = (
        np.where(positive, 0.7, -0.7) + effect * rng.normal(size=n_subjects)[subject] + rng.normal(size=len(subject))
    )
    return subject, positive, score


def row(table, **wanted):
    chosen = table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])]
    assert len(chosen) == 1
    return chosen.iloc[0]


def drawn_differently(one, other, seed, n_resamples):
    """Intervals of differences of accuracy and AUROC, rows repeated as often as their group was drawn."""
    everything = pd.concat([one, other]).drop_duplicates("image_id").sort_values("image_id")
    key = everything["subject_id"].where(everything["subject_id"] != "", everything["image_id"])
    group = dict(zip(everything["image_id"], pd.factorize(key)[0], strict=True))
    n_groups = len(set(group.values()))
    by_class = [side["image_id"].map(group).groupby(side["y_true"]).nunique().min() for side in (one, other)]
    by_side = [side["image_id"].map(group).nunique() for side in (one, other)]
    rests_on = {"accuracy": min(by_side), "auroc": min(by_class)}
    rng = np.random.default_rng(seed)
    found = {"accuracy": [], "auroc": []}
    for _ in range(n_resamples):
        times = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
        values = []
        for side in (one, other):
            rows = side.loc[side.index.repeat(times[side["image_id"].map(group)])]
            folds = [f for _, f in rows.groupby("fold") if f["y_true"].nunique() == 2]
            pairs = [(f["y_true"] == "p").sum() * (f["y_true"] == "n").sum() for f in folds]
            areas = [roc_auc_score(f["y_true"] == "p", f["score"]) for f in folds]
            accuracy = (rows["y_true"] == rows["y_pred"]).mean() if len(rows) else np.nan
            values.append((accuracy, np.average(areas, weights=pairs) if folds else np.nan))
        for name, a, b in zip(found, *values, strict=True):
            found[name].append(a - b)
    return n_groups, {name: difference_interval(np.array(drawn), rests_on[name]) for name, drawn in found.items()}


@pytest.mark.parametrize("held_out", [False, True])
def test_differences_between_rungs_are_those_of_a_plain_loop(held_out):
    """All images on both rungs; or a part on each, some images and some patients on both, some patients unknown."""
    rng = np.random.default_rng(1)
    subject, positive, score = population(rng)
    subject[:7] = -1
    parts = [np.arange(0, 110), np.arange(60, 150)] if held_out else [np.arange(150)] * 2
    frames = [
        answers("weak", subject[p], positive[p], score[p] + noise * rng.normal(size=len(p)), rung=rung, images=p)
        for p, noise, rung in zip(parts, (0.2, 1.5), ("as_published", "source_disjoint"), strict=True)
    ]
    table = differences(outcomes(study({"weak": {}}), *frames), seed=3, n_resamples=40)
    n_groups, expected = drawn_differently(frames[1], frames[0], seed=3, n_resamples=40)
    assert list(table["metric"]) == ["accuracy", "auroc"]
    for name, bounds in expected.items():
        found = row(table, metric=name)
        assert (found["kind"], found["protocol"], found["against_protocol"]) == (
            "rung", "source_disjoint", "as_published"
        )  # fmt: skip
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((bounds.low, bounds.high), abs=1e-12)
        assert found["n_groups"] == n_groups
    accuracy = [(f["y_true"] == f["y_pred"]).mean() for f in frames]
    assert row(table, metric="accuracy")["difference"] == pytest.approx(accuracy[1] - accuracy[0], abs=1e-12)


def test_items_are_compared_with_the_best_printed_one():
    rng = np.random.default_rng(2)
    subject, positive, score = population(rng)
    items = {"weak": {}, "strong": {}, "strong, again": {"reading_of": "strong", "split": "tenth"}}
    noise = {"weak": 2.0, "strong": 0.5, "strong, again": 0.0}
    frames = [answers(name, subject, positive, score + noise[name] * rng.normal(size=len(score))) for name in items]
    table = differences(outcomes(study(items), *frames), seed=5, n_resamples=40)
    assert list(table.columns) == list(DIFFERENCES_TABLE.columns)
    assert set(table["kind"]) == {"item"}
    assert set(table["against_item"]) == {"strong"}
    assert set(table["item"]) == {"weak", "strong, again"}
    for name in ("weak", "strong, again"):
        expected = drawn_differently(frames[list(items).index(name)], frames[1], seed=5, n_resamples=40)[1]["auroc"]
        found = row(table, item=name, metric="auroc")
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_every_rung_is_compared_with_the_one_above_and_with_the_first():
    rng = np.random.default_rng(3)
    subject, positive, score = population(rng)
    rungs = ("as_published", "fit_in_fold", "source_disjoint", "external")
    frames = [answers("weak", subject, positive, score + rng.normal(size=len(score)), rung=rung) for rung in rungs]
    table = differences(outcomes(study({"weak": {}}), *frames), seed=0, n_resamples=20)
    pairs = table.loc[table["metric"] == "accuracy", ["protocol", "against_protocol"]]
    assert list(pairs.itertuples(index=False, name=None)) == [
        ("fit_in_fold", "as_published"),
        ("source_disjoint", "fit_in_fold"),
        ("source_disjoint", "as_published"),
        ("external", "source_disjoint"),
        ("external", "as_published"),
    ]


@pytest.mark.long
def test_the_paired_interval_covers_a_known_difference_and_is_narrower_than_two_unpaired_ones():
    """Two classifiers see the same patients, one of them through more noise; truth from a million images."""
    rng = np.random.default_rng(4)
    spread = {"strong": 0.3, "weak": 1.2}
    right = {name: stats.norm.cdf(0.7 / np.sqrt(1 + 1 + noise**2)) for name, noise in spread.items()}
    truth = right["weak"] - right["strong"]
    covered, narrower, repetitions = 0, 0, 200
    resolved = study(TWO)
    for repetition in range(repetitions):
        subject, positive, score = population(rng, n_subjects=60, size=4)
        frames = [answers(n, subject, positive, score + spread[n] * rng.normal(size=len(score))) for n in TWO]
        table = differences(outcomes(resolved, *frames), seed=repetition, n_resamples=150)
        found = row(table, metric="accuracy")
        sign = 1 if found["item"] == "weak" else -1  # the better one of the sample is subtracted
        covered += found["ci_low"] <= sign * truth <= found["ci_high"]
        widths = []
        for frame in frames:
            share = (frame["y_true"] == frame["y_pred"]).groupby(frame["subject_id"]).mean()
            widths.append(2 * 1.96 * share.std() / np.sqrt(len(share)))
        narrower += found["ci_high"] - found["ci_low"] < np.hypot(*widths)
    assert 0.89 <= covered / repetitions <= 0.99  # 93.5 % in 400 others; 2.6 standard errors below
    assert narrower > 0.95 * repetitions


def test_the_same_predictions_differ_by_zero_with_certainty():
    """Where a rung changes nothing, and where two items are one."""
    subject, positive, score = population(np.random.default_rng(5))
    frames = [answers("weak", subject, positive, score), answers("strong", subject, positive, score)]
    frames.append(answers("weak", subject, positive, score, rung="source_disjoint"))
    table = differences(outcomes(study(TWO), *frames), seed=0, n_resamples=50)
    assert (table[["difference", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert set(table["kind"]) == {"item", "rung"}


def test_items_that_no_group_told_apart_may_yet_differ():
    """Both always right with other scores: 30 groups without a disagreement leave 1 - 0.025^(1/30) either way."""
    subject, positive, _ = population(np.random.default_rng(6))
    sure, unsure = (np.where(positive, size, -size) for size in (2.0, 0.5))
    table = differences(
        outcomes(study(TWO), answers("weak", subject, positive, sure), answers("strong", subject, positive, unsure)),
        seed=0,
        n_resamples=50,
    )
    exact = stats.binomtest(0, 30).proportion_ci(0.95, "exact").high
    found = row(table, metric="accuracy")
    assert found["difference"] == 0
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((-exact, exact), abs=1e-12)


def test_a_difference_that_is_often_undefined_has_no_interval():
    values = np.r_[np.full(20, np.nan), np.linspace(-1, 1, 80)]
    assert np.isnan(difference_interval(values, 10).low)
    assert np.isnan(difference_interval(np.full(50, np.nan), 10).low)
    assert np.isnan(difference_interval(np.zeros(50), 1).low)
    assert np.isnan(difference_interval(np.zeros(50), 10, shares=False).low)


def test_the_best_item_is_picked_by_a_metric_of_tested_rows():
    table = study(TWO, metrics=["train_accuracy", "test_accuracy", "f1"]).study.tables["1"]
    assert deciding_metric(table) == "test_accuracy"
    assert compared_metrics(table) == ["train_accuracy", "test_accuracy", "accuracy", "auroc"]
    assert deciding_metric(study(TWO, metrics=["train_accuracy"]).study.tables["1"]) == "train_accuracy"
    assert best_item({"a": np.nan, "b": 0.5, "c": 0.7, "d": 0.7}, "accuracy") == "c"
    assert best_item({"a": 0.5, "b": 0.2}, "test_loss") == "b"
    assert best_item({"a": np.nan}, "accuracy") is None


def test_the_table_reads_back_as_it_was_written(tmp_path):
    subject, positive, score = population(np.random.default_rng(7))
    frames = [answers("weak", subject, positive, score), answers("strong", subject, positive, -score)]
    table = differences(outcomes(study(TWO), *frames), seed=0, n_resamples=50)
    DIFFERENCES_TABLE.write(table, tmp_path / "differences.csv")
    pd.testing.assert_frame_equal(DIFFERENCES_TABLE.read(tmp_path / "differences.csv"), table)
    (tmp_path / "differences.csv").write_text("study,table\n")
    with pytest.raises(UserError, match=r"column\(s\) kind"):
        DIFFERENCES_TABLE.read(tmp_path / "differences.csv")


def test_an_image_of_two_patients_is_refused():
    subject, positive, score = population(np.random.default_rng(8))
    frames = [answers("weak", subject + k, positive, score, rung=r) for k, r in enumerate(("as_published", "external"))]
    with pytest.raises(UserError, match="'i0000' has two subjects or sources"):
        differences(outcomes(study({"weak": {}}), *frames), seed=0, n_resamples=20)
