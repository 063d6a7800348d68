"""What earlier stages left of a study that says how it was made: scans, headers of files, and hashes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leukorepro.core.store import parquet_metadata, sha256_once
from leukorepro.core.tables.predictions import ENGINES
from leukorepro.core.tables.results import CALIBRATION_TABLE
from leukorepro.data.copies.record import read_duplicates
from leukorepro.evaluation.testability import read_scan
from leukorepro.ladder.rungs import Rung
from leukorepro.report.numbers.feature_files import read_feature_files
from leukorepro.run.paths import Results, StudyFolder
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class PredictionsRecord:
    """A table of predictions of tested rows."""

    file: Path
    sha256: str
    engines: dict[str, list[str]]
    """What computed each classifier."""


@dataclass(frozen=True)
class Records:
    """How a study was made, as far as files say."""

    resolved: ResolvedStudy
    manifest_file: Path
    manifest_sha256: str
    scan: dict[str, Any]
    duplicates: dict[str, Any]
    extractors: dict[str, dict[str, Any]]
    """Attributes of every feature file, by the extractor's or descriptor's name in the study."""
    predictions: dict[Rung, PredictionsRecord]
    calibrated: list[str]
    """Items whose scores are probabilities that were compared with outcomes, as `table/item`."""


def read_records(study: ResolvedStudy, folder: StudyFolder, results: Results) -> Records:
    """Read how a study was made.

    Parameters
    ----------
    study : ResolvedStudy
    folder : StudyFolder
        Of the study in its run.
    results : Results
        What all runs share.

    Returns
    -------
    Records
        Scan, duplicates, headers of feature files and predictions, as far as they say how it was made.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    dataset, manifest = results.dataset(study.dataset_id), results.manifest(study.dataset_id)
    calibration = CALIBRATION_TABLE.read(folder.table("calibration"))
    known = calibration[calibration["value"].notna()]
    return Records(
        resolved=study,
        manifest_file=manifest,
        manifest_sha256=sha256_once(manifest),
        scan=read_scan(dataset / "scan.json"),
        duplicates=read_duplicates(dataset / "duplicates.json"),
        extractors=read_feature_files(study, results),
        predictions={rung: _predictions(folder.predictions(rung)) for rung in study.protocols},
        calibrated=list(dict.fromkeys(known["table"] + "/" + known["item"])),
    )


def _predictions(path: Path) -> PredictionsRecord:
    return PredictionsRecord(path, sha256_once(path), json.loads(parquet_metadata(path).get(ENGINES, "{}")))
