"""One workflow at a time in a folder of results: who comes second waits for processes, not for files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leukorepro.core.integrity.damaged import OWNED
from leukorepro.core.sharing.alone import JOBS, WORKFLOW, hold

AS_WORKFLOW = """
import sys
from pathlib import Path
from leukorepro.core.sharing.alone import hold
print(hold(Path(sys.argv[1]), "demo", lambda told: print(told, flush=True)), flush=True)
input()
"""
AS_JOB = """
from leukorepro.core.sharing.alone import join_workflow
join_workflow()
print("works", flush=True)
input()
"""


@contextmanager
def process(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {OWNED: str(folder)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], text=True, env=environment, **pipes) as started:  # type: ignore[call-overload]
        yield started
        started.kill()


def says(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def test_the_second_waits_until_the_first_is_gone_however_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with process(AS_WORKFLOW, folder) as first:
        assert says(first) == "True"
        with process(AS_WORKFLOW, folder) as second:
            told = says(second)
            assert told.startswith(f"{folder}: Snakemake (process {first.pid} on ")
            assert "run demo, since " in told
            assert told.endswith(" works here; waiting until it has ended")
            first.kill()
            assert says(second) == "False"  # it has to look again


def test_jobs_of_a_killed_workflow_are_waited_for(tmp_path: Path) -> None:
    with process(AS_JOB, tmp_path) as one, process(AS_JOB, tmp_path) as other:
        assert {says(one), says(other)} == {"works"}  # side by side
        with process(AS_WORKFLOW, tmp_path) as following:
            one.kill()
            assert "jobs of a Snakemake that was killed still work here" in says(following)
            other.kill()
            assert says(following) == "False"


def test_a_file_system_without_locks_is_told_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("leukorepro.core.sharing.alone.fcntl.flock", no_locks)
    told: list[str] = []
    assert hold(tmp_path, "demo", told.append)
    assert all("no locks on this file system (Operation not supported)" in line for line in told)
    assert {file.name for file in tmp_path.iterdir()} == {WORKFLOW, JOBS}
