"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.core.words import Budget, Device

if TYPE_CHECKING:
    from rich.table import Table

READABLE = 120
"""Columns below which tables are cut into pieces; a pipe counts as 80."""

ConfigOption = Annotated[Path, typer.Option("--config", help="Resolved configuration, `results/<run>/config.json`.")]
RunOption = Annotated[Path, typer.Option("--run", help="Configuration of the run.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE for a top-level key of the run; may be given again.")
]
SpecOption = Annotated[
    Path, typer.Option("--spec", help="What the job is told: a file that a run wrote below `results/<run>/specs`.")
]
ManifestOption = Annotated[Path, typer.Option("--manifest", help="Manifest of the dataset.")]
FeaturesOption = Annotated[Path, typer.Option("--features", help="Feature file, plain or fused.")]
SplitsOption = Annotated[Path, typer.Option("--splits", help="Split table.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]
BudgetOption = Annotated[
    Budget, typer.Option("--budget", help="`demo`: few epochs and simulated images; `published`: as many as the paper.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="`auto` takes a GPU where there is one, and says so.")]
ValidityOption = Annotated[Path, typer.Option("--config", help="Configuration of the validity study.")]
SettingOption = Annotated[str, typer.Option("--setting", help="Name of the setting in the configuration.")]
PoolImagesOption = Annotated[Path, typer.Option("--images", help="Table of a population's images.")]
PoolFeaturesOption = Annotated[Path, typer.Option("--features", help="Features of a population's images.")]


def show(table: Table) -> None:
    """Print a table at the terminal's width, but no narrower than it can be read."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, READABLE)
    console.print(table)


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
