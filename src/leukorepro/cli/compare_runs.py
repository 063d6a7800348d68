"""`leukorepro compare-runs`: two finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import file_to_write, show
from leukorepro.cli.run_options import finished_run_to_read

_HELP = "Name of a finished run, such as `demo`, its YAML file, or `results/<run>/config.json`."


def compare_runs(
    first: Annotated[Path, typer.Argument(metavar="A", callback=finished_run_to_read, help=_HELP)],
    second: Annotated[Path, typer.Argument(metavar="B", callback=finished_run_to_read, help=_HELP)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", callback=file_to_write, help="CSV file for all metrics; default: none."),
    ] = None,
) -> None:
    """Show the items and rungs that two finished runs have in common side by side, with what sets the runs apart.

    A difference is B less A, with its interval. It is paired over the groups of images where the runs share images, and
    unpaired where they share none.

    Example: `leukorepro compare-runs demo results/own/config.json --output runs.csv`
    """
    from leukorepro.core.tables.results import RUN_COMPARISON_TABLE
    from leukorepro.report.run_comparison import Finished, apart_table, compare, numbers_table
    from leukorepro.run.resolved import load_finished
    from leukorepro.run.weights import as_far_as_known

    sides = []
    for name, path in (("first", first), ("second", second)):
        finished = Finished(load_finished(path, name), path.parent)
        sides.append(Finished(as_far_as_known(finished.run, finished.results), finished.folder))
    comparison = compare(*sides)
    show(apart_table(comparison))
    show(numbers_table(comparison))
    if output is not None:
        RUN_COMPARISON_TABLE.write(comparison.numbers, output)
        print(f"{output}: {len(comparison.numbers)} comparisons")
