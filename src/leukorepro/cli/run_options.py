"""Options that name a run; apart from others, since a job that is told its specification reads no configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from leukorepro.cli.options import file_to_read
from leukorepro.core.errors import UserError


def run_to_read(ctx: typer.Context, param: typer.CallbackParam, value: Path) -> Any:
    """The configuration of a run, by the run's name or as a file.

    Parameters
    ----------
    ctx, param : Context, CallbackParam
        The call and the option, as a callback of the command line gets them.
    value : Path
        Name of the run, or its file.
    """
    from leukorepro.config.run_files import run_file

    return _found(run_file, ctx, param, value)


def finished_run_to_read(ctx: typer.Context, param: typer.CallbackParam, value: Path) -> Any:
    """What a run has written of its configuration, by the run's name, its configuration or as a file.

    Parameters
    ----------
    ctx, param : Context, CallbackParam
        The call and the option, as a callback of the command line gets them.
    value : Path
        Name of the run, its configuration, or the file that it has written.
    """
    from leukorepro.run.resolved import finished_run

    return _found(finished_run, ctx, param, value)


def _found(find: Callable[[str], Path], ctx: typer.Context, param: typer.CallbackParam, value: Path | None) -> Any:
    if value is None:
        return None
    try:
        path = find(str(value))
    except UserError as error:
        raise UserError(f"{param.opts[0]}: {error}") from None
    return file_to_read(ctx, param, path)


RunOption = Annotated[
    Path, typer.Option("--run", callback=run_to_read, help="Name of the run, such as `demo`, or its YAML file.")
]
FinishedRunOption = Annotated[
    Path,
    typer.Option(
        "--run",
        callback=finished_run_to_read,
        help="Name of a finished run, such as `demo`, its YAML file, or `results/<run>/config.json`.",
    ),
]
