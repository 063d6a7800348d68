"""What a machine may do to a run: the same results as an unbroken run's, or one sentence, and nothing damaged."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from debian_packages import Unavailable, install
from project_copy import ProjectCopy
from small_run import FILES, RUN, Unbroken, command, files_of, small, unbroken

__all__ = ["small", "unbroken"]  # fixtures

pytestmark = pytest.mark.faults

A_DAY = 86_400


@pytest.fixture
def project(small: Path, tmp_path: Path) -> ProjectCopy:
    return ProjectCopy(small, tmp_path / "project")


@contextmanager
def jobs_by(project: ProjectCopy, script: str) -> Iterator[None]:
    """Have a shell's script do the jobs, which knows the command as `$leukorepro`."""
    folder = project.folder.with_name("bin")
    folder.mkdir()
    command = shlex.quote(str(Path(sys.executable).with_name("leukorepro")))
    (folder / "leukorepro").write_text(f"#!/bin/sh\nleukorepro={command}\n{script}\n")
    (folder / "leukorepro").chmod(0o755)
    usual = project.environment
    project.environment = usual | {"PATH": f"{folder}:{usual['PATH']}"}
    try:
        yield
    finally:
        project.environment = usual


def before_fits(project: ProjectCopy, words: str) -> AbstractContextManager[None]:
    """Have a shell do something before each fit of a reducer."""
    return jobs_by(project, f'[ "$1 $2" = "models fit" ] && {words}\nexec "$leukorepro" "$@"')


@contextmanager
def mounted(place: Path, *words: str) -> Iterator[None]:
    """Mount something at a place."""
    done = subprocess.run(["mount", *words, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def control_group(memory: str) -> Iterator[Path]:
    """A control group of this machine that may have so much memory, of either version of them."""
    for hierarchy, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup", hierarchy, f"leukorepro-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                (group / limit).write_text(memory)
                yield group
                return
        finally:
            group.rmdir()
    pytest.skip("no control group with a limit of memory can be made here")


def refused(project: ProjectCopy, sentence: str) -> None:
    """The run ends with a sentence, and without a word on where in the code."""
    told = project.fails(*command())
    assert sentence in told
    assert "Traceback" not in told
    assert 'File "' not in told


def foretold(project: ProjectCopy, sentence: str) -> None:
    """A dry run says it, too."""
    told = project.fails(*command(), "--dry-run")
    assert sentence in told
    assert "Traceback" not in told


def goes_on(project: ProjectCopy, unbroken: Unbroken) -> None:
    """The same command ends in the same files, as they were written, and has nothing to do then."""
    project.run(*command())
    assert files_of(project) == unbroken.files
    assert "Not as they were written: 0." in project.run("leukorepro", "verify")
    assert "Nothing to be done" in project.run(*command())


# ---------------------------------------------------------------------------------------------------- files and folders


def test_a_folder_with_spaces_quotes_and_umlauts(small: Path, unbroken: Unbroken, tmp_path: Path) -> None:
    goes_on(ProjectCopy(small, tmp_path / 'Bilder für "alle" und l\'un'), unbroken)


def test_a_disk_that_fills_is_told_and_the_same_command_goes_on(project: ProjectCopy, unbroken: Unbroken) -> None:
    place = project.folder / "results"
    with mounted(place, "-t", "tmpfs", "-o", "size=48k", "tmpfs"):
        refused(project, "No space left on device")
        subprocess.run(["mount", "-o", "remount,size=200m", str(place)], check=True)
        goes_on(project, unbroken)


def test_read_only_file_systems_are_told_and_the_same_command_goes_on(project: ProjectCopy, unbroken: Unbroken) -> None:
    """Of the project, of its results, and of what a job writes to."""
    for folder in (project.folder, project.folder / "results", project.folder / "results/features"):
        folder.mkdir(exist_ok=True)
        with mounted(folder, "--bind", str(folder)):
            subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
            refused(project, "ead-only file system")
            if folder == project.folder:
                foretold(project, "on a read-only file system")
    goes_on(project, unbroken)


def test_what_a_user_may_not_do_is_told_and_the_same_command_goes_on(project: ProjectCopy, unbroken: Unbroken) -> None:
    """Write to the same folders, and read a file; root without capabilities is bound by permissions like anybody."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("permissions do not bind root, and there is no setpriv")
        project.prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    for folder in (project.folder, project.folder / "results", project.folder / "results/features"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o555)
        try:
            refused(project, "not writable for this user" if folder == project.folder else "Permission denied")
            if folder == project.folder:
                foretold(project, "not writable for this user")
        finally:
            folder.chmod(0o755)
    dataset = project.folder / "config/datasets/kills.yaml"
    dataset.chmod(0)
    refused(project, "config/datasets/kills.yaml: cannot be read (Permission denied)")
    dataset.chmod(0o644)
    goes_on(project, unbroken)


# ------------------------------------------------------------------------------------------------- memory and the clock


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("ulimit -v 1000000", "leukorepro: out of memory ("), ("kill -KILL $$", "as it does when memory runs out")],
    ids=["refused", "killed"],
)
def test_a_job_without_memory_is_told_and_the_same_command_goes_on(
    project: ProjectCopy, unbroken: Unbroken, words: str, sentence: str
) -> None:
    with before_fits(project, words):
        refused(project, sentence)
    goes_on(project, unbroken)


def test_a_job_that_outgrows_its_control_group_is_told_and_the_same_command_goes_on(
    project: ProjectCopy, unbroken: Unbroken
) -> None:
    """As in a container or a cluster's job: the kernel ends it."""
    with control_group("100M") as group, before_fits(project, f"echo $$ >{group}/cgroup.procs"):
        refused(project, "as it does when memory runs out")
    goes_on(project, unbroken)


def test_a_clock_that_is_set_back_changes_nothing(project: ProjectCopy, unbroken: Unbroken) -> None:
    """All before the fits is made tomorrow, by the clock of the jobs and of the files.

    Snakemake itself ends under no false clock.
    """
    try:
        install({"faketime": "faketime"})
    except Unavailable as reason:
        pytest.skip(str(reason))
    tomorrow = f'[ "$1 $2" = "models fit" ] && exit 1\nexec faketime -f +{A_DAY}s "$leukorepro" "$@"'
    with jobs_by(project, tomorrow):
        project.fails(*command())
    for folder in ("results", "data/simulated", ".snakemake"):
        for file in (project.folder / folder).rglob("*"):
            os.utime(file, (time.time() + A_DAY,) * 2, follow_symlinks=False)
    goes_on(project, unbroken)


# ---------------------------------------------------------------------------------------------------------- two at once


def test_of_two_workflows_at_once_one_fails_and_the_other_loses_nothing(
    project: ProjectCopy, unbroken: Unbroken, tmp_path: Path
) -> None:
    """Started together from nothing; in one of them, every fit fails."""
    with before_fits(project, "exit 1"), (tmp_path / "bad.txt").open("wb") as output:
        bad = subprocess.Popen(command(), cwd=project.folder, env=project.environment, stdout=output, stderr=output)
    try:
        project.run(*command())
    finally:
        bad.wait(timeout=900)
    told = project.output.read_text() + (tmp_path / "bad.txt").read_text()
    assert "works here; waiting until it has ended" in told
    goes_on(project, unbroken)


def test_two_runs_that_share_features_at_once_make_what_each_makes_alone(
    project: ProjectCopy, unbroken: Unbroken, tmp_path: Path
) -> None:
    """Runs of other names of one study on one dataset, started together from nothing."""
    other = RUN.replace("kills", "other")
    (project.folder / other).write_text(FILES[RUN].replace("name: kills", "name: other"))
    words = [word.replace("results/kills", "results/other").replace(RUN, other) for word in command()]
    with (tmp_path / "other.txt").open("wb") as output:
        second = subprocess.Popen(words, cwd=project.folder, env=project.environment, stdout=output, stderr=output)
        try:
            project.run(*command())
        finally:
            second.wait(timeout=900)
    assert second.returncode == 0, (tmp_path / "other.txt").read_text()
    told = project.output.read_text() + (tmp_path / "other.txt").read_text()
    assert "works here; waiting until it has ended" in told
    shared = [line for line in told.splitlines() if "Features of kills-demo" in line]
    assert len(shared) == 2, told  # one for each of two descriptors, in either run
    files = files_of(project)
    assert {name: files[name] for name in unbroken.files} == unbroken.files
    tables = (".h5", ".parquet", ".csv")
    for name in [name for name in unbroken.files if name.startswith("kills/kills/") and name.endswith(tables)]:
        assert files[name.replace("kills", "other", 1)] == files[name]
