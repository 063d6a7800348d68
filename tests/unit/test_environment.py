"""The conda environment holds what requirements.lock pins."""

from __future__ import annotations

import runpy
from pathlib import Path

import yaml
from packaging.requirements import Requirement


def locked(root: Path) -> set[Requirement]:
    """Requirements of the lock, read by packaging from its unhashed lines."""
    lines = (root / "requirements.lock").read_text().splitlines()
    return {Requirement(line.removesuffix("\\").strip()) for line in lines if line and not line.startswith((" ", "#"))}


def test_conda_environment_equals_the_lock(root: Path) -> None:
    file = root / "envs" / "leukorepro.yaml"
    dependencies = yaml.safe_load(file.read_text())["dependencies"]
    assert {Requirement(line) for line in dependencies[-1]["pip"]} == locked(root)
    made = runpy.run_path(str(root / "envs" / "from_lock.py"))["environment"]
    assert file.read_text() == made((root / "requirements.lock").read_text())


def test_every_conda_file_that_a_rule_names_is_there(root: Path) -> None:
    named = (root / "workflow/rules/common.smk").read_text().partition('ENVIRONMENT = "')[2].partition('"')[0]
    assert (root / "workflow/rules" / named).resolve() == root / "envs" / "leukorepro.yaml"
