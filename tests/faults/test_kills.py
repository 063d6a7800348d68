"""SIGKILL at random moments: Snakemake alone, a job alone, or both; the same command then ends in the same files."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from project_copy import ProjectCopy
from small_run import COMMAND, TARGET, files_of, small_project

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("KILLS", "50"))
A_RUN = 10
"""Kills that one run is given."""
SEED = 17


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("small") / "project")


def kill(snakemake: psutil.Process, whom: str) -> bool:
    """Kill processes with no chance to clean up; whether there was one."""
    jobs = [
        child
        for child in snakemake.children(recursive=True)
        if child.is_running() and any(word.endswith("/leukorepro") for word in child.cmdline()[:3])
    ]
    if whom == "a job alone" and not jobs:
        return False
    if whom == "both":
        os.killpg(snakemake.pid, signal.SIGKILL)
        return True
    (snakemake if whom == "Snakemake alone" else jobs[0]).kill()
    return True


@pytest.mark.parametrize("number", range(-(-KILLS // A_RUN)))
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_files(small: Path, tmp_path: Path, number: int) -> None:
    draw = random.Random(SEED + number)
    unbroken = ProjectCopy(small, tmp_path / "unbroken")
    began = time.monotonic()
    unbroken.run(*COMMAND)
    length = time.monotonic() - began

    project = ProjectCopy(small, tmp_path / "project")
    done: Counter[str] = Counter()
    finished = 0
    while done.total() < A_RUN:
        whom = draw.choice(["Snakemake alone", "a job alone", "both"])
        with project.started(*COMMAND) as process:
            moment = time.monotonic() + draw.uniform(0, length)
            snakemake = psutil.Process(process.pid)
            while time.monotonic() < moment and process.poll() is None:
                time.sleep(0.01)
            killed = False
            while not killed and process.poll() is None:
                with suppress(psutil.NoSuchProcess):  # it ended by itself at that moment
                    killed = kill(snakemake, whom)
                time.sleep(0.01)
            if killed:
                done[whom] += 1
                process.wait(timeout=300)  # where a job alone was killed, Snakemake tells it and ends
        if (project.folder / TARGET).is_file():  # what is left are moments after the last job: begin anew
            project.run(*COMMAND)
            assert files_of(project) == files_of(unbroken)
            project.run("rm", "-rf", "results", "data/simulated")
            finished += 1
    project.run(*COMMAND)
    print(f"{dict(done)}, {finished} runs that were complete before the last kill, {time.monotonic() - began:.0f} s")
    assert files_of(project) == files_of(unbroken)
    assert "Not as they were written: 0." in project.run("leukorepro", "verify")
    assert not [file for file in (project.folder / "results").rglob(".*") if file.name.endswith((".tmp", ".partial"))]
