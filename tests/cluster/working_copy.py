"""A copy of the project in which Snakemake runs jobs here or on a test's cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from one_node_slurm import Cluster

from leukorepro.core.sharing.alone import JOBS, WORKFLOW

HERE = Path(__file__).resolve().parent
CPUS = 2
DATASET = "config/datasets/cluster_test.yaml"
RUN = "config/runs/cluster_test.yaml"
MANIFEST = "results/datasets/cluster_test-demo/manifest.csv"
METRICS = "results/cluster_test/atteia2022/metrics.csv"
LOCAL = ["--workflow-profile", "profiles/default", "--cores", str(CPUS)]
# The node has two CPUs, and the bytes of a result may depend on the number of threads.
SLURM = ["--workflow-profile", "profiles/slurm", "--cores", str(CPUS)]


class WorkingCopy:
    """A copy of the snapshot, in which Snakemake runs with the copy's own code."""

    def __init__(self, snapshot: Path, folder: Path, cluster: Cluster, run: str = RUN) -> None:
        self.run = run
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
        command = ["setpriv", "--pdeathsig", "TERM", "snakemake", "--configfile", self.run, *arguments]
        with self.log.open("wb") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def snakemake(self, *arguments: str, seconds: float = 600) -> float:
        """Run Snakemake to its end and return the seconds that it took."""
        begin = time.monotonic()
        process = self.start(*arguments)
        try:
            status = process.wait(timeout=seconds)
        finally:
            process.kill()
        assert status == 0, f"snakemake {' '.join(arguments)}:\n{self.log.read_text()[-6000:]}"
        return time.monotonic() - begin

    def nothing_to_do(self, *arguments: str) -> bool:
        """Whether Snakemake finds everything made and recorded."""
        self.snakemake(*arguments, "--dry-run")
        return "Nothing to be done" in self.log.read_text()

    def results(self) -> dict[str, bytes]:
        """Content of every result file, except for how long its making took and who works here."""
        root = self.folder / "results"
        files = [f for f in sorted(root.rglob("*")) if f.is_file() and f.name not in (".gitkeep", WORKFLOW, JOBS)]
        return {str(f.relative_to(root)): f.read_bytes() for f in files if f.relative_to(root).parts[0] != "benchmarks"}
