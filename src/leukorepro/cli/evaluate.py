"""`leukorepro evaluate`: a study's predictions put together, and all that follows from them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption, file_to_read, folder_to_write


def evaluate(
    spec: SpecOption,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", callback=folder_to_write, help="Folder of the study, with its split tables."),
    ],
    parts: Annotated[
        list[Path] | None,
        typer.Argument(
            callback=file_to_read,
            help="Predictions as the jobs wrote them; default: those that have been collected in the folder.",
        ),
    ] = None,
) -> None:
    """Collect a study's predictions, and compute all that follows from them alone.

    Writes `<rung>/predictions.parquet` and `<rung>/fitting.parquet`; every metric with its interval (`measured.csv`);
    rungs and items compared on the same groups (`differences.csv`, `cell_level.csv`, `winners.csv`); whether the
    paper's conclusions hold (`claims.csv`, `claim_comparisons.csv`); what classifiers would mean for patients
    (`calibration.csv`, `reliability.csv`, `decision.csv`, `subjects.csv`, `diagnosis.csv`); of what is held out, how
    much of the loss other shares of the classes explain, and how normalised colours change it (`transfer.csv`).

    Example: `leukorepro evaluate --spec results/demo/specs/evaluation/atteia2022-1f0c.json --output
    results/demo/atteia2022`
    """
    from leukorepro.core.tables.results import (
        CELL_LEVEL_TABLE,
        CLAIM_COMPARISONS_TABLE,
        CLAIMS_TABLE,
        DIFFERENCES_TABLE,
        MEASURED_TABLE,
        TRANSFER_TABLE,
        WINNERS_TABLE,
    )
    from leukorepro.data.split_tables import read_splits
    from leukorepro.evaluation import predictions as tables
    from leukorepro.evaluation.measure import measure
    from leukorepro.evaluation.outcomes import Outcomes
    from leukorepro.evaluation.patients.diagnose import diagnose
    from leukorepro.evaluation.resampling.cell_level import cell_level
    from leukorepro.evaluation.resampling.claims import judge_claims
    from leukorepro.evaluation.resampling.differences import differences
    from leukorepro.evaluation.resampling.transfer import transfer
    from leukorepro.evaluation.resampling.winners import winners
    from leukorepro.evaluation.split_rows import check_split_rows
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.evaluation import EvaluationSpecification
    from leukorepro.run.specifications.specification import read_specification

    told = read_specification(EvaluationSpecification, spec)
    folder, rungs = StudyFolder(output), list(told.study.protocols)
    splits = {f"{rung}/{split}": read_splits(folder.splits(rung, split)) for rung in rungs for split in told.splits}
    if parts:
        rows, engines = [tables.read_part(part) for part in parts], tables.read_engines(parts)
        for rung in rungs:
            collected = tables.collect([part[part["protocol"] == rung] for part in rows])
            for frame in collected:
                check_split_rows(frame, told.study.study, splits)
            tables.write_predictions(collected.predictions, folder.predictions(rung), engines)
            tables.write_fitting(collected.fitting, folder.fitting(rung))
        del rows
    tested = [tables.read_predictions(folder.predictions(rung)) for rung in rungs]
    fitted = [tables.read_fitting(folder.fitting(rung)) for rung in rungs]
    if not parts:
        for frame in (*tested, *fitted):
            check_split_rows(frame, told.study.study, splits)
    outcomes = Outcomes(told.study, tested, fitted, splits)
    measured = measure(outcomes, told.seed)
    MEASURED_TABLE.write(measured, folder.table("measured"))
    DIFFERENCES_TABLE.write(differences(outcomes, told.seed), folder.table("differences"))
    CELL_LEVEL_TABLE.write(cell_level(outcomes), folder.table("cell_level"))
    WINNERS_TABLE.write(winners(outcomes, told.seed), folder.table("winners"))
    judged = judge_claims(outcomes, told.seed)
    CLAIMS_TABLE.write(judged.claims, folder.table("claims"))
    CLAIM_COMPARISONS_TABLE.write(judged.comparisons, folder.table("claim_comparisons"))
    if told.study.tests_held_out:
        TRANSFER_TABLE.write(transfer(outcomes, measured, told.seed), folder.table("transfer"))
    diagnose(tested, told.study, told.seed).write(output)
