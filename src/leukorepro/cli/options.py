"""Options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.core.words import Budget, Device

if TYPE_CHECKING:
    from rich.table import Table

    from leukorepro.run.resolved import ResolvedRun

READABLE = 120
"""Columns below which tables are cut into pieces; a pipe counts as 80."""

ConfigOption = Annotated[
    Path, typer.Option("--config", help="Configuration that the run has written: `results/<run>/config.json`.")
]
RunOption = Annotated[Path, typer.Option("--run", help="YAML file of the run.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a top-level key of the run, as KEY=VALUE; repeat for more.")
]
SpecOption = Annotated[
    Path,
    typer.Option("--spec", help="Specification of the job: a file that the run has written to `results/<run>/specs`."),
]
ManifestOption = Annotated[
    Path, typer.Option("--manifest", help="Table of the images, as `leukorepro data scan` writes it.")
]
FeaturesOption = Annotated[Path, typer.Option("--features", help="Feature file, of one network or fused.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]
BudgetOption = Annotated[
    Budget,
    typer.Option(
        "--budget",
        help="`published`: the paper's, and ours where it is silent; `demo`: less, and labelled so.",
    ),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="`auto` uses a GPU if there is one, and says so.")]
ValidityOption = Annotated[Path, typer.Option("--config", help="Configuration of the validity study.")]
SettingOption = Annotated[str, typer.Option("--setting", help="Name of the setting in the configuration.")]
PoolImagesOption = Annotated[Path, typer.Option("--images", help="Table of the population's images.")]
PoolFeaturesOption = Annotated[Path, typer.Option("--features", help="Features of the population's images.")]


def show(table: Table) -> None:
    """Print a table at the terminal's width, but no narrower than it can be read."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, READABLE)
    console.print(table)


def tell_not_run(run: ResolvedRun) -> None:
    """Say on standard error what of a run cannot be run."""
    for line in run.not_run:
        print(line, file=sys.stderr)


def pairs(values: list[str], option: str) -> dict[str, str]:
    """Split `NAME=VALUE` arguments.

    Raises
    ------
    UserError
        If one has no ``=``, or a name is given twice.
    """
    from leukorepro.core.errors import UserError

    result: dict[str, str] = {}
    for value in values:
        name, separator, rest = value.partition("=")
        if not separator or not name or not rest:
            raise UserError(f"{option}: given '{value}'; expected NAME=VALUE.")
        if name in result:
            raise UserError(f"{option}: '{name}' is given twice; keep one.")
        result[name] = rest
    return result
