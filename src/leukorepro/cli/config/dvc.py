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
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Write no stages; keep what Snakemake knows of its results beside them, as the last stage does.",
        ),
    ] = False,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore",
            help="Write no stages; pull the results of the run that they are of, compare them with `dvc.lock`, and "
            "give Snakemake what it knew of them, so that it makes nothing again.",
        ),
    ] = False,
) -> None:
    """Write the stages by which `dvc repro` makes a run.

    DVC removes the outputs of a stage before it runs it. Results that `snakemake` made by itself are therefore adopted
    first, which takes seconds: by `--adopt`, or by the first stage of `dvc repro`, which then asks to be started again.
    What was pushed elsewhere comes by `--restore` (`make restore`).

    Example: `leukorepro config dvc --run config/runs/published.yaml`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.dvc import adoption, records, restoring
    from leukorepro.run.dvc.stages import check_checkout, check_stages, dvc_yaml
    from leukorepro.run.resolve import resolve as put_together

    check_checkout()
    if restore:  # what the run needs may not be here yet
        _tell_restored(restoring.restore(output))
        return
    resolved = put_together(run_file)
    tell_not_run(resolved)
    if keep:
        records.keep(resolved, output)
    elif check or adopt:
        check_stages(resolved, run_file, output)
        if adopt:
            for name in adoption.adopt(resolved, output):
                print(f"Adopted: {name}")
        elif "DVC_STAGE" in os.environ:  # DVC is about to remove what it does not know
            adoption.adopt_or_go_on(resolved, output)
    else:
        write_text(dvc_yaml(resolved, run_file), output)


def _tell_restored(again: list[str]) -> None:
    print("Restored: every file is the one that was pushed.")
    if again:
        print(f"Made again by `snakemake`, since something is different here: {len(again)} files, such as {again[0]}.")
    else:
        print("Snakemake has nothing to do.")
