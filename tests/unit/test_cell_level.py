"""Cell-level intervals against closed forms, another library and their own repeated use."""

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study
from MLstatkit import Delong_test
from scipy import stats
from sklearn.metrics import roc_auc_score

from leukorepro.core.tables.results import CELL_LEVEL_TABLE
from leukorepro.evaluation.resampling.cell_level import cell_level, delong_variance


def rows(seed=0, n=90, shift=1.0, **place):
    rng = np.random.default_rng(seed)
    positive = np.arange(n) % 3 == 0
    return answers("a", np.arange(n) // 5, positive, shift * np.where(positive, 1, -1) + rng.normal(size=n), **place)


def wilson(k, n, z=1.959963984540054):
    p = k / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def test_proportions_have_wilsons_interval():
    frame = rows()
    table = cell_level(outcomes(study({"a": {}}), frame))
    assert list(table.columns) == list(CELL_LEVEL_TABLE.columns)
    true, guessed = frame["y_true"] == "p", frame["y_pred"] == "p"
    counts = {
        "accuracy": ((true == guessed).sum(), len(frame)),
        "sensitivity": ((true & guessed).sum(), true.sum()),
        "specificity": ((~true & ~guessed).sum(), (~true).sum()),
        "precision": ((true & guessed).sum(), guessed.sum()),
    }
    found = table.set_index("metric")
    assert list(found.index) == [*counts, "auroc"]
    for name, (k, n) in counts.items():
        assert found.loc[name, "method"] == "wilson"
        assert found.loc[name, "n"] == n
        assert found.loc[name, "value"] == pytest.approx(k / n, abs=1e-15)
        assert found.loc[name, ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson(k, n), abs=1e-12)


def test_one_fold_has_delongs_interval():
    frame = rows(fold=np.zeros(90, dtype=int))
    found = cell_level(outcomes(study({"a": {}}), frame)).set_index("metric").loc["auroc"]
    true = (frame["y_true"] == "p").astype(int)
    _, _, expected, _, area, _, _ = Delong_test(true, frame["score"], -frame["score"], alpha=0.95)
    assert found["method"] == "delong"
    assert found["value"] == pytest.approx(area, abs=1e-12)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(expected, abs=1e-12)


def test_delongs_variance_is_that_of_all_pairs():
    """From the pairs themselves, ties counting half (DeLong et al., 1988, equations 3 to 5)."""
    rng = np.random.default_rng(1)
    high, low = rng.integers(0, 6, size=17) + 1.0, rng.integers(0, 6, size=23).astype(float)
    order = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    expected = order.mean(axis=1).var(ddof=1) / 17 + order.mean(axis=0).var(ddof=1) / 23
    assert delong_variance(high, low) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(delong_variance([1.0], low))


def test_folds_share_the_interval_of_the_auroc_by_their_pairs():
    """Folds are independent: their areas' variances add up, each by the square of its share."""
    fold = np.repeat([0, 1, 2], [12, 30, 48])
    frame = rows(fold=fold)
    found = cell_level(outcomes(study({"a": {}}), frame)).set_index("metric").loc["auroc"]
    folds = [part for _, part in frame.groupby("fold")]
    sides = [[part.loc[part["y_true"] == name, "score"] for name in ("p", "n")] for part in folds]
    share = np.array([len(high) * len(low) for high, low in sides])
    share = share / share.sum()
    areas = [roc_auc_score(part["y_true"] == "p", part["score"]) for part in folds]
    error = np.sqrt(share**2 @ [delong_variance(*side) for side in sides])
    assert found["value"] == pytest.approx(share @ areas, abs=1e-12)
    expected = found["value"] + stats.norm.ppf([0.025, 0.975]) * error
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(expected, abs=1e-12)


def test_cells_that_are_tested_again_are_no_new_cells():
    once, twice = rows(1), pd.concat([rows(1), rows(1, repeat=1)])
    first, second = (cell_level(outcomes(study({"a": {}}), frame)) for frame in (once, twice))
    pd.testing.assert_frame_equal(first, second)


def test_averages_over_classes_are_no_proportions():
    assert list(cell_level(outcomes(study({"a": {}}, average="macro"), rows()))["metric"]) == ["accuracy", "auroc"]


def test_three_classes_have_an_accuracy_only():
    frame = rows().drop(columns="score").assign(score_n=0.2, score_o=0.3, score_p=0.5)
    assert list(cell_level(outcomes(study({"a": {}}), frame))["metric"]) == ["accuracy"]


def test_what_says_nothing_of_its_precision_has_no_interval():
    """Areas of 1, folds with a single positive row, and sensitivities without a positive row."""
    positive = np.arange(20) % 2 == 0
    perfect = answers("a", np.arange(20), positive, np.where(positive, 1.0, -1.0), fold=np.zeros(20, dtype=int))
    found = cell_level(outcomes(study({"a": {}}), perfect)).set_index("metric")
    assert found.loc["auroc", "value"] == 1
    assert np.isnan(found.loc["auroc", "ci_low"])
    lonely = answers("a", np.arange(20), np.arange(20) == 3, np.arange(20.0) - 5)
    assert np.isnan(cell_level(outcomes(study({"a": {}}), lonely)).set_index("metric").loc["auroc", "ci_low"])
    none = answers("a", np.arange(20), np.zeros(20, dtype=bool), np.arange(20.0) - 5)
    assert np.isnan(cell_level(outcomes(study({"a": {}}), none)).set_index("metric").loc["sensitivity", "value"])


def test_the_table_reads_back_as_it_was_written(tmp_path):
    table = cell_level(outcomes(study({"a": {}}), rows()))
    CELL_LEVEL_TABLE.write(table, tmp_path / "cell_level.csv")
    pd.testing.assert_frame_equal(CELL_LEVEL_TABLE.read(tmp_path / "cell_level.csv"), table)
