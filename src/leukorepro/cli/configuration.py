"""`leukorepro config`: resolve a run's configuration and write the JSON schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import OutputOption, RunOption, SetOption, pairs

app = typer.Typer(no_args_is_help=True, help="Resolve configurations and write their schemas.")


@app.command()
def resolve(
    run_file: RunOption,
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Put a run together with its studies and datasets, check it, and write the whole.

    Example: `leukorepro config resolve --run config/config.yaml --set budget=published --output config.json`
    """
    from leukorepro.plan import resolve as put_together
    from leukorepro.store import write_text

    resolved = put_together(run_file, pairs(override or [], "--set"))
    write_text(resolved.model_dump_json(indent=2) + "\n", output)


@app.command()
def schema(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")] = Path("config/schema"),
) -> None:
    """Write the JSON schemas of the configuration files, for editors and for review.

    Example: `leukorepro config schema`
    """
    from leukorepro.config import SCHEMAS, json_schema
    from leukorepro.store import write_json

    for name in SCHEMAS:
        write_json(json_schema(name), output / f"{name}.json")
