"""`leukorepro config dvc`: stages for DVC."""

from __future__ import annotations

import os
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
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="Write nothing; have DVC take the results that Snakemake made, where they are up to date."
        ),
    ] = False,
) -> None:
    """Write the stages by which `dvc repro` makes a run.

    DVC removes the outputs of a stage before it runs it. Results that `snakemake` made by itself are therefore adopted
    first, which takes seconds: by `--adopt`, or by the first stage of `dvc repro`, which then asks to be started again.

    Example: `leukorepro config dvc --run config/runs/published.yaml`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.dvc import adoption
    from leukorepro.run.dvc.stages import check_checkout, check_stages, dvc_yaml
    from leukorepro.run.resolve import resolve as put_together

    check_checkout()
    resolved = put_together(run_file)
    tell_not_run(resolved)
    if check or adopt:
        check_stages(resolved, run_file, output)
        if adopt:
            for name in adoption.adopt(output):
                print(f"Adopted: {name}")
        elif "DVC_STAGE" in os.environ:  # DVC is about to remove what it does not know
            adoption.adopt_or_go_on(output)
        return
    write_text(dvc_yaml(resolved, run_file), output)
