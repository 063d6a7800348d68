"""The demonstration through `sbatch`, and what a cluster does to jobs: called by a person, `make test-cluster`.

A drained node, a cancelled job and one that runs out of time end in the files of an unbroken run, by the same command.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from one_node_slurm import Cluster
from project_copy import TIMED
from working_copy import LOCAL, METRICS, SLURM, WorkingCopy

pytestmark = [pytest.mark.cluster, pytest.mark.long]

MOST_SUBMISSIONS = 40
SUFFIXES = (".csv", ".h5", ".parquet", ".json", ".safetensors")
DEMO = "config/config.yaml"


def contents(copy: WorkingCopy) -> dict[str, str]:
    """SHA-256 of every result but the report, which is written from them; without how long their making took."""
    root = copy.folder / "results"
    found = {}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if file.suffix in SUFFIXES and name.parts[0] != "benchmarks" and not {*TIMED, "report"} & set(name.parts):
            found[name.as_posix()] = hashlib.sha256(_without_seconds(file)).hexdigest()
    return found


def _without_seconds(file: Path) -> bytes:
    """A file's bytes; of a table of epochs those of its other columns."""
    if file.name != "epochs.csv":
        return file.read_bytes()
    return pd.read_csv(file, dtype=str).drop(columns="seconds").to_csv().encode()


def wait_for(condition: Callable[[], object], running: subprocess.Popen[bytes], seconds: float = 600) -> None:
    """Until something is so, as long as Snakemake runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def states(cluster: Cluster, before: int) -> list[str]:
    """Of the jobs since then, in the order of their submission."""
    return [job.state for job in cluster.jobs()[before:]]


def test_the_demonstration_gives_the_files_of_a_local_run(
    cluster: Cluster, snapshot: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = len(cluster.jobs())
    there = WorkingCopy(snapshot, tmp_path_factory.mktemp("there"), cluster, DEMO)
    print(f"\ncluster run: {there.snakemake(*SLURM, seconds=7200):.0f} s, {len(cluster.jobs()) - before} submissions")
    assert set(states(cluster, before)) == {"COMPLETED"}
    assert len(cluster.jobs()) - before <= MOST_SUBMISSIONS

    here = WorkingCopy(snapshot, tmp_path_factory.mktemp("here"), cluster, DEMO)
    print(f"local run: {here.snakemake(*LOCAL, seconds=7200):.0f} s")
    ours, theirs = contents(there), contents(here)
    assert list(ours) == list(theirs)
    assert not [name for name in ours if ours[name] != theirs[name]]
    print(f"{len(ours)} result files equal, byte for byte")


def test_what_a_cluster_does_to_jobs_ends_in_the_same_files(
    cluster: Cluster,
    snapshot: Path,
    local: WorkingCopy,
    tmp_path: Path,
) -> None:
    """All three in one run: its first job is cancelled, its node is drained for a while, and an extraction freezes."""
    before = len(cluster.jobs())
    copy = WorkingCopy(snapshot, tmp_path, cluster)
    minutes = "2 if attempt == 1 else 30"
    running = copy.start(
        *SLURM, METRICS, "--set-resources", f"extract_features:runtime={minutes}", "extract_features:gpu=0"
    )
    node = cluster.ask("sinfo", "--noheader", "--format=%n").strip()
    try:
        wait_for(lambda: states(cluster, before) == ["RUNNING"], running)
        cluster.ask("scancel", str(cluster.jobs()[before].number))
        wait_for(lambda: "RUNNING" in states(cluster, before)[1:], running)
        cluster.ask("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        wait_for(lambda: states(cluster, before)[1] == "COMPLETED" and "PENDING" in states(cluster, before), running)
        cluster.ask("scontrol", "update", f"nodename={node}", "state=resume")
        wait_for(lambda: _frozen(cluster), running)
        assert running.wait(timeout=1800) == 0, copy.log.read_text()[-6000:]
    finally:
        running.kill()
        running.wait()
    ended = states(cluster, before)
    print(f"\nstates: {', '.join(ended)}")
    assert ended[0] == "CANCELLED"
    assert ended.count("TIMEOUT") == 1
    assert set(ended) == {"CANCELLED", "TIMEOUT", "COMPLETED"}
    ours, theirs = copy.results(), local.results()
    assert list(ours) == list(theirs)
    assert not [name for name in ours if ours[name] != theirs[name]]


def _frozen(cluster: Cluster) -> bool:
    """Stop the first extraction that is seen, so that its minute runs out."""
    for process in cluster.processes():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if command[2:4] == ["features", "extract"]:
            process.send_signal(signal.SIGSTOP)
            return True
    return False
