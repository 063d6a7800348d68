"""What runs elsewhere after each change is what runs here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet


def test_the_parts_are_those_of_ci_run_on_every_python(root: Path) -> None:
    jobs = yaml.safe_load((root / ".github/workflows/ci.yml").read_text())["jobs"]
    ours = (root / ".ci/run").read_text()
    targets = [
        word
        for line in re.findall(r"^make (.+)", ours, re.MULTILINE)
        for word in line.split()
        if not word.startswith("-")
    ]
    made = re.findall(r"^([a-z-]+):.*##", (root / "Makefile").read_text(), re.MULTILINE)
    assert set(targets) <= set(made)
    matrix = jobs["part"]["strategy"]["matrix"]
    assert matrix["part"] == targets
    assert jobs["part"]["steps"][-1]["run"] == ".ci/run ${{ matrix.part }}"
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    allowed = SpecifierSet(project["requires-python"])
    assert matrix["python"] == [f"3.{minor}" for minor in range(20) if f"3.{minor}" in allowed]
