"""A run of two seeds, from splits to verdicts and report, beside the same run of one."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import TinyProject
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

pytestmark = pytest.mark.long

RUNGS = ("as_published", "external")
RUN = {
    "name": "seeds",
    "budget": "demo",
    "weights": "random",
    "seeds": 2,
    "studies": [{"study": "tiny", "dataset": "tiny", "rungs": list(RUNGS)}],
}
START = ["snakemake", "--cores", "2", "--configfile", "config/runs/seeds.yaml"]


@pytest.fixture(scope="module")
def project(finished: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """The finished run of one seed with another one beside it, of two; features are computed once for both."""
    project = TinyProject(finished.folder, tmp_path_factory.mktemp("seeds") / "project")
    (project.folder / START[-1]).write_text(yaml.safe_dump(RUN))
    told = project.run(*START)
    assert "seeds: 2: every split is drawn" in told
    assert "Features of" not in told
    return project


@pytest.fixture(scope="module")
def results(project: TinyProject) -> Path:
    return project.folder / "results"


@pytest.mark.parametrize("rung", RUNGS)
def test_the_first_seed_gives_what_a_run_of_one_gives(results: Path, rung: str) -> None:
    two = pd.read_parquet(results / "seeds/tiny" / rung / "predictions.parquet")
    assert two.groupby("seed", observed=True).size().nunique() == 1
    one = pd.read_parquet(results / "tiny/tiny" / rung / "predictions.parquet")
    first = two[two["seed"] == 0].drop(columns="seed").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, one, check_categorical=False)
    second = two[two["seed"] == 1].reset_index(drop=True)
    assert (first["score"] != second["score"]).any()


@pytest.mark.parametrize("rung", RUNGS)
def test_the_second_seed_is_fitted_on_splits_of_its_own(results: Path, rung: str) -> None:
    """Scikit-learn, on the features and the split table of the run."""
    (file,) = results.glob("features/tiny-demo/fused/*.h5")
    with h5py.File(file) as features:
        rows = pd.MultiIndex.from_arrays([features["image_id"].asstr()[:], features["view"].asstr()[:]])
        matrix = pd.DataFrame(features["features"][:], index=rows)
    label = pd.read_csv(results / "datasets/tiny-demo/manifest.csv", dtype=str).set_index("image_id")["label"]
    table = pd.read_csv(results / "seeds/tiny" / rung / "splits/three_folds.csv")
    by_seed = [own.drop(columns=["seed", "repeat"]).reset_index(drop=True) for _, own in table.groupby("seed")]
    assert by_seed[0].equals(by_seed[1]) == (rung == "external"), "a held-out part is the same for all"
    predictions = pd.read_parquet(results / "seeds/tiny" / rung / "predictions.parquet")
    ours = predictions[(predictions["seed"] == 1) & (predictions["item"] == "plain")]
    for fold, split in table[table["seed"] == 1].groupby("fold"):
        parts = {role: pd.MultiIndex.from_frame(own[["image_id", "view"]]) for role, own in split.groupby("role")}
        svm = make_pipeline(StandardScaler(), SVC(kernel="poly", degree=3, coef0=1.0))
        svm.fit(matrix.loc[parts["train"]].to_numpy(), label[parts["train"].get_level_values(0)])
        expected = pd.Series(svm.predict(matrix.loc[parts["test"]].to_numpy()), parts["test"])
        found = ours[ours["fold"] == fold].astype({"image_id": "str", "view": "str"}).set_index(["image_id", "view"])
        assert len(found) == len(expected)
        assert (found["y_pred"].astype(str) == expected[found.index]).all()


def test_numbers_are_means_over_seeds_and_go_to_the_verdicts_and_the_report(results: Path) -> None:
    names = ["item", "protocol", "metric"]
    two, one = (pd.read_csv(results / run / "tiny/metrics.csv").set_index(names) for run in ("seeds", "tiny"))
    kept = two[two["seed_values"].notna()]
    of_seeds = np.array([[float(value) for value in told.split()] for told in kept["seed_values"]])
    assert of_seeds.shape == (len(kept), 2)
    np.testing.assert_allclose(of_seeds.mean(axis=1), kept["value"], atol=1e-12)
    np.testing.assert_allclose(of_seeds[:, 0], one.loc[kept.index, "value"], atol=1e-12)
    bounded = kept[kept["ci_low"].notna()]
    assert (bounded["ci_low"] <= bounded["groups_low"] + 1e-12).all()
    assert (bounded["ci_high"] >= bounded["groups_high"] - 1e-12).all()
    assert (bounded["ci_low"] < bounded["groups_low"] - 1e-6).any()
    verdicts = pd.read_csv(results / "seeds/tiny/verdicts.csv")
    own = two.loc[[("reduced", "as_published", "accuracy")], "value"].item()
    assert verdicts.set_index(["item", "metric"]).loc[("reduced", "accuracy"), "value"] == own
    page = (results / "seeds/report/paper_tiny.html").read_text()
    assert "means over 2 seeds, ± the standard deviation between them" in page
    assert "Faint points are the 2 seeds, each value their mean." in page
    assert "dealt out anew with each of the seeds 0 to 1" in (results / "seeds/report/methods.html").read_text()
