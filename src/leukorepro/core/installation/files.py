"""Where the project's own files lie: the workflow, and the configuration and profiles that a run starts from.

A wheel holds them inside the package (see `hatch_build.py`). An editable installation uses those of its checkout, so
that no second copy of them exists.
"""

from __future__ import annotations

from pathlib import Path

import leukorepro
from leukorepro.core.errors import UserError

PACKAGE = Path(leukorepro.__file__).parent

INSIDE = "project"
"""Folder of the package that holds the files in a wheel."""

SNAKEFILE = "Snakefile"


def own_files(package: Path = PACKAGE) -> Path:
    """Folder of the project's own files.

    Raises
    ------
    UserError
        If they are neither in the package nor in a checkout around it.
    """
    for folder in (package / INSIDE, package.parents[1]):
        if (folder / SNAKEFILE).is_file():
            return folder
    raise UserError(f"{package / INSIDE}: the workflow's files are not there; install leukorepro again.")


def how_to_install_again(package: Path = PACKAGE) -> str:
    """What puts every dependency in its place: in a checkout the Makefile, elsewhere the wheel."""
    if (package / INSIDE / SNAKEFILE).is_file():
        return "install leukorepro's wheel again"
    return "run `make env`"


def workflow_files() -> list[Path]:
    """The Snakefile, and the rules that it includes."""
    own = own_files()
    return [own / SNAKEFILE, *sorted((own / "workflow").rglob("*.smk"))]
