"""An edit re-runs the stages that it touches, and what follows from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import TinyProject
from PIL import Image
from project_copy import planned_rules

from leukorepro.data.manifest import read_manifest

pytestmark = pytest.mark.slow

COMMENT = "\n# A comment is not read by any command.\n"
CODE = "\nEDITED = True\n"
REPORT = {"all", "build_report"}
TABLES = {"evaluate", "judge"}
EVALUATION = REPORT | TABLES | {"controls"}
MODELS = EVALUATION | {"fit", "classify"}
FEATURES = MODELS | {"extract_features", "fuse_features"}
DESCRIBED = FEATURES | {"describe_images"}
SPLITS = {"make_splits", "audit_leakage"}
DATA = DESCRIBED | SPLITS | {"scan_images", "find_duplicates", "join_features"}
DRAWING = {"simulate_images"}
STUDY = {"audit_published"}
PUBLISHED = {"audit_published", "judge"}


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("report/site.py", REPORT),
        ("report/templates/frame.html.j2", REPORT),
        ("evaluation/metrics/metrics.py", EVALUATION),
        ("systems/autoencoders/scg.py", MODELS),
        # It reads the features that duplicates may be found by, too.
        ("features/fusion.py", DESCRIBED | {"join_features", "find_duplicates", "audit_leakage"}),
        ("data/adapters/simulated.py", DATA | DRAWING | STUDY),
        ("systems/classifiers/kinds/svm.py", MODELS - {"fit"} | STUDY),
        ("systems/classifiers/kinds/sgd.py", REPORT | PUBLISHED),
        ("simulate/cells.py", DATA | DRAWING),
    ],
)
def test_an_edit_of_code_re_runs_what_uses_it(edits: TinyProject, file: str, rules: set[str]) -> None:
    with edits.appended(f"src/leukorepro/{file}", "<p>\n" if file.endswith("j2") else CODE):
        assert edits.planned() == rules
    assert edits.planned() == set(), "the edit was taken back"


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("studies/tiny.yaml", "demo: 40", "demo: 41", MODELS | STUDY),
        ("studies/tiny.yaml", "n_splits: 3", "n_splits: 2", MODELS | STUDY | SPLITS),
        ("studies/tiny.yaml", "degree: 3", "degree: 2", MODELS - {"fit"} | STUDY),
        ("studies/tiny.yaml", "title: With", "title: Still with", REPORT | STUDY | TABLES),
        ("datasets/tiny.yaml", "images: 36, external", "images: 40, external", DATA | DRAWING),
        ("runs/tiny.yaml", "budget: demo", "seed: 1\nbudget: demo", FEATURES | SPLITS),
        ("published/tiny.csv", "plain,accuracy,0.99", "plain,accuracy,0.98", REPORT | PUBLISHED),
    ],
    ids=["epochs", "folds", "classifier", "title", "dataset", "seed", "published"],
)
def test_an_edit_of_configuration_re_runs_what_depends_on_it(
    edits: TinyProject, file: str, old: str, new: str, rules: set[str]
) -> None:
    with edits.edited(f"config/{file}", old, new):
        assert edits.planned() == rules
    assert edits.planned() == set(), "the edit was taken back"


def test_the_report_follows_the_validity_study_and_never_asks_for_it(edits: TinyProject) -> None:
    summary = edits.folder / "results/validity/summary.csv"
    summary.parent.mkdir()
    summary.write_text("setting\n")
    assert edits.planned() == REPORT
    shutil.rmtree(summary.parent)
    assert edits.planned() == set(), "it was taken away"


def test_comments_re_run_nothing(edits: TinyProject) -> None:
    for code in ("systems/autoencoders/scg.py", "evaluation/metrics/metrics.py", "core/store.py"):
        with edits.appended(f"src/leukorepro/{code}", COMMENT):
            assert edits.planned() == set()
    with edits.appended("config/studies/tiny.yaml", COMMENT), edits.appended("config/runs/tiny.yaml", COMMENT):
        assert edits.planned() == set()


def test_an_added_image_is_found(edits: TinyProject, tmp_path: Path) -> None:
    for label in ("all", "healthy"):
        (tmp_path / label).mkdir()
        for number in range(3):
            Image.new("RGB", (40, 40), (60 * number, 0, len(label))).save(tmp_path / label / f"{number}.png")
    config = edits.folder / "config"
    (config / "datasets/folder.yaml").write_text(f"adapter: image_folder\nimages: {tmp_path}\npositive_class: all\n")
    run = (config / "runs/tiny.yaml").read_text().replace("dataset: tiny", "dataset: folder")
    (config / "runs/folder.yaml").write_text(run.replace("name: tiny", "name: folder"))
    manifest = "results/datasets/folder/manifest.csv"
    command = ["snakemake", "--cores", "2", manifest, "--configfile", "config/runs/folder.yaml"]

    edits.run(*command)
    assert len(read_manifest(edits.folder / manifest)) == 6
    assert "Nothing to be done" in edits.run(*command)
    Image.new("RGB", (40, 40), "white").save(tmp_path / "all/3.png")
    edits.run(*command)
    assert "all/3.png" in set(read_manifest(edits.folder / manifest)["image_id"])


def test_another_way_to_say_the_same_run_re_runs_nothing(edits: TinyProject) -> None:
    run = (edits.folder / "config/runs/tiny.yaml").read_text()
    (edits.folder / "config/runs/same.yaml").write_text(run.replace("budget: demo", "budget: demo\nseed: 1"))
    command = ["snakemake", "--cores", "2", "--dry-run", "--config", "seed=0", "--configfile", "config/runs/same.yaml"]
    assert planned_rules(edits.run(*command)) == set()


def test_another_run_on_the_same_images_takes_their_features_as_they_are(edits: TinyProject) -> None:
    run = (edits.folder / "config/runs/tiny.yaml").read_text()
    (edits.folder / "config/runs/other.yaml").write_text(run.replace("name: tiny", "name: other"))
    rules = planned_rules(edits.run("snakemake", "--dry-run", "--configfile", "config/runs/other.yaml"))
    assert {"make_splits_tiny", "classify"} <= rules
    assert not rules & {"extract_features", "describe_images", "fuse_features"}


def test_a_key_of_the_run_can_be_changed_on_the_command_line(edits: TinyProject) -> None:
    assert edits.planned("--config", "seed=1") == FEATURES | SPLITS
