"""Full disks, two workflows at once, folders with odd names: the same results, or one sentence, and nothing damaged."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from project_copy import ProjectCopy
from small_run import COMMAND, TARGET, files_of, small_project

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("small") / "project")


@pytest.fixture(scope="module")
def unbroken(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    project = ProjectCopy(small, tmp_path_factory.mktemp("unbroken") / "project")
    project.run(*COMMAND)
    return files_of(project)


def test_of_two_workflows_at_once_one_fails_and_the_other_loses_nothing(
    small: Path, unbroken: dict[str, str], tmp_path: Path
) -> None:
    """Started together from nothing; in one of them, every fit fails."""
    good = ProjectCopy(small, tmp_path / "project")
    broken = tmp_path / "bin"
    broken.mkdir()
    command = Path(sys.executable).with_name("leukorepro")
    script = f'#!/bin/sh\n[ "$1 $2" = "models fit" ] && exit 1\nexec {shlex.quote(str(command))} "$@"\n'
    (broken / "leukorepro").write_text(script)
    (broken / "leukorepro").chmod(0o755)
    environment = good.environment | {"PATH": f"{broken}:{good.environment['PATH']}"}
    with (tmp_path / "bad.txt").open("wb") as output:
        bad = subprocess.Popen(COMMAND, cwd=good.folder, env=environment, stdout=output, stderr=output)
        try:
            good.run(*COMMAND)
        finally:
            bad.wait(timeout=300)
    assert files_of(good) == unbroken
    told = good.output.read_text() + (tmp_path / "bad.txt").read_text()
    assert "works here; waiting until it has ended" in told
    assert "Nothing to be done" in good.run(*COMMAND)


def test_a_folder_with_spaces_quotes_and_umlauts(small: Path, unbroken: dict[str, str], tmp_path: Path) -> None:
    project = ProjectCopy(small, tmp_path / 'Bilder für "alle" und l\'un')
    project.run(*COMMAND)
    assert files_of(project) == unbroken


def test_a_disk_that_fills_is_told_and_the_same_command_goes_on(
    small: Path, unbroken: dict[str, str], tmp_path: Path
) -> None:
    project = ProjectCopy(small, tmp_path / "project")
    place = project.folder / "results"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system of its own can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        told = project.fails(*COMMAND)
        assert "No space left on device" in told
        assert "Traceback" not in told
        subprocess.run(["mount", "-o", "remount,size=200m", str(place)], check=True)
        project.run(*COMMAND)
        assert (project.folder / TARGET).is_file()
        assert files_of(project) == unbroken
    finally:
        subprocess.run(["umount", str(place)], check=True)
