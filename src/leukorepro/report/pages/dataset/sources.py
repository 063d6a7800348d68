"""Reading what earlier stages wrote about a dataset and about how studies used it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.core.words import Budget
from leukorepro.data.copies.record import read_duplicates
from leukorepro.data.copies.ties import Ties, tied_by, ties_of
from leukorepro.data.manifest import read_manifest
from leukorepro.data.split_tables import read_splits_of
from leukorepro.evaluation.curves import last_epochs
from leukorepro.evaluation.predictions import positions_of_outcomes, read_predictions, rows_of_outcome
from leukorepro.evaluation.testability import read_scan
from leukorepro.ladder.rungs import Rung
from leukorepro.report.finished import FinishedRun
from leukorepro.report.pages.dataset.mistakes import mistaken_rung
from leukorepro.run.plan import used_splits
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Use:
    """How a study used a dataset."""

    study: ResolvedStudy
    splits: dict[tuple[Rung, str], pd.DataFrame]
    """Split tables, by rung and split."""
    rows: pd.DataFrame
    """Predictions of the headline item on the rung whose mistakes are shown."""


@dataclass(frozen=True)
class DatasetSources:
    """Everything that the report shows of one dataset."""

    manifest_file: Path
    manifest: pd.DataFrame
    scan_file: Path
    scan: dict[str, Any]
    """Summary of `leukorepro.data.scan.scan`."""
    duplicates_file: Path
    duplicates: dict[str, Any]
    """Of `leukorepro.data.duplicates.find_duplicates`."""
    ties: Ties | None
    """What its near-duplicates tie together, where the run lets them."""
    budget: Budget
    uses: list[Use]


def inputs_of(finished: FinishedRun, dataset: str) -> tuple[Path, ...]:
    """Every file that the page of a dataset reads, its images aside.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    dataset : str
        Name of its folder below `results/datasets`.
    """
    folder = finished.results.dataset(dataset)
    files = [folder / name for name in ("manifest.csv", "scan.json", "duplicates.json")]
    for study in finished.studies_on(dataset):
        own = finished.of_study(study.study.key)
        files += [own.splits(rung, split) for rung, split in _splits_of(study)]
        files.append(own.predictions(mistaken_rung(study)))
    return tuple(files)


def read_dataset(finished: FinishedRun, dataset: str, studies: Sequence[ResolvedStudy]) -> DatasetSources:
    """Read what earlier stages wrote about a dataset.

    Parameters
    ----------
    finished : FinishedRun
    dataset : str
        Name of its folder below `results/datasets`.
    studies : sequence of ResolvedStudy
        Those that run on it.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    folder = finished.results.dataset(dataset)
    manifest_file = finished.results.manifest(dataset)
    manifest = read_manifest(manifest_file)
    duplicates = finished.results.duplicates(dataset)
    return DatasetSources(
        manifest_file=manifest_file,
        manifest=manifest,
        scan_file=folder / "scan.json",
        scan=read_scan(folder / "scan.json"),
        duplicates_file=duplicates,
        duplicates=read_duplicates(duplicates),
        ties=ties_of(manifest, tied_by(manifest, duplicates)) if finished.run.group_near_duplicates else None,
        budget=finished.run.budget,
        uses=[_use(finished, study, manifest) for study in studies],
    )


def _use(finished: FinishedRun, study: ResolvedStudy, manifest: pd.DataFrame) -> Use:
    folder = finished.of_study(study.study.key)
    splits = {place: read_splits_of(manifest, folder.splits(*place)) for place in _splits_of(study)}
    return Use(study, splits, _headline_rows(study, folder.predictions(mistaken_rung(study))))


def _splits_of(study: ResolvedStudy) -> list[tuple[Rung, str]]:
    """Rung and name of every split of a study."""
    return [(rung, split) for split in used_splits(study) for rung in study.protocols]


def _headline_rows(study: ResolvedStudy, path: Path) -> pd.DataFrame:
    """Predictions of tested rows by the headline item, of a network after its last epoch."""
    table, _, item = study.study.headline.partition("/")
    predictions = last_epochs(read_predictions(path), study.study)
    own = predictions[(predictions["table"] == table) & (predictions["item"] == item)]
    if own.empty:
        raise UserError(
            f"{path}: no predictions of {study.study.headline}, whose mistakes the report shows; run the stage that "
            "makes them again."
        )
    ((_, positions),) = positions_of_outcomes(own).items()
    return rows_of_outcome(own, positions)
