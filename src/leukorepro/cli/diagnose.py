"""`leukorepro diagnose`: what predictions would mean for patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption


def diagnose(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
    spec: SpecOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
) -> None:
    """Say what a study's classifiers would mean for patients: calibration, decision curves, diagnoses of subjects.

    Writes `calibration.csv`, `reliability.csv`, `decision.csv`, `subjects.csv` and `diagnosis.csv`.

    Example: `leukorepro diagnose results/demo/atteia2022/*/predictions.parquet
    --spec results/demo/specs/evaluation/atteia2022-1f0c.json --output results/demo/atteia2022`
    """
    from leukorepro.evaluation.patients import diagnose as patients
    from leukorepro.evaluation.predictions import read_predictions
    from leukorepro.run.specifications.evaluation import EvaluationSpecification
    from leukorepro.run.specifications.specification import read_specification

    told = read_specification(EvaluationSpecification, spec)
    patients.diagnose([read_predictions(table) for table in tables], told.study, told.seed).write(output)
