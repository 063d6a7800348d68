"""The same files from real `sbatch` jobs as from a local run: `make test-cluster-small`."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from one_node_slurm import Cluster
from working_copy import MANIFEST, METRICS, SLURM, WorkingCopy

pytestmark = pytest.mark.cluster

SUBMITTED = (
    ("simulate_images", "scan_images"),
    ("make_splits",),
    ("extract_features",),
    ("fit", "classify", "evaluate"),
)
"""Rules of each submission, in the order of their submission; weights are got where Snakemake runs."""


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
    assert len(jobs) == len(SUBMITTED), "a group fell apart, or a rule became a job of its own"
    for job, rules in zip(jobs, SUBMITTED, strict=True):
        assert all(rule in job.what for rule in rules), f"{job.what}: not {rules}"
    assert not (copy.folder / "logs/slurm").exists(), "logs of jobs that succeeded are left"

    ours, theirs = copy.results(), local.results()
    assert list(ours) == list(theirs)
    different = [name for name in ours if ours[name] != theirs[name]]
    print(f"{len(ours) - len(different)} of {len(ours)} result files equal, byte for byte")
    for name, content in ours.items():
        print(f"  {'DIFFERENT' if name in different else 'equal':10} {len(content):>10,} bytes  {name}")
    assert not different
    assert copy.nothing_to_do(*SLURM, METRICS)


@pytest.mark.long
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
