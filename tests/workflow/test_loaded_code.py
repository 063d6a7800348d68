"""What the commands of a run load lies in the code that their digests are of."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import LOADED, TinyProject

from leukorepro.cli.app import GROUPS
from leukorepro.core.code import Package, command_module

pytestmark = pytest.mark.slow

ROOT = "import sys, leukorepro.cli.app; print(*(name for name in sys.modules if name.startswith('leukorepro')))"
"""Prints what starting the command line loads, whatever the command."""


def test_commands_load_what_their_code_says(finished: TinyProject) -> None:
    starting = subprocess.run([sys.executable, "-c", ROOT], capture_output=True, text=True, check=True)
    started = set(starting.stdout.split())
    package = Package(finished.folder / "src/leukorepro")
    seen = set()
    for file in (finished.folder / LOADED).iterdir():
        told = json.loads(file.read_text())
        command = " ".join(told["words"][: 2 if told["words"][0] in GROUPS else 1])
        closure = package.closure(command_module(command))
        loaded = {package.modules[module] for module in told["modules"] if module not in started}
        assert loaded <= closure, f"{command}: {sorted(loaded - closure)}"
        seen.add(command)
    assert {"data scan", "features extract", "models fit", "evaluate", "judge", "report build"} <= seen
