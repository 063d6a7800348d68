"""`leukorepro evaluate`: how good predictions are, and what becomes of the paper's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    RunOption,
    SetOption,
    StudyOption,
    resolve_study,
)


def evaluate(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
    run_file: RunOption,
    study: StudyOption,
    scan: Annotated[Path, typer.Option(help="What the scan of the dataset found, `scan.json`.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    audit: Annotated[Path, typer.Option(help="Audit of the paper's printed numbers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per rung.")
    ] = None,
    override: SetOption = None,
) -> None:
    """Compute every metric with its interval from the predictions, and give a verdict on every number of the paper.

    Writes `metrics.csv` and `verdicts.csv`.

    Example: `leukorepro evaluate results/demo/atteia2022/*/predictions.parquet --run config/config.yaml
    --study atteia2022 --scan results/datasets/allidb_simulated-demo/scan.json
    --published config/published/atteia2022.csv --audit results/audit/atteia2022.json
    --output results/demo/atteia2022`
    """
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json, write_csv
    from leukorepro.evaluation.evaluate import evaluate as run
    from leukorepro.evaluation.predictions import read_fitting, read_predictions
    from leukorepro.evaluation.verdicts import read_impossible

    resolved, chosen = resolve_study(run_file, override, study)
    judged = run(
        [read_predictions(table) for table in tables],
        chosen,
        read_published(published),
        read_impossible(audit, study),
        fitting=[read_fitting(table) for table in fitting or []],
        budget=resolved.budget,
        dataset_complete=read_json(scan)["complete"],
        seed=resolved.seed,
    )
    write_csv(judged.metrics, output / "metrics.csv")
    write_csv(judged.verdicts, output / "verdicts.csv")
    print(judged.verdicts["verdict"].value_counts().to_string())
