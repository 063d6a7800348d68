"""`leukorepro diagnose` and `judge`: what follows from metrics and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import OutputOption, RunOption, SetOption, StudyOption, resolve_study


def diagnose(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per protocol.")],
    run_file: RunOption,
    study: StudyOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    override: SetOption = None,
) -> None:
    """Say what a study's classifiers would mean for patients: calibration, decision curves, diagnoses of subjects.

    Writes `calibration.csv`, `reliability.csv`, `decision.csv`, `subjects.csv` and `diagnosis.csv`.

    Example: `leukorepro diagnose results/demo/atteia2022/*/predictions.parquet --run config/config.yaml
    --study atteia2022 --output results/demo/atteia2022`
    """
    from leukorepro.evaluation import patients
    from leukorepro.evaluation.predictions import read_predictions

    resolved, chosen = resolve_study(run_file, override, study)
    patients.diagnose([read_predictions(table) for table in tables], chosen, resolved.seed).write(output)


def judge(
    run_file: RunOption,
    study: StudyOption,
    metrics: Annotated[Path, typer.Option(help="The study's table of metrics.")],
    audit: Annotated[Path, typer.Option(help="Audit of the paper's printed numbers.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    scan: Annotated[Path, typer.Option(help="Summary of the dataset's scan.")],
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Give a verdict on every number that a paper prints, each with its reason.

    Example: `leukorepro judge --run config/config.yaml --study atteia2022 --metrics metrics.csv
    --audit results/audit/atteia2022.json --published config/published/atteia2022.csv --scan scan.json
    --output verdicts.csv`
    """
    from leukorepro.evaluation import verdicts
    from leukorepro.evaluation.published import read_published
    from leukorepro.report.tables import read_metrics
    from leukorepro.store import read_json, write_csv

    resolved, chosen = resolve_study(run_file, override, study)
    table = verdicts.judge(
        read_published(published),
        read_metrics(metrics),
        chosen,
        verdicts.read_impossible(audit, study),
        budget=resolved.budget,
        dataset_complete=read_json(scan)["complete"],
    )
    write_csv(table, output)
    print(table["verdict"].value_counts().to_string())
