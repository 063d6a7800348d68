"""`leukorepro diagnose`: what predictions would mean for patients."""

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


def diagnose(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
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
