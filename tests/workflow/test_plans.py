"""With every profile the workflow can be planned, and Snakemake gives jobs more at their next attempt."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from project_copy import ProjectCopy

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PROFILES = sorted(folder.name for folder in (ROOT / "profiles").iterdir())
INSTALLED = ("default", "workstation", "slurm", "slurm-gpu")
"""Profiles whose executor the environment has."""

LARGE = "config/runs/simulated.yaml"

ATTEMPTS = """
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    workflow = api.workflow(resource_settings=ResourceSettings(cores=2), snakefile=Path("Snakefile"))
    dag = workflow.dag()
    dag.execute_workflow(executor="dryrun")
    jobs = [job for job in dag.workflow_api._workflow.dag.jobs if job.benchmark]
    for job in jobs:
        first = job.resources
        job.attempt = 2
        assert job.resources["mem_mb"] > first["mem_mb"], job
        assert job.resources["runtime"] == 2 * first["runtime"], job
    print(len(jobs), "jobs ask for more")
"""


@pytest.fixture(scope="module")
def copy(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    return ProjectCopy(fresh, tmp_path_factory.mktemp("plans") / "project")


@pytest.mark.parametrize("name", PROFILES)
def test_a_run_can_be_planned(name: str, copy: ProjectCopy) -> None:
    """Without their executor's own settings where that is not installed."""
    file = copy.folder / f"profiles/{name}/config.yaml"
    settings = yaml.safe_load(file.read_text())
    if name not in INSTALLED:
        executor = settings.pop("executor")
        settings = {key: value for key, value in settings.items() if not key.startswith(f"{executor}-")}
        file.write_text(yaml.safe_dump(settings))
    text = copy.run("snakemake", "--dry-run", "--workflow-profile", f"profiles/{name}")
    assert "The whole run: 78 jobs" in text
    assert "This was a dry-run" in text


def test_every_job_asks_for_more_at_its_second_attempt(copy: ProjectCopy) -> None:
    assert "77 jobs ask for more" in copy.run(sys.executable, "-c", ATTEMPTS)


def test_a_long_run_that_starts_measures_the_machine_and_a_dry_run_does_not(copy: ProjectCopy) -> None:
    """Once: what it was measured at is kept."""
    known = copy.folder / "results/benchmarks/machine.json"
    target = [*("snakemake", "--cores", "1", "results/audit/atteia2022.json"), *("--configfile", LARGE)]
    with copy.edited(LARGE, "budget: demo", "budget: published"):
        (planned,) = wholes(copy.run(*target, "--dry-run"))
        assert "if this machine is as fast" in planned
        assert not known.exists()
        first, again = wholes(copy.run(*target))
        assert first == planned
        assert "if this machine is as fast" not in again
        assert known.exists()
        assert wholes(copy.run(*target, "--force")) == [again]


def wholes(text: str) -> list[str]:
    """What was told of the whole run."""
    return [line for line in text.splitlines() if line.startswith("The whole run: ")]
