"""DVC's stages make a run, miss no file that it reads, agree with Snakemake on what is up to date, and tell nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import LOADED, shrink
from PIL import Image
from project_copy import ProjectCopy, planned_rules
from test_rules import rules

from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import find_imagenet_weights
from leukorepro.run.dvc.stages import COMMANDS, dvc_yaml
from leukorepro.run.resolve import resolve

MADE_BY: dict[str, list[str]] = {
    "dataset": ["simulate_images", "scan_images", "find_duplicates"],
    "features": ["get_weights", "extract_features", "describe_images", "join_features"],
    "audit": ["audit_published"],
    "study": [
        "fuse_features",
        "make_splits",
        "fit_reducer",
        "train_network",
        "encode_images",
        "fit",
        "classify",
        "evaluate",
        "judge",
        "controls",
        "explain",
        "audit_leakage",
    ],
    "report": ["build_report"],
}
"""Rules that each kind of stage asks for and that follow the code."""
REPRO = ("dvc", "repro", "--no-run-cache")

STUDIES = {"atteia2022", "rezayi2021"}
"""What is reproduced: between them they have every kind of stage."""

SMEARS = "data/Lena's smears, 50 % ($1) {new} #2 für [all]"
"""Folder of images of one's own, with characters that shells, Snakemake, DVC and YAML read as something else."""
TABLE = "data/who's ${who}.csv"
WEIGHTS = "data/my weights/lite 0.pth"


@pytest.fixture(scope="module")
def stages(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "dvc.yaml").read_text())


@pytest.fixture(scope="module")
def reproduced(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A repository of its own in which `dvc repro` has run once."""
    folder = tmp_path_factory.mktemp("dvc")
    # DVC keeps records for all of a machine's repositories; these are ours.
    records = {f"DVC_{kind}_DIR": str(folder / kind) for kind in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG")}
    project = ProjectCopy(fresh, folder / "project", environment=records)
    shrink(project.folder)
    run_file = project.folder / "config/config.yaml"
    run = yaml.safe_load(run_file.read_text())
    run["studies"] = [study for study in run["studies"] if study["study"] in STUDIES]
    run["studies"][0] |= own_files(project.folder)
    run_file.write_text(yaml.safe_dump(run))
    project.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent / "recorder")
    project.environment["LOADED"] = str(project.folder / LOADED)
    project.run("leukorepro", "config", "dvc")
    project.run("git", "init", "--quiet")
    project.run(*REPRO)
    return project


def own_files(project: Path) -> dict[str, Any]:
    """Images with a table of subjects, and a file of weights: what a study of a run says of them."""
    rows = []
    for label in ("all", "healthy"):
        (project / SMEARS / label).mkdir(parents=True)
        for number in range(24):
            pixels = np.random.default_rng([len(label), number]).integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(project / SMEARS / label / f"{number}.png")
            rows.append(f"{label}/{number}.png,{label}{number // 2}")
    (project / TABLE).write_text("\n".join(["image,subject", *rows, ""]))
    dataset = {"adapter": "image_folder", "images": SMEARS, "positive_class": "all", "subjects": {"csv": TABLE}}
    (project / "config/datasets/smears.yaml").write_text(yaml.safe_dump(dataset))
    (project / WEIGHTS).parent.mkdir()
    shutil.copy(find_imagenet_weights(find_backbone("efficientnet_lite0")), project / WEIGHTS)
    return {"dataset": "smears", "weights": {"googlenet": f"file:{WEIGHTS}"}}


def test_committed_stages_are_those_of_the_default_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    run_file = Path("config/config.yaml")
    expected = dvc_yaml(resolve(run_file), run_file)
    assert (root / "dvc.yaml").read_text() == expected, "make it again with `leukorepro config dvc`"


def test_stages_own_all_that_a_run_makes_and_keep_nothing_old(root: Path, stages: dict[str, Any]) -> None:
    rules = (root / "workflow/rules/studies.smk").read_text()
    assert 'f"results/{RUN.name}/{STUDY.study.key}/{rung}/{table}.parquet"' in rules
    outputs = {out for stage in stages["stages"].values() for out in stage.get("outs", []) if isinstance(out, str)}
    for study in ("atteia2022", "hasanaath2024", "hayat2022", "rezayi2021"):
        assert f"results/demo/{study}/metrics.csv" in outputs
        assert f"results/demo/{study}/source_disjoint/predictions.parquet" in outputs
    assert not [
        name for name, stage in stages["stages"].items() for out in stage.get("outs", []) if isinstance(out, dict)
    ], "an output with options; `persist` in particular lets old files pass for new ones"


def test_a_kind_of_stage_follows_the_commands_that_its_rules_call(root: Path) -> None:
    called = {name: re.search(r"leukorepro ([a-z -]+?) *\\", block)[1] for name, block in rules(root).items()}  # type: ignore[index]
    of_no_run = {name for name, command in called.items() if command.startswith(("validity ", "config "))}
    assert called.keys() - of_no_run == {rule for made in MADE_BY.values() for rule in made}
    assert {kind: {called[rule] for rule in made} for kind, made in MADE_BY.items()} == {
        kind: set(commands) for kind, commands in COMMANDS.items() if kind != "stages"
    }


def test_dvc_sends_no_statistics_and_asks_for_no_updates(root: Path) -> None:
    text = (root / ".dvc/config").read_text()
    (core,) = re.findall(r"^\[core\]\n((?: +.*\n)+)", text, flags=re.MULTILINE)
    settings = dict(line.strip().split(" = ") for line in core.splitlines())
    assert settings == {"analytics": "false", "check_update": "false"}


@pytest.mark.slow
def test_dvc_takes_these_settings(reproduced: ProjectCopy) -> None:
    assert reproduced.run("dvc", "config", "core.analytics").strip().lower() == "false"


@pytest.mark.slow
def test_reproducing_makes_the_run_once(reproduced: ProjectCopy) -> None:
    assert (reproduced.folder / "results/demo/report/index.html").is_file()
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert planned_rules(reproduced.run("snakemake", "--dry-run")) == set()


@pytest.mark.slow
def test_what_snakemake_made_is_adopted_and_never_removed(reproduced: ProjectCopy) -> None:
    lock = reproduced.folder / "dvc.lock"
    before = yaml.safe_load(lock.read_text())
    lock.unlink()  # as after `snakemake` alone
    pages = reproduced.folder / "results/demo/report"
    made = {page: page.stat().st_mtime_ns for page in pages.iterdir()}
    told = reproduced.fails(*REPRO)
    assert "Start `dvc repro` again: it goes on with the rest" in " ".join(told.split())
    assert yaml.safe_load(lock.read_text()) == before
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert {page: page.stat().st_mtime_ns for page in pages.iterdir()} == made


@pytest.mark.slow
def test_a_stage_depends_on_every_file_that_its_jobs_read(reproduced: ProjectCopy) -> None:
    stages = yaml.safe_load((reproduced.folder / "dvc.yaml").read_text())["stages"]
    seen = set()
    for file in (reproduced.folder / LOADED).iterdir():
        told = json.loads(file.read_text())
        if told["stage"] is None:
            continue  # what wrote the stages
        stage = stages[told["stage"].partition("@")[0]]
        known = {*stage["deps"], *stage.get("outs", []), "results", "src", "dvc.yaml"}
        if any(dep.startswith("results/datasets/") for dep in known):  # the manifest knows images by their SHA-256
            known |= {SMEARS, "data/simulated"}
        folders = [reproduced.folder / name.replace(r"\${", "${") for name in known]
        read = [path for path in map(Path, told["read"]) if path.is_file() and path.is_relative_to(reproduced.folder)]
        missed = [str(path) for path in read if not any(path.is_relative_to(folder) for folder in folders)]
        assert not missed, f"{told['stage']}: {' '.join(told['words'][:2])} reads {missed}"
        seen |= {path.relative_to(reproduced.folder).as_posix() for path in read}
    assert {TABLE, "config/datasets/smears.yaml", "config/published/atteia2022.csv"} <= seen
    assert {f"{SMEARS}/all/0.png", "config/config.yaml", "config/studies/rezayi2021.yaml"} <= seen


@pytest.mark.slow
def test_a_changed_table_and_changed_weights_are_seen(reproduced: ProjectCopy) -> None:
    table, weights = reproduced.folder / TABLE, reproduced.folder / WEIGHTS
    before = table.read_text(), weights.read_bytes()
    table.write_text(before[0].replace("all0", "all1"))
    weights.write_bytes(before[1] + b" ")
    changed = json.loads(reproduced.run("dvc", "status", "--json"))
    assert {"changed deps": {TABLE: "modified"}} in changed["dataset-smears"]
    (part,) = (name for name in changed if name.startswith("features-smears-efficientnet_lite0-gap-file_"))
    assert changed[part] == [{"changed deps": {WEIGHTS: "modified"}}]
    told = reproduced.fails(*REPRO)
    assert "dvc.yaml: the run has changed since it was written (" in told
    assert "write it again with `leukorepro config dvc`." in told
    assert "Running stage 'dataset-smears'" not in told
    asked = part.partition("@")[2]
    told = reproduced.fails("snakemake", "--cores", "1", f"results/features/smears/{asked}.h5")
    assert f"results/features/smears/{asked}.h5: the run 'demo' makes no such file" in told
    table.write_text(before[0])
    weights.write_bytes(before[1])
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)


@pytest.mark.slow
def test_an_edit_of_the_evaluation_fits_nothing_again_but_controls(reproduced: ProjectCopy) -> None:
    with (reproduced.folder / "src/leukorepro/evaluation/metrics/metrics.py").open("a") as file:
        file.write("\nEDITED = True\n")
    logs = reproduced.folder / ".snakemake/log"
    before = set(logs.iterdir())
    told = reproduced.run(*REPRO)
    stages = re.findall(r"^Running stage '(.+)':", told, flags=re.MULTILINE)
    assert set(stages) == {*STUDIES, "report"}
    texts = [log.read_text() for log in set(logs.iterdir()) - before]
    made = {rule for text in texts for rule in re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE)}
    of_studies = {f"{rule}_{study}" for rule in ("evaluate", "audit_leakage") for study in STUDIES}
    assert made == {*of_studies, "judge", "controls", "build_report"}
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert planned_rules(reproduced.run("snakemake", "--dry-run")) == set()
