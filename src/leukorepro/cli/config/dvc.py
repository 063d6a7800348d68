"""`leukorepro config dvc`: stages for DVC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    OutputOption,
    tell_not_run,
)
from leukorepro.cli.run_options import RunOption


def dvc(
    run_file: RunOption = Path("config/config.yaml"),
    output: OutputOption = Path("dvc.yaml"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the file must be written again.")
    ] = False,
) -> None:
    """Write the stages by which `dvc repro` makes a run.

    Example: `leukorepro config dvc --run config/runs/published.yaml`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.dvc_stages import check_stages, dvc_yaml
    from leukorepro.run.resolve import resolve as put_together

    resolved = put_together(run_file)
    tell_not_run(resolved)
    if check:
        check_stages(resolved, run_file, output)
        return
    write_text(dvc_yaml(resolved, run_file), output)
