"""A whole run: what it makes, and that it is made once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import TinyProject
from rocrate.rocrate import ROCrate

from leukorepro.core.words import CELL_CONTROLS
from leukorepro.costs.jobs import jobs_of, jobs_of_run
from leukorepro.run.paths import Results
from leukorepro.run.resolved import load_resolved

pytestmark = pytest.mark.slow

SHUFFLED = ("accuracy", "auroc")
LADDER = ("as_published", "fit_in_fold", "source_disjoint", "subject_disjoint", "external")
PREDICTIONS = [
    "study",
    "dataset",
    "table",
    "item",
    "protocol",
    "repeat",
    "fold",
    "image_id",
    "view",
    "subject_id",
    "source_id",
    "y_true",
    "y_pred",
    "score",
]
METRICS = [
    "study",
    "table",
    "item",
    "protocol",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n_images",
    "n_subjects",
    "published",
    "verdict",
]
IMAGES, EXTERNAL, VIEWS = 36, 12, 3


@pytest.fixture(scope="module")
def results(finished: TinyProject) -> Path:
    return finished.folder / "results"


def test_the_code_of_the_copy_is_what_runs(edits: TinyProject) -> None:
    with edits.appended("src/leukorepro/cli/__init__.py", '\nprint("the copy speaks")\n'):
        assert "the copy speaks" in edits.run("leukorepro", "--help")
    assert "the copy speaks" not in edits.run("leukorepro", "--help")


def test_a_run_ends_in_a_report(results: Path) -> None:
    page = (results / "tiny/report/index.html").read_text()
    assert "tiny" in page
    assert json.loads((results / "tiny/config.json").read_text())["name"] == "tiny"


@pytest.mark.parametrize("rung", LADDER)
def test_predictions_of_every_rung_are_as_the_contract_says(results: Path, rung: str) -> None:
    table = pd.read_parquet(results / "tiny/tiny" / rung / "predictions.parquet")
    assert list(table.columns) == PREDICTIONS
    assert not table.isna().any().any()
    assert set(table["protocol"]) == {rung}
    assert set(table["item"]) == {"plain", "reduced"}
    assert not table.duplicated(["item", "repeat", "image_id", "view"]).any(), "a row is tested twice"
    views = VIEWS if rung in ("as_published", "fit_in_fold") else 1
    images = EXTERNAL if rung == "external" else IMAGES
    assert table.groupby("item").size().to_dict() == {"plain": images * views, "reduced": images * views}
    manifest = pd.read_csv(results / "datasets/tiny-demo/manifest.csv", dtype=str).set_index("image_id")
    assert (table["y_true"].to_numpy() == manifest.loc[table["image_id"], "label"].to_numpy()).all()


def test_metrics_are_as_the_contract_says(results: Path) -> None:
    table = pd.read_csv(results / "tiny/tiny/metrics.csv")
    assert list(table.columns) == METRICS
    cells = set(table[table["metric"] == "accuracy"][["item", "protocol"]].itertuples(index=False, name=None))
    assert cells == {(item, rung) for item in ("plain", "reduced") for rung in LADDER}
    assert set(table["verdict"].dropna()) == {"not tested"}, "images are simulated"
    shares = table[table["metric"].isin(["accuracy", "sensitivity"])]
    assert shares["value"].between(0, 1).all()
    assert (shares["ci_low"] <= shares["value"]).all()
    assert (shares["value"] <= shares["ci_high"]).all()


def test_the_report_knows_what_every_job_was_measured_at(results: Path) -> None:
    """Snakemake's own files, each at the place where the report looks for it, and no other."""
    run = load_resolved(results / "tiny/config.json")
    known = {Results(results).benchmark(job.rule, job.name) for study in run.studies for job in jobs_of(run, study)}
    assert known == {path for path in (results / "benchmarks").rglob("*.tsv") if path.parts[-2] != "build_report"}
    assert "Not measured" not in (results / "tiny/report/provenance.html").read_text()


def test_jobs_are_counted_before_a_run_as_snakemake_counts_them(finished: TinyProject) -> None:
    printed = finished.snakemake("--dry-run", "--forceall")
    (total,) = set(re.findall(r"^total\s+(\d+)$", printed, re.MULTILINE))  # it is printed twice
    assert len(jobs_of_run(load_resolved(finished.folder / "results/tiny/config.json"))) == int(total)
    assert f"The whole run: {total} jobs" in printed


def test_the_report_is_a_crate(results: Path) -> None:
    crate = ROCrate(results / "tiny/report")
    assert crate.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    files = [entity for entity in crate.data_entities if entity.type != "Dataset" and "://" not in entity.id]
    assert [entity.id for entity in files if not (results / "tiny/report" / entity["name"]).is_file()] == []
    assert {entity["name"] for entity in crate.get("#run")["result"]} >= {"index.html", "data/tiny/metrics.csv"}


def test_controls_are_made_on_every_rung_and_shown(results: Path) -> None:
    for study, item in (("tiny", "reduced"), ("grid", "SVM")):
        table = pd.read_csv(results / "tiny" / study / "controls.csv", dtype={"table": str})
        of_cells = table["control"].isin(CELL_CONTROLS)
        seen = table[of_cells & (table["metric"] == "accuracy")]
        where = list(seen[["control", "protocol"]].itertuples(index=False, name=None))
        assert where == [(control, rung) for control in CELL_CONTROLS for rung in LADDER]
        assert seen[["value", "ci_low", "ci_high", "chance"]].notna().all().all()
        table = table[~of_cells]
        assert set(table["item"]) == {item}
        shuffled = table[table["control"] == "shuffled_labels"]
        asked = {(unit, rung, metric) for unit in ("source", "subject") for rung in LADDER for metric in SHUFFLED}
        assert set(shuffled[["unit", "protocol", "metric"]].itertuples(index=False, name=None)) == asked
        numbers = ["value", "ci_low", "ci_high", "lowest", "highest", "chance"]
        assert shuffled.loc[shuffled["metric"] == "accuracy", numbers].notna().all().all()
        assert shuffled.loc[shuffled["value"].isna(), "note"].str.startswith("so few groups").all()
        assert (table["control"] == "subject_identity").sum() == 1
        assert 'id="controls"' in (results / f"tiny/report/paper_{study}.html").read_text()


def test_another_laboratory_is_the_last_rung_and_its_loss_is_split_and_shown(results: Path) -> None:
    rows = pd.read_parquet(results / "tiny/grid/external/predictions.parquet")
    own = rows[(rows["table"] == "1") & (rows["item"] == "SVM")]
    assert own["image_id"].astype(str).str.startswith("elsewhere-demo:").all()
    assert own["y_true"].astype(str).value_counts().to_dict() == {"all": 12, "healthy": 6}, "of five classes three"
    assert own["subject_id"].nunique() == 6
    table = pd.read_csv(results / "tiny/grid/transfer.csv", dtype={"table": str})
    value = table[(table["table"] == "1") & (table["item"] == "SVM")].set_index(["protocol", "measure"])["value"]
    right = own["y_true"].astype(str) == own["y_pred"].astype(str)
    assert value["external", "accuracy"] == pytest.approx(right.mean(), abs=1e-12)
    assert value["external", "balanced_accuracy"] == pytest.approx(
        right.groupby(own["y_true"].astype(str)).mean().mean(), abs=1e-12
    )
    loss = value["subject_disjoint", "accuracy"] - value["external", "accuracy"]
    assert value["external", "loss"] == pytest.approx(loss, abs=1e-12)
    page = (results / "tiny/report/paper_grid.html").read_text()
    assert 'id="external"' in page
    assert "6 of M3, 6 of M5" in page


def test_accuracy_is_that_of_the_predictions(results: Path) -> None:
    table = pd.read_csv(results / "tiny/tiny/metrics.csv").set_index(["item", "protocol", "metric"])["value"]
    for rung in ("subject_disjoint", "external"):
        predictions = pd.read_parquet(results / "tiny/tiny" / rung / "predictions.parquet")
        for item, rows in predictions.groupby("item"):
            by_fold = (rows["y_true"] == rows["y_pred"]).groupby(rows["fold"]).mean()
            pooled = (rows["y_true"] == rows["y_pred"]).mean()
            value = table[item, rung, "accuracy"]
            assert min(abs(value - pooled), abs(value - by_fold.mean())) < 1e-12


def test_no_subject_is_on_both_sides_where_that_is_promised(results: Path) -> None:
    manifest = pd.read_csv(results / "datasets/tiny-demo/manifest.csv", dtype=str).set_index("image_id")
    for rung in ("subject_disjoint", "external"):
        table = pd.read_csv(results / "tiny/tiny" / rung / "splits/three_folds.csv")
        table["subject_id"] = manifest.loc[table["image_id"], "subject_id"].to_numpy()
        for _, fold in table.groupby(["repeat", "fold"]):
            train, test = (set(fold.loc[fold["role"] == role, "subject_id"]) for role in ("train", "test"))
            assert train, rung
            assert test, rung
            assert not train & test


def test_a_second_run_finds_nothing_to_do(finished: TinyProject) -> None:
    assert "Nothing to be done" in finished.snakemake()


def test_a_copy_elsewhere_finds_nothing_to_do(edits: TinyProject) -> None:
    assert edits.planned() == set()


def test_a_report_is_the_same_whatever_draws_it(finished: TinyProject) -> None:
    """The workflow's was drawn by two processes."""
    config = "results/tiny/config.json"
    finished.run("leukorepro", "report", "build", "--config", config, "--workers", "1", "--output", "again")
    drawn, again = finished.folder / "results/tiny/report", finished.folder / "again"
    files = {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert {path.parts[:2] for path in files} >= {("figures", "tiny"), ("figures", "grid")}
    assert [str(path) for path in files if (drawn / path).read_bytes() != (again / path).read_bytes()] == []
