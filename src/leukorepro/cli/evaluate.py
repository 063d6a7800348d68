"""`leukorepro evaluate`: a study's predictions put together, and all that follows from them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption


def evaluate(
    spec: SpecOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the study, with its split tables.")],
    parts: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Predictions as the jobs wrote them; default: those that have been collected in the folder."
        ),
    ] = None,
) -> None:
    """Collect a study's predictions, and compute all that follows from them alone.

    Writes `<rung>/predictions.parquet` and `<rung>/fitting.parquet`; every metric with its interval (`measured.csv`);
    rungs and items compared on the same groups (`differences.csv`, `cell_level.csv`, `winners.csv`); what classifiers
    would mean for patients (`calibration.csv`, `reliability.csv`, `decision.csv`, `subjects.csv`, `diagnosis.csv`).

    Example: `leukorepro evaluate --spec results/demo/specs/evaluation/atteia2022-1f0c.json --output
    results/demo/atteia2022`
    """
    from leukorepro.core.tables.results import CELL_LEVEL_TABLE, DIFFERENCES_TABLE, MEASURED_TABLE, WINNERS_TABLE
    from leukorepro.data.split_tables import read_splits
    from leukorepro.evaluation import predictions as tables
    from leukorepro.evaluation.measure import measure
    from leukorepro.evaluation.outcomes import Outcomes
    from leukorepro.evaluation.patients.diagnose import diagnose
    from leukorepro.evaluation.resampling.cell_level import cell_level
    from leukorepro.evaluation.resampling.differences import differences
    from leukorepro.evaluation.resampling.winners import winners
    from leukorepro.run.specifications.evaluation import EvaluationSpecification
    from leukorepro.run.specifications.specification import read_specification

    told = read_specification(EvaluationSpecification, spec)
    rungs = {rung: output / rung for rung in told.study.protocols}
    if parts:
        rows, engines = [tables.read_part(part) for part in parts], tables.read_engines(parts)
        for rung, folder in rungs.items():
            collected = tables.collect([part[part["protocol"] == rung] for part in rows])
            tables.write_predictions(collected.predictions, folder / "predictions.parquet", engines)
            tables.write_fitting(collected.fitting, folder / "fitting.parquet")
        del rows
    tested = [tables.read_predictions(folder / "predictions.parquet") for folder in rungs.values()]
    fitted = [tables.read_fitting(folder / "fitting.parquet") for folder in rungs.values()]
    splits = {
        f"{rung}/{split}": read_splits(folder / "splits" / f"{split}.csv")
        for rung, folder in rungs.items()
        for split in told.splits
    }
    outcomes = Outcomes(told.study, tested, fitted, splits)
    MEASURED_TABLE.write(measure(outcomes, told.seed), output / "measured.csv")
    DIFFERENCES_TABLE.write(differences(outcomes, told.seed), output / "differences.csv")
    CELL_LEVEL_TABLE.write(cell_level(outcomes), output / "cell_level.csv")
    WINNERS_TABLE.write(winners(outcomes, told.seed), output / "winners.csv")
    diagnose(tested, told.study, told.seed).write(output)
