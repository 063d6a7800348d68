"""`leukorepro config resolve`: a run's configuration as a whole."""

from __future__ import annotations

from leukorepro.cli.options import (
    OutputOption,
    SetOption,
    pairs,
    tell_not_run,
)
from leukorepro.cli.run_options import RunOption


def resolve(
    run_file: RunOption,
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Check a run with its studies and datasets, and write all of it into one file.

    Example: `leukorepro config resolve --run config/config.yaml --set budget=published --output config.json`
    """
    from leukorepro.core.store import write_text
    from leukorepro.core.validation import parse_yaml
    from leukorepro.run.resolve import resolve as put_together

    changes = {key: parse_yaml(value, f"--set {key}") for key, value in pairs(override or [], "--set").items()}
    resolved = put_together(run_file, changes)
    tell_not_run(resolved)
    write_text(resolved.model_dump_json(indent=2) + "\n", output)
