"""Several seeds of a run: what is drawn anew, and what their numbers and intervals say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from project_data import make_project, write_run
from scipy import stats
from test_folds import AUTOENCODER, ITEM, dataset, protocol

from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme
from leukorepro.core.store import hdf5_reader
from leukorepro.data.split_tables import of_first_seed, read_splits, write_splits
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.intervals import Interval, intervals
from leukorepro.evaluation.metrics.metrics import measure, scored
from leukorepro.evaluation.seeds import as_text, from_text, of_seeds_alone, over_seeds, spread
from leukorepro.metrics.registry import METRICS
from leukorepro.run import plan
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications
from leukorepro.systems.autoencoders.reducers import fit_reducer
from leukorepro.systems.classifiers.classify import classify
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kinds.random_forest import RandomForestSpec
from leukorepro.systems.classifiers.tasks import Task

HONEST = protocol("subject_disjoint", "subject", "train")
LEAKY = protocol("as_published", "view", "all")
TWICE = KFoldScheme(kind="k_fold", n_splits=4, repeats=2)
FOLDS = KFoldScheme(kind="k_fold", n_splits=3, views=["identity", "hflip"])


@pytest.mark.parametrize("scheme", [TWICE, HoldOutScheme(kind="hold_out", test_share=0.25)])
def test_every_seed_has_repeats_of_its_own_and_the_first_is_that_of_a_run_with_one(
    scheme: KFoldScheme | HoldOutScheme, tmp_path: Path
) -> None:
    manifest, _ = dataset(["a", "b"])
    three = make_splits(manifest, scheme, HONEST, 5, None, seeds=3)
    assert three.groupby("seed")["repeat"].unique().map(list).to_dict() == {
        seed: [seed * scheme.repeats + repeat for repeat in range(scheme.repeats)] for seed in range(3)
    }
    alone = make_splits(manifest, scheme, HONEST, 5, None)
    assert list(alone.columns) == ["image_id", "view", "role", "repeat", "fold"]
    pd.testing.assert_frame_equal(of_first_seed(three), alone)
    more = make_splits(manifest, scheme, HONEST, 5, None, seeds=5)
    pd.testing.assert_frame_equal(more[more["seed"] < 3], three)  # fewer seeds are the first of more
    drawn = [tuple(rows["role"]) for _, rows in three.groupby("repeat")]
    assert len(set(drawn)) == len(drawn)
    write_splits(three, tmp_path / "splits.csv")
    pd.testing.assert_frame_equal(read_splits(tmp_path / "splits.csv"), three)


def test_a_held_out_part_is_the_same_for_all_seeds() -> None:
    manifest, _ = dataset(["a", "b"])
    manifest.loc[::4, "official_split"] = "second"
    table = make_splits(manifest, FOLDS, protocol("external", "subject", "train"), 0, "second", seeds=2)
    first, second = (rows.drop(columns=["repeat", "seed"]).reset_index(drop=True) for _, rows in table.groupby("seed"))
    pd.testing.assert_frame_equal(first, second)
    assert table.groupby("seed")["repeat"].unique().map(list).to_dict() == {0: [0], 1: [1]}


def test_predictions_of_a_seed_are_those_of_a_run_that_begins_with_it() -> None:
    manifest, features = dataset(["a", "b"])
    item = ITEM.model_copy(update={"classifier": "forest"})
    task = Task("s", "d", HONEST, "a", [("1", item)])
    forest = {"forest": RandomForestSpec(kind="random_forest", n_estimators=5)}

    def predicted(first: int, seeds: int) -> pd.DataFrame:
        splits = make_splits(manifest, FOLDS, HONEST, first, None, seeds=seeds)
        return classify(task, features, splits, manifest, forest, {}, Settings(seed=first)).predictions

    three = predicted(5, 3)
    for seed in range(3):
        rows = three[three["seed"] == seed].drop(columns="seed")
        pd.testing.assert_frame_equal(rows.assign(repeat=0).reset_index(drop=True), predicted(5 + seed, 1))
    assert len({tuple(rows["score"]) for _, rows in three.groupby("seed")}) == 3


def test_a_reducer_that_sees_all_rows_is_fitted_once_for_every_seed(tmp_path: Path) -> None:
    manifest, features = dataset(["a", "b"])
    for first, seeds in ((0, 2), (1, 1)):
        splits = make_splits(manifest, FOLDS, LEAKY, first, None, seeds=seeds)
        fit_reducer(AUTOENCODER, features, splits, LEAKY, "demo", first, "cpu", tmp_path / f"{first}.h5")
    with hdf5_reader(tmp_path / "0.h5") as two, hdf5_reader(tmp_path / "1.h5") as one:
        assert sorted(two) == ["all", "s1all"]
        same = {name: np.array_equal(two["s1all"][name], one["all"][name]) for name in one["all"]}
        other = {name: np.array_equal(two["all"][name], one["all"][name]) for name in one["all"]}
    assert all(same.values())
    assert not all(other.values())


def test_a_run_of_one_seed_is_told_nothing_of_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    once, thrice = (resolve(write_run(tmp_path), {"seeds": seeds}) for seeds in (1, 3))
    told = Specifications(once)
    assert not any('"seeds"' in told[job].text for job in told)
    assert '"seeds"' not in once.model_dump_json()
    changed = {job[0] for job in told if told[job].text != Specifications(thrice)[job].text}
    assert changed == {"splits"}
    assert f"up to {3 * plan.fits_per_seed(once)} fits instead of {plan.fits_per_seed(once)}" in plan.cost_of_seeds(
        thrice
    )


def test_where_seeds_agree_the_interval_is_that_of_the_groups() -> None:
    of_groups = Interval(0.7, 0.95, 3, 19)
    assert over_seeds(of_groups, [0.9]) == of_groups
    assert over_seeds(of_groups, [0.9, 0.9, 0.9], (0, 1)) == of_groups
    assert over_seeds(of_groups, [0.9, np.nan]) == of_groups
    assert over_seeds(Interval(0.8, 1, 0), [1.0, 1.0], (0, 1)) == Interval(0.8, 1, 0)


def test_the_interval_of_seeds_alone_is_that_of_the_t_distribution() -> None:
    values = [0.5, 0.6, 0.7]
    exact = stats.t(2, 0.6, 0.1 / math.sqrt(3)).interval(0.95)
    found = of_seeds_alone(values)
    np.testing.assert_allclose([found.low, found.high], exact, atol=1e-9)
    assert spread(values) == pytest.approx(0.1)
    assert from_text(as_text(values)) == values
    assert as_text([0.5, np.nan]) == ""


def test_the_interval_over_both_is_that_of_welch() -> None:
    """Welch's interval of the difference of two samples is of two means, each with its own variance and freedom."""
    rng = np.random.default_rng(0)
    groups, seeds = rng.normal(0, 1, 12), rng.normal(0, 2, 4)
    half = stats.t.ppf(0.975, 11) * groups.std(ddof=1) / math.sqrt(12)
    mean = seeds.mean()
    found = over_seeds(Interval(mean - half, mean + half, 0, 11), list(seeds))
    welch = stats.ttest_ind(seeds, groups - groups.mean(), equal_var=False)
    exact = welch.confidence_interval(0.95)
    np.testing.assert_allclose([found.low, found.high], [exact.low, exact.high], atol=1e-9)
    assert found.freedom == pytest.approx(welch.df)


def test_seeds_make_no_interval_narrower_however_few_the_groups() -> None:
    of_groups, values = Interval(0.2, 0.98, 0, 1), [0.7, 0.8, 0.9, 0.8, 0.75, 0.85]
    assert over_seeds(of_groups, values, (0, 1)).low == pytest.approx(of_groups.low)
    assert over_seeds(of_groups, values, (0, 1)).high == pytest.approx(of_groups.high)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.of_predictions or metric.is_mean])
def test_no_interval_over_seeds_passes_what_its_metric_can_be(name: str) -> None:
    least, most = METRICS[name].limits
    width = min(most - least, 5)
    values = [least + 0.5 * width, least + 0.97 * width]
    mean = float(np.mean(values))
    found = over_seeds(Interval(least + 0.6 * width, least + width, 0, 9), values, (least, most))
    assert least < found.low < least + 0.6 * width
    assert mean < found.high <= most
    assert found.high > least + width or most == least + width


@pytest.mark.parametrize(("n_groups", "n_seeds"), [(20, 2), (40, 4)])
@pytest.mark.parametrize("of_seeds", [0.0, 0.06])
def test_the_interval_of_the_mean_covers_the_truth_over_groups_and_seeds(
    n_groups: int, n_seeds: int, of_seeds: float
) -> None:
    """Cells are right with a probability that groups, seeds and both together shift; the truth is 0.75.

    Every seed tests the same images, as on the rung `external`.
    """
    rng, cells, covered, of_groups, width = np.random.default_rng(0), 10, [], [], []
    group = np.tile(np.repeat(np.arange(n_groups), cells), n_seeds)
    seed = np.repeat(np.arange(n_seeds), n_groups * cells)
    for _ in range(200):
        shift = rng.uniform(-1, 1, (3, max(n_groups, n_seeds)))
        both = rng.uniform(-0.05, 0.05, (n_seeds, n_groups))
        chance = 0.75 + 0.1 * shift[0][group] + of_seeds * shift[1][seed] + both[seed, group]
        right = rng.uniform(size=len(group)) < chance
        rows = scored(
            np.repeat("a", len(group)), np.where(right, "a", "b"), {"a": np.zeros(len(group))}, repeat=seed, seed=seed
        )
        found = intervals(rows, group, 200, metrics=["accuracy"])["accuracy"]
        values = [measure(one, ["accuracy"])["accuracy"] for one in rows.of_seeds]
        total = over_seeds(found, values, (0, 1))
        covered.append(total.low <= 0.75 <= total.high)
        of_groups.append(found.low <= 0.75 <= found.high)
        width.append((total.high - total.low) / (found.high - found.low))
    assert 0.92 <= np.mean(covered) <= 0.995
    if of_seeds:
        assert np.mean(of_groups) < 0.88
    else:
        assert np.median(width) < 1.4
