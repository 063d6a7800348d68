"""A tiny run of the whole workflow, made once, that the tests look at and copy."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_copy import PROJECT, ProjectCopy, planned_rules, snapshot

from leukorepro.config.study.study import IMAGES, Study, load_study
from leukorepro.config.study.systems import TrainedFeaturesSpec
from leukorepro.run.kept_items import only_items

ADDED = Path(__file__).parent / "project"
CONFIGFILE = ["--configfile", "config/runs/tiny.yaml"]
"""Goes last on the command line: Snakemake takes all that follows it for more such files."""

LOADED = ".loaded"
"""Folder of the tiny run in which every command tells what it has loaded; see `recorder`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: the processes that share the tests then end together."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


class TinyProject(ProjectCopy):
    """A copy of the project with the tiny study, dataset and run."""

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake for the tiny run and return what it printed."""
        return self.run(*self.command(*arguments))

    def command(self, *arguments: str) -> list[str]:
        return ["snakemake", "--cores", "2", *arguments, *CONFIGFILE]

    def planned(self, *arguments: str) -> set[str]:
        """Rules that Snakemake would run now; those that are made for each study, without the study and the rung."""
        rules = planned_rules(self.snakemake("--dry-run", *arguments))
        return {re.sub(r"_(tiny|grid)(_\w+)?$", "", rule) for rule in rules}


def shrink(root: Path) -> None:
    """Make runs small: few images, rungs and controls, networks at small sizes, an item or two a table."""

    def edit(file: Path, change: Any) -> None:
        value = yaml.safe_load(file.read_text())
        change(value)
        file.write_text(yaml.safe_dump(value, sort_keys=False))

    def fewer_images(dataset: dict[str, Any]) -> None:
        size = {"subjects": 20, "images": 60}
        if "external_images" in dataset["sizes"]["demo"]:
            size |= {"external_subjects": 2, "external_images": 4}
        dataset["sizes"]["demo"] = size

    def few_rungs(run: dict[str, Any]) -> None:
        """Of the studies those with more tables than in the demonstration, or with networks that learn from images.

        A second rung where features are reduced and where networks are trained; the tiny run has all rungs.
        """
        kept = {"atteia2022": ["source_disjoint"], "hasanaath2024": [], "rezayi2021": ["source_disjoint"]}
        run["studies"] = [study for study in run["studies"] if study["study"] in kept]
        for study in run["studies"]:
            study["rungs"] = ["as_published", *kept[study["study"]]]
            study.pop("controls", None)  # the demonstration has the same

    def one_rung_of_each_dataset(run: dict[str, Any]) -> None:
        studies = {study["dataset"]: study for study in reversed(run["studies"])}
        run["studies"] = [{**study, "rungs": ["as_published"]} for study in studies.values()]

    def what_is_left(run: dict[str, Any]) -> None:
        """One rung, and of the items and the networks in the place of others those that the smaller studies have."""
        for choice in run["studies"]:
            study = load_study(root / f"config/studies/{choice['study']}.yaml")
            items = {f"{number}/{item.item}": item for number, table in study.tables.items() for item in table.items}
            kept = [name for name in choice["items"] if name in study.tables or name in items]
            used = {part for name in kept if name in items for part in study.feature_sets[items[name].features]}
            networks = {name: other for name, other in choice.get("networks", {}).items() if name in used}
            choice |= {"items": kept, "networks": networks, "rungs": ["as_published"]}

    def without_controls(run: dict[str, Any]) -> None:
        """But for those that a study of it asks for; the tiny run has all."""
        run["controls"] = []

    for dataset in [*root.glob("config/datasets/*_simulated.yaml"), *root.glob("config/datasets/*_demo.yaml")]:
        edit(dataset, fewer_images)
    for run in ("config.yaml", "runs/simulated.yaml", "runs/published.yaml"):
        edit(root / "config" / run, without_controls)
    edit(root / "config/runs/simulated.yaml", few_rungs)
    edit(root / "config/runs/published.yaml", one_rung_of_each_dataset)  # the simulated run has all studies
    for file in root.glob("config/studies/*.yaml"):
        file.write_text(yaml.safe_dump(_smaller(load_study(file)), sort_keys=False))
    edit(root / "config/config.yaml", what_is_left)


def _smaller(study: Study) -> dict[str, Any]:
    """The first item of every table, the first on a network's features and the headline's; MobileNetV2 everywhere."""
    takers = {name for name, spec in study.reducers.items() if isinstance(spec, TrainedFeaturesSpec)}
    kept = {study.headline}
    for number, table in study.tables.items():
        on_features = [item for item in table.items if item.reducer in takers]
        kept |= {f"{number}/{item.item}" for item in [table.items[0], *on_features[:1]]}
    study = only_items(study, kept)
    value = study.model_dump(mode="json", exclude_none=True)
    value["extractors"] = {
        name: {
            "backbone": "mobilenet_v2",
            "layer": "flat" if study.extractors[name].layer == "flat" else "gap",
            "input_size": 32 + 8 * number,
        }
        for number, name in enumerate(study.extractors)
    }
    for reducer in value.get("reducers", {}).values():
        if reducer["kind"] == "sparse_autoencoder":
            reducer["hidden_fraction"] = 0.005
            reducer["max_epochs"]["demo"] = 2
        elif reducer["kind"] == "conv_autoencoder":
            reducer["epochs"]["demo"] = 1
    for classifier in value["classifiers"].values():
        if classifier["kind"] in ("network", "fine_tuned"):
            classifier["epochs"]["demo"] = 1
        if classifier["kind"] == "network":
            classifier["width"]["demo"] = 0.05
    for descriptor in value["descriptors"].values():
        if descriptor["descriptor"] == IMAGES:
            descriptor["input_size"] = {"demo": 36, "published": 450}
    return {**value, "figures": {}}


def closed_network() -> list[str]:
    """Command that runs another one with no network, not even a loopback address; empty where this is not allowed."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            continue
        return command
    return []


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files with the tiny run added, nothing made yet."""
    if not (PROJECT / ".git").exists():
        pytest.skip(f"{PROJECT} is not a git checkout, so its files cannot be told from what lies about there")
    return snapshot(tmp_path_factory.mktemp("fresh"), ADDED)


@pytest.fixture(scope="session")
def finished(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """The tiny run, made without interruption and, where that can be arranged, without a network. Not to be changed.

    The first of the processes that share the tests makes it; each has a copy of its own.
    """
    base, offline = tmp_path_factory.getbasetemp(), closed_network()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            made = TinyProject(fresh, tmp_path_factory.mktemp("making") / "project", prefix=offline)
            made.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent / "recorder")
            made.environment["LOADED"] = str(made.folder / LOADED)
            made.snakemake()
            made.folder.rename(shared)
    return TinyProject(shared, tmp_path_factory.mktemp("finished") / "project", prefix=offline)


@pytest.fixture(scope="session")
def edits(finished: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A copy of the finished run for edits that are taken back."""
    return TinyProject(finished.folder, tmp_path_factory.mktemp("edits") / "project")


@pytest.fixture
def new_copy(fresh: Path, tmp_path: Path) -> Callable[[], TinyProject]:
    """Function that gives a copy in which nothing is made yet."""
    return lambda: TinyProject(fresh, tmp_path / "project")
