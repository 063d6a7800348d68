"""DVC's stages make the default run, agree with Snakemake on when there is nothing to do, and tell nobody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import shrink
from project_copy import ProjectCopy, planned_rules
from test_rules import rules

from leukorepro.run.dvc_stages import COMMANDS, dvc_yaml
from leukorepro.run.resolve import resolve

MADE_BY = {
    "dataset": ["simulate_images", "scan_images", "find_duplicates"],
    "features": ["get_weights", "extract_features", "describe_images"],
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
        "audit_leakage",
    ],
    "report": ["build_report"],
}
"""Rules that each kind of stage asks for and that follow the code."""
REPRO = ("dvc", "repro", "--no-run-cache")

STUDIES = {"atteia2022", "rezayi2021"}
"""What is reproduced: between them they have every kind of stage."""


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
    run_file.write_text(yaml.safe_dump(run))
    project.run("leukorepro", "config", "dvc")
    project.run("git", "init", "--quiet")
    project.run(*REPRO)
    return project


def test_committed_stages_are_those_of_the_default_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    run_file = Path("config/config.yaml")
    expected = dvc_yaml(resolve(run_file), run_file)
    assert (root / "dvc.yaml").read_text() == expected, "make it again with `leukorepro config dvc`"


def test_stages_own_all_that_a_run_makes_and_keep_nothing_old(root: Path, stages: dict[str, Any]) -> None:
    rules = (root / "workflow/rules/studies.smk").read_text()
    assert 'f"results/{RUN.name}/{STUDY.study.key}/{rung}/{table}.parquet"' in rules
    outputs = {out for stage in stages["stages"].values() for out in stage["outs"] if isinstance(out, str)}
    for study in ("atteia2022", "hasanaath2024", "hayat2022", "rezayi2021"):
        assert f"results/demo/{study}/metrics.csv" in outputs
        assert f"results/demo/{study}/source_disjoint/predictions.parquet" in outputs
    assert not [name for name, stage in stages["stages"].items() for out in stage["outs"] if isinstance(out, dict)], (
        "an output with options; `persist` in particular lets old files pass for new ones"
    )


def test_a_kind_of_stage_follows_the_commands_that_its_rules_call(root: Path) -> None:
    called = {name: re.search(r"leukorepro ([a-z -]+?) *\\", block)[1] for name, block in rules(root).items()}  # type: ignore[index]
    of_no_run = {name for name, command in called.items() if command.startswith(("validity ", "config "))}
    assert called.keys() - of_no_run == {rule for made in MADE_BY.values() for rule in made}
    assert {kind: {called[rule] for rule in made} for kind, made in MADE_BY.items()} == {
        kind: set(commands) for kind, commands in COMMANDS.items()
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
