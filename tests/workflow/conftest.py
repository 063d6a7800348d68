"""A tiny run of the whole workflow, made once, that the tests look at and copy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
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
