"""What the workflow predicts and measures is what other code, mostly scikit-learn, finds in the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import plain_metrics
import pytest
from conftest import TinyProject
from sklearn.metrics import accuracy_score, f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

pytestmark = pytest.mark.slow

CLASSIFIERS = {"KNN": KNeighborsClassifier(5), "SVM": SVC(kernel="linear", C=1.0), "RBF": SVC(kernel="rbf")}
LADDER = ("as_published", "fit_in_fold", "source_disjoint", "subject_disjoint", "external")


@pytest.fixture(scope="module")
def results(finished: TinyProject) -> Path:
    return finished.folder / "results"


def predicted_again(results: Path, rung: str, classifier: Any) -> pd.DataFrame:
    """Labels of the tested rows of Table 1, by plain scikit-learn."""
    run = json.loads((results / "tiny/config.json").read_text())
    dataset = next(study["dataset_id"] for study in run["studies"] if study["study"]["key"] == "grid")
    (file,) = (results / f"features/{dataset}/fused").glob("mobilenet_v2-gap-random_0-64+cell_area-64.h5")
    with h5py.File(file) as features:
        rows = pd.MultiIndex.from_arrays([features["image_id"].asstr()[:], features["view"].asstr()[:]])
        matrix = pd.DataFrame(features["features"][:], index=rows)
    label = pd.read_csv(results / f"datasets/{dataset}/manifest.csv", dtype=str).set_index("image_id")["label"]
    parts = []
    for fold, split in pd.read_csv(results / f"tiny/grid/{rung}/splits/quarter.csv").groupby("fold"):
        train, test = (split.loc[split["role"] == role, ["image_id", "view"]] for role in ("train", "test"))
        x_train, x_test = (matrix.loc[pd.MultiIndex.from_frame(part)].to_numpy() for part in (train, test))
        fitted = classifier.fit(x_train, label[train["image_id"]].to_numpy())
        parts.append(test.assign(fold=fold, y_pred=fitted.predict(x_test), y_true=label[test["image_id"]].to_numpy()))
    return pd.concat(parts)


@pytest.mark.parametrize("rung", LADDER)
@pytest.mark.parametrize("item", CLASSIFIERS)
def test_predictions_are_those_of_plain_scikit_learn(results: Path, rung: str, item: str) -> None:
    expected = predicted_again(results, rung, CLASSIFIERS[item])
    table = pd.read_parquet(results / f"tiny/grid/{rung}/predictions.parquet")
    ours = table[(table["table"] == "1") & (table["item"] == item)]
    both = ours.merge(expected, on=["fold", "image_id", "view"], suffixes=("", "_expected"))
    assert len(both) == len(ours) == len(expected)
    assert (both["y_true"] == both["y_true_expected"]).all()
    assert (both["y_pred"] == both["y_pred_expected"]).all()


def test_macro_averages_are_those_of_scikit_learn(results: Path) -> None:
    metrics = pd.read_csv(results / "tiny/grid/metrics.csv", dtype={"table": str})
    values = metrics.set_index(["table", "item", "protocol", "metric"])["value"]
    for rung in LADDER:
        again = predicted_again(results, rung, CLASSIFIERS["KNN"])
        assert values["1", "KNN", rung, "test_accuracy"] == pytest.approx(
            accuracy_score(again["y_true"], again["y_pred"]), abs=1e-12
        )
        f1 = f1_score(again["y_true"], again["y_pred"], average="macro")
        assert values["1", "KNN", rung, "f1"] == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize("key", ["tiny", "grid"])
def test_every_metric_and_every_interval_is_that_of_other_code(results: Path, key: str) -> None:
    """Scikit-learn's values; 2,000 resamples of rows one by one; all rows of the table, AUROC included."""
    run = json.loads((results / "tiny/config.json").read_text())
    study = next(study for study in run["studies"] if study["study"]["key"] == key)
    table = pd.read_csv(results / f"tiny/{key}/metrics.csv")
    again = plain_metrics.recomputed(results / "tiny" / key, study, run["seed"], n_resamples=2000)
    assert len(again) == len(table) > 50
    for column in again:
        np.testing.assert_allclose(table[column], again[column].astype(float), rtol=0, atol=1e-9, err_msg=column)


@pytest.mark.parametrize("role", ["train", "validation"])
def test_fitted_rows_are_kept_where_a_table_prints_them_and_apart_from_tested_ones(results: Path, role: str) -> None:
    folder = results / "tiny/grid/subject_disjoint"
    fitting = pd.read_parquet(folder / "fitting.parquet")
    assert set(fitting["table"]) == {"1"}
    split = pd.read_csv(folder / "splits/quarter.csv")
    wanted = split[split["role"] == role]
    for _, rows in fitting[fitting["role"] == role].groupby("item"):
        assert len(rows.merge(wanted, on=["fold", "image_id", "view"])) == len(rows) == len(wanted)
    assert not np.isin(["train", "validation"], pd.read_parquet(folder / "predictions.parquet").columns).any()


def test_classes_by_other_names_are_told_apart(results: Path) -> None:
    table = pd.read_parquet(results / "tiny/grid/as_published/predictions.parquet")
    classes = {number: set(rows["y_true"]) for number, rows in table.groupby("table")}
    assert classes == {"1": {"all", "healthy"}, "2": {"sick", "well"}}
