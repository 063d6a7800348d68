"""A run that is killed twice ends in the bytes of an unbroken one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import TinyProject

pytestmark = pytest.mark.slow

FEATURES = "mobilenet_v2-gap-random-224.h5"
ROW_BYTES = 1280 * 4
IMAGES, VIEWS = 48, 3


def kill_when(project: TinyProject, condition: Callable[[], bool]) -> None:
    """Start the run and kill all its processes, with no chance to clean up, as soon as the condition holds."""
    with project.started(*project.command()) as process:
        deadline = time.monotonic() + 300
        while not condition():
            assert process.poll() is None, f"ended before it could be killed:\n{project.output.read_text()[-6000:]}"
            assert time.monotonic() < deadline, "waited in vain for the moment to kill it"
            time.sleep(0.002)
    left = []
    for other in psutil.process_iter(["cwd", "status"]):
        if other.info["cwd"] == str(project.folder) and other.info["status"] != psutil.STATUS_ZOMBIE:
            left.append(other)
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive, "jobs outlived the kill of their group"


def size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def test_a_killed_run_is_continued_and_ends_in_the_same_bytes(
    finished: TinyProject, new_copy: Callable[[], TinyProject]
) -> None:
    project = new_copy()
    results, logs = project.folder / "results", project.folder / "logs"

    # In the middle of the images: some batches are finished, others are not.
    features = results / "features/tiny-demo" / FEATURES
    rows = features.with_name(f".{FEATURES}.partial") / "rows"
    kill_when(project, lambda: size(rows) > 0)
    assert not features.exists()
    done = size(rows) // (VIEWS * ROW_BYTES)
    assert 0 < done < IMAGES

    # In the middle of the autoencoder: a fold is fitted, the next one is begun.
    reducer = results / "tiny/tiny/fit_in_fold/reducers/three_folds/both-encoder.h5"
    log = logs / "fit_reducer/tiny/tiny/fit_in_fold/three_folds/both-encoder.txt"
    kill_when(project, lambda: log.is_file() and len(re.findall(r"autoencoder: +0%", log.read_text())) > 1)
    assert not reducer.exists()
    assert features.is_file()
    told = (logs / "extract_features/tiny-demo" / features.with_suffix(".txt").name).read_text()
    assert f"continuing after {done} of {IMAGES} images" in told

    project.snakemake()
    kinds = (".h5", ".parquet", ".csv", ".json")
    ours, unbroken = project.results(*kinds), finished.results(*kinds)
    assert {Path(name).suffix for name in unbroken} == set(kinds)
    assert list(ours) == list(unbroken)
    assert [name for name in ours if ours[name] != unbroken[name]] == []
    assert [f for f in results.rglob(".*") if f.name.endswith((".tmp", ".partial"))] == []
    assert "Nothing to be done" in project.snakemake()
