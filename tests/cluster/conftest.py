"""A cluster for the tests of a file, and what they compare with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_packages import Unavailable
from one_node_slurm import Cluster, install_slurm, one_node_cluster
from project_copy import snapshot as take_snapshot
from working_copy import CPUS, DATASET, HERE, LOCAL, METRICS, RUN, WorkingCopy


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if not request.config.getoption("markexpr").startswith("cluster"):
        pytest.skip("installs packages and starts daemons; only when asked for: make test-cluster")
    try:
        install_slurm()
        with one_node_cluster(CPUS) as cluster:
            assert all(address.startswith("127.") for address in cluster.listening())
            yield cluster
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files with this test's run and dataset, as they are now: edits do not disturb the test."""
    folder = take_snapshot(tmp_path_factory.mktemp("snapshot"))
    for name, source in {DATASET: HERE / "dataset.yaml", RUN: HERE / "run.yaml"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def local(cluster: Cluster, snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    copy = WorkingCopy(snapshot, tmp_path_factory.mktemp("local"), cluster)
    print(f"\nlocal run: {copy.snakemake(*LOCAL, METRICS):.0f} s")
    return copy
