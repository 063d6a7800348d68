"""`leukorepro predictions collect`: predictions of a rung in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    OutputOption,
)
from leukorepro.ladder.rungs import Rung


def collect(
    parts: Annotated[list[Path], typer.Argument(help="Predictions on the feature sets, on all rungs.")],
    rung: Annotated[Rung, typer.Option("--rung", help="Rung of the leakage ladder.")],
    output: OutputOption,
    fitting: Annotated[Path, typer.Option(help="File to write, of training and validation rows; often none.")],
) -> None:
    """Put the predictions of a rung into one table, in one order; those of fitted rows beside it.

    Example: `leukorepro predictions collect GSet.parquet ISet.parquet --rung source_disjoint
    --output predictions.parquet --fitting fitting.parquet`
    """
    from leukorepro.evaluation import predictions as tables

    rows = [tables.read_part(part) for part in parts]
    collected = tables.collect([part[part["protocol"] == rung] for part in rows])
    tables.write_predictions(collected.predictions, output, tables.read_engines(parts))
    tables.write_fitting(collected.fitting, fitting)
