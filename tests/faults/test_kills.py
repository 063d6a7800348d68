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
from small_run import TARGET, Unbroken, command, files_of, small, unbroken

__all__ = ["small", "unbroken"]  # fixtures

SEED = 17
RUNS, KILLS = 5, 10
"""Runs, and kills that each is given."""


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


@pytest.mark.parametrize(
    ("kills", "seed"),
    [
        pytest.param(2, SEED, marks=pytest.mark.slow),
        *(pytest.param(KILLS, SEED + number, marks=pytest.mark.faults) for number in range(RUNS)),
    ],
)
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_files(
    small: Path, unbroken: Unbroken, tmp_path: Path, kills: int, seed: int
) -> None:
    draw, began = random.Random(seed), time.monotonic()
    project = ProjectCopy(small, tmp_path / "project")
    done: Counter[str] = Counter()
    finished = 0
    while done.total() < kills:
        whom = draw.choice(["Snakemake alone", "a job alone", "both"])
        with project.started(*command()) as process:
            moment = time.monotonic() + draw.uniform(0, unbroken.seconds / 2)  # less is left from kill to kill
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
                process.wait(timeout=900)  # where a job alone was killed, Snakemake tells it and ends
        if (project.folder / TARGET).is_file():  # what is left are moments after the last job: begin anew
            project.run(*command())
            assert files_of(project) == unbroken.files
            project.run("rm", "-rf", "results", "data/simulated")
            finished += 1
    project.run(*command())
    print(f"{dict(done)}, {finished} runs that were complete before the last kill, {time.monotonic() - began:.0f} s")
    assert files_of(project) == unbroken.files
    assert "Not as they were written: 0." in project.run("leukorepro", "verify")
    assert not [file for file in (project.folder / "results").rglob(".*") if file.name.endswith((".tmp", ".partial"))]
