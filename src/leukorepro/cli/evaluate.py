"""`leukorepro evaluate`: how good predictions are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    OutputOption,
    RunOption,
    SetOption,
    StudyOption,
    resolve_study,
)


def evaluate(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per protocol.")],
    run_file: RunOption,
    study: StudyOption,
    scan: Annotated[Path, typer.Option(help="What the scan of the dataset found, `scan.json`.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    output: OutputOption,
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per protocol.")
    ] = None,
    override: SetOption = None,
) -> None:
    """Compute every metric with its interval from the predictions, beside the published value.

    Example: `leukorepro evaluate results/demo/atteia2022/*/predictions.parquet --run config/config.yaml
    --study atteia2022 --scan results/datasets/allidb_simulated-demo/scan.json
    --published config/published/atteia2022.csv --output metrics.csv`
    """
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json, write_csv
    from leukorepro.evaluation import comparison
    from leukorepro.evaluation.predictions import read_fitting, read_predictions

    resolved, chosen = resolve_study(run_file, override, study)
    metrics = comparison.evaluate(
        [read_predictions(table) for table in tables],
        chosen,
        read_published(published),
        fitting=[read_fitting(table) for table in fitting or []],
        budget=resolved.budget,
        dataset_complete=read_json(scan)["complete"],
        seed=resolved.seed,
    )
    write_csv(metrics, output)
