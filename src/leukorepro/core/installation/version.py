"""Version and commit of what runs."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from leukorepro.core.installation.files import INSIDE, PACKAGE, SNAKEFILE

RECORD = "COMMIT"
"""File that a wheel and a source archive keep the commit in that they were built from."""


def code() -> str:
    """Version of leukorepro, and the commit where it is known."""
    found = commit()
    return f"leukorepro {version('leukorepro')}" + (f", commit {found}" if found else ", no commit known")


def commit(package: Path = PACKAGE) -> str:
    """Commit that the package is of, marked where files had been changed since; empty where nothing says it.

    Parameters
    ----------
    package : Path
        Its folder: as a wheel holds it, or in a checkout or a source archive. One that is installed into a folder of
        somebody else's checkout is no part of it.
    """
    inside, around = package / INSIDE / RECORD, package.parents[1] / RECORD
    if inside.is_file():
        return inside.read_text(encoding="utf-8").strip()
    if ask_git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        unpacked = (around.parent / SNAKEFILE).is_file() and around.is_file()  # a source archive
        return around.read_text(encoding="utf-8").strip() if unpacked else ""
    # Tags would be told in the commit's place.
    told = ask_git(package, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return (told or "").replace("-dirty", " with changes")


def ask_git(folder: Path, *question: str) -> str | None:
    """What git answers in a folder; None where it has no answer, or there is no git."""
    try:
        asked = subprocess.run(["git", "-C", str(folder), *question], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return asked.stdout.strip()
