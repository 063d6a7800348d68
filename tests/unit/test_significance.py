"""Tests of two items' difference against closed formulas, scipy and statsmodels."""

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study
from scipy import stats
from statsmodels.stats.multitest import multipletests

from leukorepro.config.study.schemes import HoldOutScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.resampling.differences import differences
from leukorepro.evaluation.resampling.significance import corrected_resampled_t, holm, mcnemar_p


def test_the_corrected_t_test_is_nadeau_and_bengios_formula():
    """Ten folds, a ninth as many test as training rows: by hand, mean 0.02 and variance 0.0004."""
    values = 0.02 + 0.02 * np.sqrt(9 / 10) * np.array([1, -1] * 5)
    t = 0.02 / np.sqrt((1 / 10 + 1 / 9) * 0.0004)
    assert corrected_resampled_t(values, 1 / 9) == pytest.approx(2 * stats.t.sf(t, 9), rel=1e-12)


def test_without_the_correction_it_is_the_paired_t_test():
    one, other = np.random.default_rng(0).normal(size=(2, 12))
    expected = stats.ttest_rel(one, other).pvalue
    assert corrected_resampled_t(one - other, 0) == pytest.approx(expected, rel=1e-12)
    assert corrected_resampled_t(one - other, 1 / 11) > expected


@pytest.mark.parametrize("values", [[0.1], [], [0.1, 0.1, 0.1]])
def test_one_fold_or_none_that_varies_has_no_t_test(values):
    assert np.isnan(corrected_resampled_t(values, 0.25))


def right(both, one, other, neither):
    return np.repeat([1, 1, 0, 0], [both, one, other, neither]), np.repeat([1, 0, 1, 0], [both, one, other, neither])


@pytest.mark.parametrize(("one", "other"), [(9, 2), (0, 7), (12, 12)])
def test_mcnemar_of_few_disagreements_is_the_binomial_test(one, other):
    expected = stats.binomtest(one, one + other, 0.5).pvalue
    assert mcnemar_p(*right(50, one, other, 5)) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_of_many_disagreements_is_chi_squared_with_the_continuity_correction():
    expected = stats.chi2.sf((abs(40 - 22) - 1) ** 2 / (40 + 22), 1)
    assert mcnemar_p(*right(100, 40, 22, 9)) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_without_a_disagreement_or_without_rows():
    assert mcnemar_p(*right(30, 0, 0, 4)) == 1
    assert np.isnan(mcnemar_p([], []))


def test_holm_is_that_of_statsmodels() -> None:
    """To the bit, with equal ones among them."""
    generator = np.random.default_rng(0)
    for n in (2, 7, 40):
        values = np.round(generator.random(n) ** 3, 2)
        assert holm(values).tolist() == multipletests(values, method="holm")[1].tolist()


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.5, times 4, 3, 2, 1, never falling, at most 1."""
    adjusted = holm([0.02, np.nan, 0.5, 0.01, 0.03])
    assert adjusted[[3, 0, 4, 2]] == pytest.approx([0.04, 0.06, 0.06, 0.5], abs=1e-15)
    assert np.isnan(adjusted[1])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Wikipedia's worked example
    assert np.isnan(holm([np.nan])).all()
    assert len(holm([])) == 0


def test_the_corrected_t_test_takes_the_sizes_that_the_folds_have():
    """A hold-out asks for a tenth; with two patients in a class, each fold tests about half of the images."""
    rng = np.random.default_rng(3)
    patients = np.repeat(["p0", "p1", "n0", "n1"], [30, 20, 25, 25])
    positive = np.char.startswith(patients, "p")
    names = [f"i{k:04d}" for k in range(100)]
    manifest = pd.DataFrame(
        {
            "image_id": names,
            "label": np.where(positive, "p", "n"),
            "subject_id": patients,
            "source_id": names,
            "official_split": "",
            "status": "ok",
        }
    )
    resolved = study({"one": {"split": "tenth"}, "two": {"split": "tenth"}})
    scheme = HoldOutScheme(kind="hold_out", test_share=0.1, turns=2, views=["identity", "hflip", "vflip"])
    by_patient = Protocol(rung="subject_disjoint", unit="subject", scope="train")
    splits = make_splits(manifest, scheme, by_patient, seed=0, external_split=None)
    tested = splits[splits["role"] == "test"]
    rows = tested["image_id"].str[1:].astype(int).to_numpy()
    frames = [
        answers(
            item,
            subject=rows,
            positive=positive[rows],
            score=np.where(positive[rows], 1, -1) + noise * rng.normal(size=len(rows)),
            fold=tested["fold"].to_numpy(),
            images=rows,
        )
        for item, noise in (("one", 0.7), ("two", 2.0))
    ]
    given = {"as_published/tenth": splits}
    table = differences(outcomes(resolved, *frames, splits=given), seed=0, n_resamples=20)
    found = table[table["metric"] == "accuracy"].iloc[0]
    one, other = [(f["y_true"] == f["y_pred"]).groupby(f["fold"]).mean() for f in frames]
    assert len(one) == 2
    expected = corrected_resampled_t(one - other, 1)  # every image is tested once and trained on once
    assert found["p_corrected_t"] == pytest.approx(expected, rel=1e-12)
    assert expected > 1.2 * corrected_resampled_t(one - other, 1 / 9)
    with pytest.raises(UserError, match="unknown split table 'as_published/tenth'"):
        differences(outcomes(resolved, *frames, splits={"external/tenth": splits}), seed=0, n_resamples=20)


def test_p_values_stand_at_accuracies_of_items_on_one_split():
    """Those of a fourfold cross-validation in two repeats, by hand; a view that was tested twice counts once."""
    rng = np.random.default_rng(1)
    n = 80
    positive = np.arange(n) % 2 == 0
    items = {"good": {}, "fair": {}, "poor": {}, "elsewhere": {"split": "tenth"}}
    noise = {"good": 0.3, "fair": 1.5, "poor": 3.0, "elsewhere": 1.0}
    frames = {
        (name, repeat): answers(
            name, np.arange(n), positive, np.where(positive, 1, -1) + noise[name] * rng.normal(size=n), repeat=repeat
        )
        for name in items
        for repeat in (0, 1)
    }
    table = differences(outcomes(study(items), *frames.values()), seed=0, n_resamples=20)
    known = table.dropna(subset=["p_corrected_t", "p_mcnemar", "p_mcnemar_holm"], how="all")
    assert set(known["item"]) == {"fair", "poor"}
    assert set(known["metric"]) == {"accuracy"}
    found = known.set_index("item")
    exact, folds = {}, {}
    for name in ("fair", "poor"):
        pair = {key: frame for key, frame in frames.items() if key[0] in (name, "good")}
        right = {key: (frame["y_true"] == frame["y_pred"]).to_numpy() for key, frame in pair.items()}
        folds[name] = [
            right[name, repeat][k::4].mean() - right["good", repeat][k::4].mean() for repeat in (0, 1) for k in range(4)
        ]
        one, other = right[name, 0], right["good", 0]
        exact[name] = mcnemar_p(one, other)
        t = np.mean(folds[name]) / np.sqrt((1 / 8 + 1 / 3) * np.var(folds[name], ddof=1))
        assert found.loc[name, "p_corrected_t"] == pytest.approx(2 * stats.t.sf(abs(t), 7), rel=1e-12)
        assert found.loc[name, "p_mcnemar"] == pytest.approx(exact[name], rel=1e-12)
    low, high = sorted(exact.values())
    assert sorted(found["p_mcnemar_holm"]) == pytest.approx([min(1, 2 * low), max(min(1, 2 * low), high)], rel=1e-12)


def test_epochs_of_a_network_are_no_folds():
    """Where all epochs count, a fold's accuracy is their mean, and the cells are those of the last one."""
    resolved = study(
        {"one": {"classifier": "network", "features": "images"}, "two": {"classifier": "svm"}}, epochs="all"
    )
    rng = np.random.default_rng(2)
    n, subject = 60, np.arange(60)
    positive = subject % 2 == 0
    epochs = [
        answers("one", subject, positive, np.where(positive, 1, -1) + noise * rng.normal(size=n), repeat=epoch)
        for epoch, noise in enumerate((3.0, 2.0, 0.1))
    ]
    other = answers("two", subject, positive, np.where(positive, 1, -1) + 2.0 * rng.normal(size=n))
    table = differences(outcomes(resolved, *epochs, other), seed=0, n_resamples=20)
    found = table[table["metric"] == "accuracy"].iloc[0]
    right = [(frame["y_true"] == frame["y_pred"]).to_numpy() for frame in (*epochs, other)]
    by_fold = [np.mean([r[k::4].mean() for r in right[:3]]) - right[3][k::4].mean() for k in range(4)]
    sign = 1 if found["item"] == "one" else -1
    assert found["difference"] == pytest.approx(sign * np.mean(by_fold), abs=1e-12)
    assert found["p_corrected_t"] == pytest.approx(corrected_resampled_t(by_fold, 1 / 3), rel=1e-12)
    assert found["p_mcnemar"] == pytest.approx(mcnemar_p(right[2], right[3]), rel=1e-12)
