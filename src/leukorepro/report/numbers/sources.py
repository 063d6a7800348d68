"""Reading what earlier stages wrote about one study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leukorepro.checks.leakage import read_leakage
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import (
    CELL_LEVEL_TABLE,
    CLAIM_COMPARISONS_TABLE,
    CLAIMS_TABLE,
    CONTROLS_TABLE,
    DIFFERENCES_TABLE,
    TRANSFER_TABLE,
    VERDICTS_TABLE,
    WINNERS_TABLE,
)
from leukorepro.data.manifest import read_manifest
from leukorepro.evaluation.contract import with_categories
from leukorepro.evaluation.curves import confusion_matrices, last_epochs, roc_curves
from leukorepro.evaluation.patients.diagnose import Patients
from leukorepro.evaluation.predictions import Outcome, read_fitting, read_predictions
from leukorepro.evaluation.testability import read_scan
from leukorepro.ladder.rungs import Rung
from leukorepro.report.numbers.selection import drawn_before, drawn_items, shown_rungs
from leukorepro.report.numbers.tables import Numbers
from leukorepro.report.sections.training.trainings import Trainings, read_trainings
from leukorepro.run.paths import ExplanationsFolder, Results, StudyFolder
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Sources:
    """Everything that the report shows of one study."""

    metrics_file: Path
    numbers: Numbers
    differences: pd.DataFrame
    """Paired differences between rungs and between items."""
    winners: pd.DataFrame
    cell_level: pd.DataFrame
    """Intervals that take cells for independent."""
    claims: pd.DataFrame
    """What becomes of the paper's conclusions."""
    claim_comparisons: pd.DataFrame
    verdicts_file: Path
    verdicts: pd.DataFrame
    patients_folder: Path
    patients: Patients
    roc: pd.DataFrame
    """Columns table, item, protocol, class, fpr, tpr: one row per corner, for the items and rungs that are drawn; of
    training rows where the table is about them alone, else of tested ones, as the confusion matrices are."""
    confusion: pd.DataFrame
    """Columns table, item, protocol, y_true, y_pred, count."""
    controls_file: Path | None
    """None where the run asks for no controls, whatever an earlier one left."""
    controls: pd.DataFrame | None
    """`CONTROLS_TABLE`, of the same file."""
    explanations: ExplanationsFolder | None
    """None where the run explains nothing, whatever an earlier one left."""
    trainings: Trainings
    scan: dict[str, Any]
    """Summary of `leukorepro.data.scan.scan`."""
    transfer: pd.DataFrame | None
    """`TRANSFER_TABLE`; None where nothing is held out."""
    manifest: pd.DataFrame | None
    """Of the dataset, where its images are looked at: where a part of them is held out."""
    leakage_files: dict[Rung, Path]
    leakage: dict[Rung, dict[str, Any]]
    """Of `leukorepro.checks.leakage.audit_leakage`, for every rung."""


def read_sources(study: ResolvedStudy, results: Path, *, controls: bool, explained: bool) -> Sources:
    """Read what earlier stages wrote about one study.

    Parameters
    ----------
    study : ResolvedStudy
    results : Path
        Folder of the run; datasets and features lie beside it.
    controls : bool
        Whether the run asks for its controls.
    explained : bool
        Whether it explains its headline.

    Returns
    -------
    Sources
        Everything that the report shows of the study.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    folder = StudyFolder(results / study.study.key)
    numbers = Numbers.read(folder.table("metrics"))
    predictions = {
        rung: last_epochs(read_predictions(folder.predictions(rung)), study.study) for rung in study.protocols
    }
    drawn = {rung: _drawn(study, rows, folder.fitting(rung)) for rung, rows in predictions.items()}
    held_out = study.tests_held_out
    leakage = {rung: folder.leakage(rung) for rung in study.protocols}
    return Sources(
        metrics_file=folder.table("metrics"),
        numbers=numbers,
        differences=DIFFERENCES_TABLE.read(folder.table("differences")),
        winners=WINNERS_TABLE.read(folder.table("winners")),
        cell_level=CELL_LEVEL_TABLE.read(folder.table("cell_level")),
        claims=CLAIMS_TABLE.read(folder.table("claims")),
        claim_comparisons=CLAIM_COMPARISONS_TABLE.read(folder.table("claim_comparisons")),
        verdicts_file=folder.table("verdicts"),
        verdicts=VERDICTS_TABLE.read(folder.table("verdicts")),
        patients_folder=folder.root,
        patients=Patients.read(folder.root),
        roc=_roc(study, numbers, drawn),
        confusion=pd.concat([confusion_matrices(rows) for rows in drawn.values()], ignore_index=True),
        controls_file=folder.table("controls") if controls else None,
        controls=CONTROLS_TABLE.read(folder.table("controls")) if controls else None,
        explanations=folder.explanations if explained else None,
        trainings=read_trainings(study, folder, predictions),
        scan=read_scan(Results(results.parent).dataset(study.dataset_id) / "scan.json"),
        transfer=TRANSFER_TABLE.read(folder.table("transfer")) if held_out else None,
        manifest=read_manifest(Results(results.parent).manifest(study.dataset_id)) if held_out else None,
        leakage_files=leakage,
        leakage={rung: read_leakage(file) for rung, file in leakage.items()},
    )


def _drawn(study: ResolvedStudy, tested: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows whose curves and confusion matrices are drawn: tested ones; of tables about training alone, those of it."""
    numbers = [number for number, table in study.study.tables.items() if table.of_training_rows]
    if not numbers:
        return tested
    fitting = read_fitting(path)
    trained = fitting[fitting["table"].isin(numbers) & (fitting["role"] == "train")]
    for number in numbers:
        for item in study.study.tables[number].items:
            if not ((trained["table"] == number) & (trained["item"] == item.item)).any():
                raise UserError(
                    f"{path}: no predictions of training rows for {number}/{item.item}, which the report draws; "
                    "run the stage that makes them again."
                )
    trained = last_epochs(trained.drop(columns="role"), study.study)
    return with_categories(pd.concat([tested[~tested["table"].isin(numbers)], trained], ignore_index=True))


def _roc(study: ResolvedStudy, numbers: Numbers, predictions: dict[Rung, pd.DataFrame]) -> pd.DataFrame:
    """Curves of the items and rungs that are drawn."""
    splits = {
        (number, item.item): table.split_of(item)
        for number, table in study.study.tables.items()
        for item in table.items
        if not drawn_before(study, number) and item.item in drawn_items(study, numbers, number)
    }

    def positive_class(outcome: Outcome) -> str | None:
        return study.positive_class_of(splits[outcome.table, outcome.item])

    curves = []
    for rung in shown_rungs(study):
        frame = predictions[rung]
        drawn = pd.MultiIndex.from_frame(frame[["table", "item"]]).isin(list(splits))
        curves.append(roc_curves(frame[drawn], positive_class))
    return pd.concat(curves, ignore_index=True)
