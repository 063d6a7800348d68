"""A tiny run of the whole workflow, made once, that the tests look at and copy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_copy import PROJECT, ProjectCopy, planned_rules, snapshot

ADDED = Path(__file__).parent / "project"
CONFIGFILE = ["--configfile", "config/runs/tiny.yaml"]
"""Goes last on the command line: Snakemake takes all that follows it for more such files."""


class TinyProject(ProjectCopy):
    """A copy of the project with the tiny study, dataset and run."""

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake for the tiny run and return what it printed."""
        return self.run(*self.command(*arguments))

    def command(self, *arguments: str) -> list[str]:
        return ["snakemake", "--cores", "2", *arguments, *CONFIGFILE]

    def planned(self, *arguments: str) -> set[str]:
        """Rules that Snakemake would run now."""
        return planned_rules(self.snakemake("--dry-run", *arguments))


def shrink(root: Path) -> None:
    """Make the default run a small one: few images, one item on both networks, a small autoencoder."""

    def edit(file: Path, change: Any) -> None:
        value = yaml.safe_load(file.read_text())
        change(value)
        file.write_text(yaml.safe_dump(value, sort_keys=False))

    def fewer_images(dataset: dict[str, Any]) -> None:
        dataset["sizes"]["demo"] = {"subjects": 12, "images": 24, "external_subjects": 2, "external_images": 4}

    def one_item(study: dict[str, Any]) -> None:
        table = study["tables"]["1"]
        table["items"] = [item for item in table["items"] if f"1/{item['item']}" == study["headline"]]
        reducer = study["reducers"][table["items"][0]["reducer"]]
        reducer["hidden_fraction"] = 0.005
        reducer["max_epochs"]["demo"] = 2
        study["figures"] = {}

    edit(root / "config/datasets/allidb_simulated.yaml", fewer_images)
    edit(root / "config/studies/atteia2022.yaml", one_item)


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
    """The tiny run, made without interruption and, where that can be arranged, without a network. Not to be changed."""
    project = TinyProject(fresh, tmp_path_factory.mktemp("finished") / "project", prefix=closed_network())
    project.snakemake()
    return project


@pytest.fixture(scope="session")
def edits(finished: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A copy of the finished run for edits that are taken back."""
    return TinyProject(finished.folder, tmp_path_factory.mktemp("edits") / "project")


@pytest.fixture
def new_copy(fresh: Path, tmp_path: Path) -> Callable[[], TinyProject]:
    """Function that gives a copy in which nothing is made yet."""
    return lambda: TinyProject(fresh, tmp_path / "project")
