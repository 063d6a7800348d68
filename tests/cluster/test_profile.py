"""The profiles fit the workflow and each other (no cluster needed): read by Snakemake's own parser."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser
from working_copy import RUN, SLURM

PROJECT = Path(__file__).resolve().parents[2]
KUBERNETES = "namespace cpu-scalar service-account-name privileged persistent-volumes omit-job-cleanup"
AWS_BATCH = "region job-queue job-role tags task-timeout"
GOOGLE_BATCH = """
    project region container docker-password docker-username machine-type labels image-family image-project work-tasks
    cpu-milli boot-disk-gb network subnetwork service-account boot-disk-type boot-disk-image work-tasks-per-node memory
    mount-path retry-count max-run-duration snippets
"""
PLUGINS = {
    "lsf": set(),
    "kubernetes": {f"kubernetes-{name}" for name in KUBERNETES.split()},
    "aws-batch": {f"aws-batch-{name}" for name in AWS_BATCH.split()},
    "googlebatch": {f"googlebatch-{name}" for name in GOOGLE_BATCH.split()},
}
"""Executors that the environment does not have, and their settings in the versions that the profiles name."""

PROFILES = sorted(folder.name for folder in (PROJECT / "profiles").iterdir())


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "profiles" / name / "config.yaml").read_text())


def read(name: str) -> Namespace:
    """A profile as Snakemake reads it; a key that it has not is an error, and so is one that its executor has not."""
    parser = get_argument_parser(profiles=[str(PROJECT / "profiles" / name)])
    (executor,) = [action for action in parser._actions if "--executor" in action.option_strings]
    if name in PLUGINS and name not in executor.choices:
        executor.choices = [*executor.choices, name]
        for setting in PLUGINS[name]:
            parser.add_argument(f"--{setting}")
    return parser.parse_args([])


def using_gpu() -> set[str]:
    """Rules that can use a GPU."""
    found = set()
    for file in (PROJECT / "workflow/rules").glob("*.smk"):
        for block in re.split(r"\n *rule ?", file.read_text())[1:]:  # one without a name is of no GPU's use
            if "gpu=" in block:
                found.add(block.partition(":")[0])
    return found


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_has_the_settings_of_the_default_one(name: str) -> None:
    default = profile("default")
    if name not in ("default", "workstation"):
        del default["nolock"]  # jobs elsewhere live on when Snakemake is killed: there the lock stays, as a reminder
    assert default.items() <= profile(name).items()
    assert f"profiles/{name} " in (PROJECT / f"profiles/{name}/config.yaml").read_text() or name == "default"


def told(page: str) -> list[str]:
    """Commands of a tutorial that start Snakemake."""
    return re.findall(
        r"^(?:docker run .* |apptainer exec \S+ )?snakemake (.*)$", (PROJECT / page).read_text(), re.MULTILINE
    )


@pytest.mark.parametrize("page", ["docs/cluster.md", "docs/tutorials/workstation.md"])
def test_the_tutorials_commands_are_those_that_snakemake_knows(page: str) -> None:
    commands = told(page)
    assert commands
    for command in commands:
        settings = get_argument_parser(profiles=[]).parse_args(command.split())
        profile = settings.workflow_profile
        assert profile is None or (PROJECT / profile / "config.yaml").is_file(), command
        assert not settings.targets, command


def test_the_cluster_is_tested_by_the_tutorials_commands() -> None:
    commands = told("docs/cluster.md")
    tested = f"--workflow-profile profiles/slurm --configfile {RUN}".replace(Path(RUN).stem, "NAME")
    assert SLURM[:2] == tested.split()[:2]
    assert {tested, f"{tested} --unlock"} <= set(commands)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_read_by_snakemake(name: str) -> None:
    settings = read(name)
    wanted = {"default": None, "workstation": None, "slurm-gpu": "slurm"}.get(name, name)
    assert settings.executor == wanted
    assert settings.logger == ["leukorepro"]
    assert not settings.keep_incomplete, "old results of a job that never began would be recorded as new ones"
    assert settings.retries == (0 if wanted is None else 2), "an attempt that asks for more"


def test_what_an_executor_has_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        get_argument_parser(profiles=[str(PROJECT / "profiles/lsf")]).parse_args(["--lsf-queue", "normal"])
    capsys.readouterr()


@pytest.mark.parametrize("name", PROFILES)
def test_rules_that_a_profile_names_are_there(name: str) -> None:
    text = "".join(file.read_text() for file in (PROJECT / "workflow/rules").glob("*.smk"))
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, flags=re.MULTILINE))
    settings = read(name)
    assert {*settings.set_resources, *settings.set_threads} <= rules


@pytest.mark.parametrize(("name", "gpus"), [("slurm", 0), ("slurm-gpu", 1)])
def test_slurm_profiles_say_of_every_rule_that_can_use_a_gpu_whether_it_does(name: str, gpus: int) -> None:
    rules = read(name).set_resources
    assert set(rules) == using_gpu() != set()
    assert {rule["gpu"].value for rule in rules.values()} == {gpus}


def test_slurm_profiles_differ_in_gpus_alone() -> None:
    cpu, gpu = profile("slurm"), profile("slurm-gpu")
    del cpu["set-resources"], gpu["set-resources"]
    assert cpu == gpu


def test_a_job_with_a_gpu_gets_more_memory_with_every_attempt() -> None:
    rest: dict[str, Any] = {"input": [], "threads": 1, "rulename": "", "async_run": None}
    for rule in read("slurm-gpu").set_resources.values():
        asked = [rule["mem_mb"].evaluate(None, attempt=attempt, **rest).value for attempt in (1, 2, 3)]
        assert asked == [asked[0], 2 * asked[0], 3 * asked[0]]


def test_a_workstation_shares_its_gpus_and_holds_nothing_else_back() -> None:
    settings = read("workstation")
    assert {name: limit.value for name, limit in settings.resources.items()} == {"gpu": 2}
    assert settings.executor is None
