"""`leukorepro config dvc`: stages for DVC."""

from __future__ import annotations

from pathlib import Path

from leukorepro.cli.options import (
    OutputOption,
    RunOption,
    tell_not_run,
)


def dvc(
    run_file: RunOption = Path("config/config.yaml"),
    output: OutputOption = Path("dvc.yaml"),
) -> None:
    """Write the stages by which `dvc repro` makes a run.

    Example: `leukorepro config dvc --run config/runs/published.yaml`
    """
    from leukorepro.core.store import write_text
    from leukorepro.run.dvc_stages import dvc_yaml
    from leukorepro.run.resolve import resolve as put_together

    resolved = put_together(run_file)
    tell_not_run(resolved)
    write_text(dvc_yaml(resolved, run_file), output)
