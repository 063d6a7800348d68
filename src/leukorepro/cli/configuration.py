"""`leukorepro config`: resolve a run's configuration; write the JSON schemas and DVC's stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import OutputOption, RunOption, SetOption, pairs

app = typer.Typer(no_args_is_help=True, help="Resolve configurations; write their schemas and DVC's stages.")


@app.command()
def resolve(
    run_file: RunOption,
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Put a run together with its studies and datasets, check it, and write the whole.

    Example: `leukorepro config resolve --run config/config.yaml --set budget=published --output config.json`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.resolve import resolve as put_together

    resolved = put_together(run_file, pairs(override or [], "--set"))
    write_text(resolved.model_dump_json(indent=2) + "\n", output)


@app.command()
def schema(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")] = Path("config/schema"),
) -> None:
    """Write the JSON schemas of the configuration files, for editors and for review.

    Example: `leukorepro config schema`
    """
    from leukorepro.config.files import SCHEMAS, json_schema
    from leukorepro.core.store import write_json

    for name in SCHEMAS:
        write_json(json_schema(name), output / f"{name}.json")


@app.command()
def dvc(
    run_file: RunOption = Path("config/config.yaml"),
    output: OutputOption = Path("dvc.yaml"),
) -> None:
    """Write the stages with which DVC makes a run.

    Example: `leukorepro config dvc --run config/runs/published.yaml`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.dvc_stages import dvc_yaml
    from leukorepro.run.resolve import resolve as put_together

    write_text(dvc_yaml(put_together(run_file), run_file), output)
