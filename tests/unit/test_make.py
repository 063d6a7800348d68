"""`make` in folders as people have them: what it can work in, and what it refuses before it installs anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOL = """#!/bin/sh
# Stands for Python, and for the tools that it installs.
echo "$0 $*" >> calls
case "$*" in "-m venv "*)
    mkdir -p "$3/bin"
    for name in python uv snakemake leukorepro; do cp "$0" "$3/bin/$name"; done
esac
"""


def make(root: Path, folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    shutil.copy(root / "Makefile", folder)
    for name in ("pyproject.toml", "requirements.lock"):
        (folder / name).touch()
    (folder / "python").write_text(TOOL)
    (folder / "python").chmod(0o755)
    # What a make that runs these tests says to those below it is not for this one.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    command = ["make", "PYTHON=./python", *targets]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["my project", 'it\'s $HOME, #1 (50 %) `x` & "y" [ü];*\\'])
def test_a_path_of_any_form_serves(root: Path, tmp_path: Path, name: str) -> None:
    done = make(root, tmp_path / name, "demo")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / name / "calls").read_text().splitlines()
    assert calls[1] == "./python -m venv .venv"
    assert any(call.startswith(".venv/bin/uv pip install") for call in calls)
    tools = f"{tmp_path / name}/.venv/bin"
    assert calls[-2:] == [
        f"{tools}/snakemake --cores all",
        f"{tools}/leukorepro report summary --run demo",
    ]


@pytest.mark.parametrize("name", ["12:30", "{new}", "a}"])
def test_what_no_tool_can_work_in_is_refused_first(root: Path, tmp_path: Path, name: str) -> None:
    done = make(root, tmp_path / name, "demo")
    assert done.returncode == 2
    assert done.stdout == ""
    sign = next(sign for sign in ":{}" if sign in name)
    (line,) = done.stderr.splitlines()
    assert line.endswith(
        f"Nothing works in a folder whose path has a '{sign}': move or rename {tmp_path / name}.  Stop."
    )
    assert not (tmp_path / name / "calls").exists()
