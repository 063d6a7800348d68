"""`leukorepro compare`, `diagnose` and `judge`: what follows from metrics and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import OutputOption, RunOption, SetOption, StudyOption, resolve_study


def compare(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per protocol.")],
    run_file: RunOption,
    study: StudyOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per protocol.")
    ] = None,
    override: SetOption = None,
) -> None:
    """Compare rungs with one another and items with the best one, each pair on the same groups.

    Writes `differences.csv`, `cell_level.csv` and `winners.csv`.

    Example: `leukorepro compare results/demo/atteia2022/*/predictions.parquet --run config/config.yaml
    --study atteia2022 --output results/demo/atteia2022`
    """
    from leukorepro.core.store import write_csv
    from leukorepro.evaluation.predictions import read_fitting, read_predictions
    from leukorepro.evaluation.resampling.cell_level import cell_level
    from leukorepro.evaluation.resampling.differences import differences
    from leukorepro.evaluation.resampling.winners import winners
    from leukorepro.evaluation.study_cells import StudyCells

    resolved, chosen = resolve_study(run_file, override, study)
    fitted = [read_fitting(table) for table in fitting or []]
    cells = StudyCells(chosen, [read_predictions(table) for table in tables], fitted)
    write_csv(differences(cells, resolved.seed), output / "differences.csv")
    write_csv(cell_level(cells), output / "cell_level.csv")
    write_csv(winners(cells, resolved.seed), output / "winners.csv")


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
    from leukorepro.evaluation.patients import diagnose as patients
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
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json, write_csv
    from leukorepro.evaluation import verdicts
    from leukorepro.report.numbers.tables import read_metrics

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
