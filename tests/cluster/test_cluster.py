"""The same files from real `sbatch` jobs as from a local run: `make test-cluster`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_packages import Unavailable
from one_node_slurm import Cluster, install_slurm, one_node_cluster
from project_copy import snapshot as take_snapshot

pytestmark = pytest.mark.cluster

HERE = Path(__file__).resolve().parent
CPUS = 2
DATASET = "config/datasets/cluster_test.yaml"
RUN = "config/runs/cluster_test.yaml"
MANIFEST = "results/datasets/cluster_test-demo/manifest.csv"
METRICS = "results/cluster_test/atteia2022/metrics.csv"
LOCAL = ["--workflow-profile", "profiles/default", "--cores", str(CPUS)]
# The node has two CPUs, and the bytes of a result may depend on the number of threads.
SLURM = ["--workflow-profile", "profiles/slurm", "--max-threads", str(CPUS)]


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if request.config.getoption("markexpr") != "cluster":
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


class WorkingCopy:
    """A copy of the snapshot, in which Snakemake runs with the copy's own code."""

    def __init__(self, snapshot: Path, folder: Path, cluster: Cluster) -> None:
        self.folder = folder / "project"
        self.log = folder / "snakemake.txt"
        shutil.copytree(snapshot, self.folder)
        scripts = Path(sys.executable).parent
        self.environment = {
            **cluster.environment,
            "PATH": f"{scripts}{os.pathsep}{cluster.environment['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake."""
        command = ["setpriv", "--pdeathsig", "TERM", "snakemake", "--configfile", RUN, *arguments]
        with self.log.open("wb") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def snakemake(self, *arguments: str) -> float:
        """Run Snakemake to its end and return the seconds that it took."""
        begin = time.monotonic()
        process = self.start(*arguments)
        try:
            status = process.wait(timeout=600)
        finally:
            process.kill()
        assert status == 0, f"snakemake {' '.join(arguments)}:\n{self.log.read_text()[-6000:]}"
        return time.monotonic() - begin

    def nothing_to_do(self, *arguments: str) -> bool:
        """Whether Snakemake finds everything made and recorded."""
        self.snakemake(*arguments, "--dry-run")
        return "Nothing to be done" in self.log.read_text()

    def results(self) -> dict[str, bytes]:
        """Content of every result file, except for how long its making took."""
        root = self.folder / "results"
        files = [f for f in sorted(root.rglob("*")) if f.is_file() and f.name != ".gitkeep"]
        return {str(f.relative_to(root)): f.read_bytes() for f in files if f.relative_to(root).parts[0] != "benchmarks"}


@pytest.fixture(scope="module")
def local(cluster: Cluster, snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    copy = WorkingCopy(snapshot, tmp_path_factory.mktemp("local"), cluster)
    print(f"\nlocal run: {copy.snakemake(*LOCAL, METRICS):.0f} s")
    return copy


def test_jobs_of_a_cluster_give_the_files_of_a_local_run(
    cluster: Cluster, snapshot: Path, local: WorkingCopy, tmp_path: Path
) -> None:
    before = len(cluster.jobs())
    copy = WorkingCopy(snapshot, tmp_path, cluster)
    seconds = copy.snakemake(*SLURM, METRICS)
    jobs = cluster.jobs()[before:]

    print(f"\ncluster run: {seconds:.0f} s, {len(jobs)} jobs by sbatch")
    for job in jobs:
        print(f"  {job.number:4}  {job.state:10} {job.time:>6}  {job.what}")
    assert {job.state for job in jobs} == {"COMPLETED"}
    (steps,) = map(int, re.findall(r"(\d+) jobs? to run$", copy.log.read_text(), flags=re.MULTILINE))
    assert len(jobs) == steps - 1, "another rule than that which gets weights did not become a job of the cluster"
    assert not (copy.folder / "logs/slurm").exists(), "logs of jobs that succeeded are left"

    ours, theirs = copy.results(), local.results()
    assert list(ours) == list(theirs)
    different = [name for name in ours if ours[name] != theirs[name]]
    print(f"{len(ours) - len(different)} of {len(ours)} result files equal, byte for byte")
    for name, content in ours.items():
        print(f"  {'DIFFERENT' if name in different else 'equal':10} {len(content):>10,} bytes  {name}")
    assert not different
    assert copy.nothing_to_do(*SLURM, METRICS)


def test_a_killed_snakemake_is_recovered_as_documented(
    cluster: Cluster, snapshot: Path, local: WorkingCopy, tmp_path: Path
) -> None:
    before = len(cluster.jobs())
    copy = WorkingCopy(snapshot, tmp_path, cluster)
    killed = copy.start(*SLURM, MANIFEST)
    while len(cluster.jobs()) == before and killed.poll() is None:
        time.sleep(0.1)
    killed.kill()
    killed.wait()
    assert [job.state for job in cluster.jobs()[before:]] in (["PENDING"], ["RUNNING"])

    (run,) = re.findall(r"^SLURM run ID: (\S+)$", copy.log.read_text(), flags=re.MULTILINE)
    cluster.ask("scancel", f"--name={run}")
    copy.snakemake(*SLURM, MANIFEST, "--unlock")
    copy.snakemake(*SLURM, MANIFEST)

    states = [job.state for job in cluster.jobs()[before:]]
    assert states[0] == "CANCELLED"
    assert set(states[1:]) == {"COMPLETED"}
    ours, theirs = copy.results(), local.results()
    assert Path(MANIFEST).relative_to("results").as_posix() in ours
    assert not [name for name in ours if ours[name] != theirs[name]]
    print(f"\nkilled and recovered: {len(states)} jobs, {len(ours)} result files equal")
