"""Subjects and their diagnoses: numbers by hand, Bayes' theorem, SciPy's exact intervals, and the tables of a study."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_data
import report_trainings
from hypothesis import given
from hypothesis import strategies as st
from patient_rows import outcome, stated
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from leukorepro.core.errors import UserError
from leukorepro.core.store import write_text
from leukorepro.core.tables.data import SPLITS_TABLE
from leukorepro.core.tables.predictions import PARTS_TABLE
from leukorepro.core.tables.results import MEASURED_TABLE, METRICS_TABLE
from leukorepro.data.split_tables import read_splits, write_splits
from leukorepro.evaluation.contract import score_columns
from leukorepro.evaluation.intervals import Interval
from leukorepro.evaluation.patients.diagnose import MARGINS, NO_SUBJECTS, Patients, diagnose
from leukorepro.evaluation.patients.diagnosis import PREVALENCES, Diagnosed, diagnosis_metrics
from leukorepro.evaluation.patients.predictive_values import (
    negative_predictive_value,
    positive_predictive_interval,
    positive_predictive_value,
)
from leukorepro.evaluation.patients.subjects import MAJORITY, MEAN_SCORE, SEVERAL, UNDECIDED, Subjects
from leukorepro.evaluation.predictions import groups_of_rows, read_fitting, read_predictions, write_predictions
from leukorepro.run.plan import EVALUATION_TABLES
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.specifications.evaluation import EvaluationSpecification

EXACT = 1e-12

#             patients                                        healthy
SUBJECTS = ["ann", "ann", "ann", "ben", "ben", "cem", "cem", "dan", "dan", "dan", "eve", "eve"]
TRUTH = ["all"] * 7 + ["hem"] * 5
SCORES = [0.9, 0.8, 0.1, 0.4, 0.9, 0.2, 0.3, 0.6, 0.7, 0.1, 0.2, 0.4]
# Called:  2 of 3 (mean 0.6)  1 of 2 (0.65)  0 of 2 (0.25)  2 of 3 (0.467)  0 of 2 (0.3)


def by_hand() -> Subjects:
    rows = outcome(TRUTH, SCORES, SUBJECTS)
    return Subjects(rows, groups_of_rows(rows), stated(rows), "all")


def metrics(subjects: Subjects, rule: str) -> dict[tuple[str, float | None], Diagnosed]:
    found = diagnosis_metrics(subjects.diagnoses(rule), 200, 0)
    return {(d.metric, None if np.isnan(d.prevalence) else d.prevalence): d for d in found}


def exact(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    interval = binomtest(successes, trials).proportion_ci(level, method="exact")
    return interval.low, interval.high


def test_every_subject_by_hand() -> None:
    table = pd.DataFrame(by_hand().lines()).set_index(0)
    assert list(table.index) == ["ann", "ben", "cem", "dan", "eve"]
    assert list(table[1]) == ["all"] * 3 + ["hem"] * 2
    assert list(table[2]) == list(table[3]) == [3, 2, 2, 3, 2]
    assert list(table[4]) == pytest.approx([2 / 3, 1 / 2, 0, 2 / 3, 0])
    assert list(table[5]) == pytest.approx([0.6, 0.65, 0.25, 1.4 / 3, 0.3])
    assert list(table[6]) == pytest.approx([2 / 3, 1 / 2, 0, 1 / 3, 1])
    for name, (right, of) in {"ann": (2, 3), "ben": (1, 2), "cem": (0, 2), "dan": (1, 3), "eve": (2, 2)}.items():
        assert tuple(table.loc[name, [7, 8]]) == pytest.approx(exact(right, of))


def test_copies_and_repeats_are_no_further_trials() -> None:
    rows = outcome(TRUTH, SCORES, SUBJECTS)
    copies = pd.concat([rows, rows.assign(view="hflip"), rows.assign(repeat=1)], ignore_index=True)
    table = pd.DataFrame(Subjects(copies, groups_of_rows(copies), None, "all").lines()).set_index(0)
    assert list(table[3]) == [9, 6, 6, 9, 6]
    assert tuple(table.loc["ann", [7, 8]]) == pytest.approx(exact(2, 3))
    assert table[5].isna().all()


def test_both_rules_by_hand() -> None:
    majority = metrics(by_hand(), MAJORITY)  # ann and ben are found, for half is enough; dan is not spared
    assert [majority[name, None].value for name in ("accuracy", "sensitivity", "specificity")] == pytest.approx(
        [3 / 5, 2 / 3, 1 / 2]
    )
    mean = metrics(by_hand(), MEAN_SCORE)  # dan is spared
    assert [mean[name, None].value for name in ("accuracy", "sensitivity", "specificity")] == pytest.approx(
        [4 / 5, 2 / 3, 1]
    )
    truth = [1, 1, 1, 0, 0]
    for rule, score in ((majority, [2 / 3, 1 / 2, 0, 2 / 3, 0]), (mean, [0.6, 0.65, 0.25, 1.4 / 3, 0.3])):
        assert rule["auroc", None].value == pytest.approx(roc_auc_score(truth, score), abs=EXACT)
    for name, (right, of) in {"accuracy": (4, 5), "sensitivity": (2, 3), "specificity": (2, 2)}.items():
        found = mean[name, None]
        assert found.method == "exact"
        assert (found.interval.low, found.interval.high) == pytest.approx(exact(right, of))


def test_predictive_values_are_those_of_the_tested_subjects_and_of_stated_shares() -> None:
    found = metrics(by_hand(), MAJORITY)
    assert found["ppv", 0.6].value == pytest.approx(2 / 3)  # of ann, ben and dan two are ill
    assert found["npv", 0.6].value == pytest.approx(1 / 2)  # of cem and eve one is healthy
    low, high = zip(exact(2, 3, 0.975), exact(1, 2, 0.975), strict=True)
    for share in PREVALENCES:
        expected = share * 2 / 3 / (share * 2 / 3 + (1 - share) / 2)
        assert found["ppv", share].value == pytest.approx(expected, abs=EXACT)
        bounds = [share * sens / (share * sens + (1 - share) * (1 - spec)) for sens, spec in (low, high)]
        assert [found["ppv", share].interval.low, found["ppv", share].interval.high] == pytest.approx(bounds)


rates = st.floats(0.01, 0.99)


@given(rates, rates, rates)
def test_predictive_values_are_bayes_theorem_for_a_counted_population(sens: float, spec: float, share: float) -> None:
    ill, healthy = 1e6 * share, 1e6 * (1 - share)
    true, false = ill * sens, healthy * (1 - spec)
    assert positive_predictive_value(sens, spec, share) == pytest.approx(true / (true + false))
    missed, cleared = ill * (1 - sens), healthy * spec
    assert negative_predictive_value(sens, spec, share) == pytest.approx(cleared / (cleared + missed))


def test_a_rare_disease_makes_most_positives_false() -> None:
    assert positive_predictive_value(0.9, 0.9, 0.01) == pytest.approx(0.0833, abs=1e-4)
    assert np.isnan(positive_predictive_value(0, 1, 0.5))
    interval = positive_predictive_interval(Interval(0.8, 1, 0), Interval(0.9, 1, 0), 0.01)
    assert (interval.low, interval.high) == (pytest.approx(0.0748, abs=1e-4), 1)


def test_subjects_tested_in_several_repeats_have_resampled_intervals() -> None:
    rows = outcome(TRUTH, SCORES, SUBJECTS)
    again = rows.assign(repeat=1, y_pred=rows["y_true"])
    both = pd.concat([rows, again], ignore_index=True)
    found = metrics(Subjects(both, groups_of_rows(both), None, "all"), MAJORITY)
    assert found["accuracy", None].value == pytest.approx((3 / 5 + 1) / 2)
    assert {d.method for d in found.values()} == {"bootstrap"}


def test_several_classes_are_voted_on_and_a_tie_is_no_diagnosis() -> None:
    scores = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    rows = outcome(["a", "a", "a", "b", "b", "b"], scores, ["p", "p", "p", "q", "q", "r"])
    subjects = Subjects(rows, groups_of_rows(rows), stated(rows), None)
    diagnoses = subjects.diagnoses(MAJORITY)
    assert list(diagnoses.called) == [0, UNDECIDED, 2]
    (only,) = diagnosis_metrics(diagnoses, 50, 0)
    assert (only.metric, only.value) == ("accuracy", pytest.approx(1 / 3))
    assert pd.DataFrame(subjects.lines())[4].isna().all()


def test_who_has_no_subject_or_several_classes_has_no_diagnosis() -> None:
    rows = outcome(["all", "hem", "hem", "all"], [0.9, 0.1, 0.2, 0.8], ["p", "p", "q", ""])
    subjects = Subjects(rows, groups_of_rows(rows), stated(rows), "all")
    assert (len(subjects), subjects.n_images_without, subjects.n_of_several_classes) == (2, 1, 1)
    assert [line[1] for line in subjects.lines()] == [SEVERAL, "hem"]
    assert list(subjects.diagnoses(MAJORITY).subject) == [1]


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResolvedStudy, Path]:
    root = tmp_path_factory.mktemp("systems")
    study = report_data.resolve(report_data.systems_study(), root, rungs=("as_published", "subject_disjoint"))
    return study, report_data.write_run(root, [study]) / study.study.key


def patients(study: ResolvedStudy, frames: list[pd.DataFrame]) -> Patients:
    return diagnose(frames, study, 0, 50)


def read(study: ResolvedStudy, folder: Path) -> list[pd.DataFrame]:
    return [read_predictions(folder / rung / "predictions.parquet") for rung in study.protocols]


def test_every_item_under_every_protocol_has_its_rows_and_margins_say_why_they_have_none(
    systems: tuple[ResolvedStudy, Path],
) -> None:
    study, folder = systems
    found = patients(study, read(study, folder))
    outcomes = {(t, i.item, r) for t, table in study.study.tables.items() for i in table.items for r in study.protocols}
    for table in (found.calibration, found.subjects, found.diagnosis):
        assert set(zip(table["table"], table["item"], table["protocol"], strict=True)) == outcomes
    margins = found.calibration["item"].str.endswith("svm")
    assert (found.calibration["note"] == np.where(margins, MARGINS, "")).all()
    assert (found.calibration["value"].isna() == margins).all()
    assert not found.reliability["item"].str.endswith("svm").any()
    several = found.reliability["table"] == "2"  # five classes
    assert ((found.reliability["class"] == "") == several).all()
    assert not (found.decision["table"] == "2").any()
    of_margins = found.diagnosis[found.diagnosis["item"].str.endswith("svm")]
    assert (of_margins["rule"].eq("mean_score") == of_margins["note"].eq(MARGINS)).all()
    assert list(found.calibration["table"].unique()) == list(study.study.tables)


def test_tables_do_not_depend_on_the_order_of_rows(systems: tuple[ResolvedStudy, Path]) -> None:
    study, folder = systems
    frames = read(study, folder)
    shuffled = [frame.sample(frac=1, random_state=0).reset_index(drop=True) for frame in frames[::-1]]
    for one, other in zip(
        vars(patients(study, frames)).values(), vars(patients(study, shuffled)).values(), strict=True
    ):
        pd.testing.assert_frame_equal(one, other)


def test_a_dataset_without_subjects_has_no_diagnoses_and_says_why(systems: tuple[ResolvedStudy, Path]) -> None:
    study, folder = systems
    found = patients(study, [frame.assign(subject_id="") for frame in read(study, folder)[:1]])
    assert found.subjects.empty
    assert list(found.subjects.columns)[:5] == ["study", "table", "item", "protocol", "subject_id"]
    assert set(found.diagnosis["note"]) == {NO_SUBJECTS}
    assert found.diagnosis["value"].isna().all()
    assert found.calibration["value"].notna().any()


def test_of_networks_averaged_over_epochs_the_last_one_is_taken(tmp_path: Path) -> None:
    study = report_data.resolve(report_trainings.networks_study(), tmp_path, rungs=("as_published",))
    frames = read(study, report_data.write_run(tmp_path, [study]) / study.study.key)
    found = patients(study, frames[:1]).calibration
    epochs = frames[0][(frames[0]["table"] == "1") & (frames[0]["item"] == "CNN")]
    last = epochs[epochs["repeat"] == report_trainings.N_EPOCHS - 1]
    expected = ((last["score"] - (last["y_true"] == "all")) ** 2).mean()
    brier = found[(found["table"] == "1") & (found["item"] == "CNN") & (found["metric"] == "brier")]
    assert list(brier["value"]) == [pytest.approx(expected, abs=EXACT)]


def test_predictions_of_another_study_are_refused(systems: tuple[ResolvedStudy, Path]) -> None:
    study, _ = systems
    rows = outcome(["all", "hem"], [0.9, 0.1]).assign(item="unheard of")
    with pytest.raises(UserError, match=r"item 'unheard of'.*not in the configuration of study 'systems'"):
        patients(study, [rows])


def test_the_command_evaluates_what_lies_in_a_studys_folder(
    systems: tuple[ResolvedStudy, Path], tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from leukorepro.cli.app import app

    study, folder = systems
    split_of = {(n, i.item): table.split_of(i) for n, table in study.study.tables.items() for i in table.items}
    for rung, tested in zip(study.protocols, read(study, folder), strict=True):
        shutil.copytree(folder / rung, tmp_path / rung)
        fitted = read_fitting(folder / rung / "fitting.parquet")
        split = pd.Series([split_of[name] for name in zip(tested["table"], tested["item"], strict=True)])
        # What one table's items are tested on is what all are tested on that share the split.
        tested = tested[(split != "types") | ~tested["image_id"].isin(fitted["image_id"])]
        write_predictions(tested, tmp_path / rung / "predictions.parquet")
        for name in study.study.splits:
            parts = [tested[split[tested.index] == name].assign(role="test"), *([fitted] if name == "types" else [])]
            rows = pd.concat(parts)
            write_splits(rows[list(SPLITS_TABLE.columns)].drop_duplicates(), tmp_path / rung / "splits" / f"{name}.csv")
    told = EvaluationSpecification(study=study, splits=list(study.study.splits), budget="demo", seed=3)
    write_text(told.text, tmp_path / "spec.json")
    words = ["evaluate", "--spec", str(tmp_path / "spec.json"), "--output", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert {path.stem for path in tmp_path.glob("*.csv")} == set(EVALUATION_TABLES)
    measured, metrics = MEASURED_TABLE.read(tmp_path / "measured.csv"), METRICS_TABLE.read(folder / "metrics.csv")
    assert len(measured) == len(metrics)
    pd.testing.assert_frame_equal(measured[["table", "item", "metric"]], metrics[["table", "item", "metric"]])

    place, part = tmp_path / "as_published", tmp_path / "part.parquet"
    before = (place / "predictions.parquet").read_bytes()
    moved = read_predictions(place / "predictions.parquet").assign(role="test", fold=lambda rows: rows["fold"] + 1)
    PARTS_TABLE.write(moved[[*PARTS_TABLE.columns, *score_columns(moved)]].astype({"role": "str"}), part)
    done = CliRunner().invoke(app, [*words, str(part)])
    assert done.exit_code == 2
    assert "protocol 'as_published': made on another split" in done.output
    assert (place / "predictions.parquet").read_bytes() == before
    splits = read_splits(place / "splits/sub_types.csv")
    write_splits(splits.assign(repeat=splits["repeat"] + 1), place / "splits/sub_types.csv")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "predictions of table '2'" in done.output
