"""`leukorepro config schema`: JSON schemas of the configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import folder_to_write


def schema(
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to fill.")] = Path(
        "config/schema"
    ),
) -> None:
    """Write the JSON schemas of the configuration files, which editors check them by.

    Example: `leukorepro config schema`
    """
    from leukorepro.config.schemas import SCHEMAS, json_schema
    from leukorepro.core.store import write_json

    for name in SCHEMAS:
        write_json(json_schema(name), output / f"{name}.json")
