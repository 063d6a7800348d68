"""Several seeds in what classifiers would mean for patients, and in best items: intervals over groups and seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study
from patient_rows import outcome

from leukorepro.core.tables.results import WINNERS_TABLE
from leukorepro.evaluation.intervals import Interval
from leukorepro.evaluation.patients.diagnose import Patients, diagnose_outcome
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.winners import winners
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.metrics.registry import METRICS

N_SUBJECTS, PLACE = 24, Outcome("1", "i", "subject_disjoint")
CHANGED = [("calibration", "metric"), ("decision", "threshold"), ("diagnosis", "metric")]
"""Tables whose intervals are over seeds, too, and the column that tells their rows apart."""


def rows_of(*stated_better_by: float) -> pd.DataFrame:
    """A seed for each number, all of the same subjects: how much better it tells them apart."""
    rng, subject = np.random.default_rng(0), np.repeat(np.arange(N_SUBJECTS), 4)
    ill, own = subject % 2 == 0, rng.uniform(-0.25, 0.25, 4 * N_SUBJECTS)
    truth, names = np.where(ill, "all", "hem"), [f"p{number}" for number in subject]
    return pd.concat(
        outcome(truth, np.clip(0.5 + np.where(ill, 1, -1) * (0.1 + better) + own, 0, 1), names, repeat=seed, seed=seed)
        for seed, better in enumerate(stated_better_by)
    )


def tables(rows: pd.DataFrame) -> Patients:
    return Patients.of("s", {PLACE: diagnose_outcome(rows, "probability", "all", seed=0, n_resamples=200)})


def test_seeds_that_agree_change_nothing() -> None:
    rows = rows_of(0.0, 0.0)
    of_seeds, of_repeats = tables(rows), tables(rows.drop(columns="seed"))
    for name in ("calibration", "reliability", "decision", "subjects", "diagnosis"):
        pd.testing.assert_frame_equal(getattr(of_seeds, name), getattr(of_repeats, name))


def test_intervals_are_those_of_the_groups_and_of_the_values_that_each_seed_has_alone() -> None:
    rows = rows_of(0.0, 0.02, 0.1)
    of_seeds, of_repeats = tables(rows), tables(rows.drop(columns="seed"))
    alone = [tables(own.assign(repeat=0).drop(columns="seed")) for _, own in rows.groupby("seed")]
    freedom = {"brier": N_SUBJECTS - 1, "ece": N_SUBJECTS - 1, "sensitivity": N_SUBJECTS / 2 - 1}
    for table, metric in (("calibration", "brier"), ("calibration", "ece"), ("diagnosis", "sensitivity")):
        ours, groups, *seeds = (
            getattr(of, table)[lambda frame, metric=metric: frame["metric"] == metric].iloc[0]
            for of in (of_seeds, of_repeats, *alone)
        )
        interval = Interval(groups["ci_low"], groups["ci_high"], 0, freedom[metric])
        values = [of["value"] for of in seeds]
        expected = over_seeds(interval, values, METRICS[metric].limits)
        assert ours["value"] == pytest.approx(np.mean(values), abs=1e-12)
        np.testing.assert_allclose([ours["ci_low"], ours["ci_high"]], [expected.low, expected.high], atol=1e-12)
        assert ours["ci_high"] - ours["ci_low"] > groups["ci_high"] - groups["ci_low"]


@pytest.mark.parametrize(("table", "by"), CHANGED)
def test_seeds_that_differ_make_no_interval_narrower(table: str, by: str) -> None:
    rows = rows_of(0.0, 0.02, 0.1)
    ours, groups = getattr(tables(rows), table), getattr(tables(rows.drop(columns="seed")), table)
    known = groups["ci_low"].notna()
    assert list(ours[by]) == list(groups[by])
    assert (ours["ci_low"] <= groups["ci_low"] + 1e-12)[known].all()
    assert (ours["ci_high"] >= groups["ci_high"] - 1e-12)[known].all()
    assert (ours["ci_low"] < groups["ci_low"])[known].any()
    assert ours["ci_low"].isna().equals(groups["ci_low"].isna())


def test_the_best_items_interval_is_over_groups_and_seeds() -> None:
    rng, subject = np.random.default_rng(1), np.repeat(np.arange(30), 3)
    positive = subject % 2 == 0
    frames = [
        answers(
            name, subject, positive, np.where(positive == (rng.random(90) < right + 0.1 * seed), 1.0, -1.0), repeat=seed
        )
        for name, right in {"a": 0.8, "b": 0.5}.items()
        for seed in range(2)
    ]
    one = winners(outcomes(study({"a": {}, "b": {}}), *frames), 0, 200)
    of_seeds = [frame.assign(seed=frame["repeat"]) for frame in frames]
    both = winners(outcomes(study({"a": {}, "b": {}}), *of_seeds), 0, 200)
    same = [name for name in WINNERS_TABLE.columns if not name.startswith("ci_")]
    pd.testing.assert_frame_equal(one[same], both[same])
    values = [(frame["y_true"] == frame["y_pred"]).mean() for frame in frames[:2]]
    low, high = one.loc[0, ["ci_low", "ci_high"]] + one.loc[0, "optimism"]
    expected = over_seeds(Interval(low, high, 0, 14), values, (0, 1))
    moved = both.loc[0, ["ci_low", "ci_high"]] + both.loc[0, "optimism"]
    np.testing.assert_allclose(list(moved), [expected.low, expected.high], atol=1e-12)
    assert low > expected.low
