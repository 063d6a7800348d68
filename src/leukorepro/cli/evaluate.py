"""`leukorepro evaluate`: how good predictions are, and what becomes of the paper's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption


def evaluate(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
    spec: SpecOption,
    scan: Annotated[Path, typer.Option(help="What the scan of the dataset found, `scan.json`.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    audit: Annotated[Path, typer.Option(help="Audit of the paper's printed numbers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per rung.")
    ] = None,
) -> None:
    """Compute every metric with its interval from the predictions, and give a verdict on every number of the paper.

    Writes `metrics.csv` and `verdicts.csv`.

    Example: `leukorepro evaluate results/demo/atteia2022/*/predictions.parquet
    --spec results/demo/specs/evaluation/atteia2022-1f0c.json --scan results/datasets/allidb_simulated-demo/scan.json
    --published config/published/atteia2022.csv --audit results/audit/atteia2022.json
    --output results/demo/atteia2022`
    """
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json
    from leukorepro.core.tables.results import METRICS_TABLE, VERDICTS_TABLE
    from leukorepro.evaluation.evaluate import evaluate as run
    from leukorepro.evaluation.predictions import read_fitting, read_predictions
    from leukorepro.evaluation.verdicts import read_impossible
    from leukorepro.run.specifications.evaluation import EvaluationSpecification
    from leukorepro.run.specifications.specification import read_specification

    told = read_specification(EvaluationSpecification, spec)
    judged = run(
        [read_predictions(table) for table in tables],
        told.study,
        read_published(published),
        read_impossible(audit, told.study.study.key),
        fitting=[read_fitting(table) for table in fitting or []],
        budget=told.budget,
        dataset_complete=read_json(scan)["complete"],
        seed=told.seed,
    )
    METRICS_TABLE.write(judged.metrics, output / "metrics.csv")
    VERDICTS_TABLE.write(judged.verdicts, output / "verdicts.csv")
    print(judged.verdicts["verdict"].value_counts().to_string())
