"""What a model came to on labelled images that it was not fitted on: tables, as a study has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.core.tables.predictions import PREDICTIONS_TABLE
from leukorepro.core.tables.results import EVALUATED_TABLE, METRICS_TABLE, SHIFT_TABLE
from leukorepro.core.words import Average, ScoreKind
from leukorepro.evaluation.contract import checked, score_columns
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.outcome_metrics import Measuring, outcome_metrics
from leukorepro.evaluation.patients.diagnose import Patients, diagnose_outcome
from leukorepro.evaluation.predictions import Outcome, groups_of_rows, write_predictions
from leukorepro.evaluation.testability import NOT_TESTED
from leukorepro.inference.evaluating.shift import shift
from leukorepro.ladder.rungs import Rung

RUNG: Rung = "external"
"""What images of another laboratory are to a model."""


@dataclass(frozen=True)
class Evaluated:
    """What was evaluated, and by what.

    Attributes
    ----------
    study, table, item : str
        Where the model comes from.
    dataset : str
        What the images are called.
    classes : list of str
    positive_class : str or None
    average : Average
        Of which classes precision, recall and their like are, as in the model's own measurements.
    scores : ScoreKind
        What its scores are.
    calibrated : bool
        Whether it has a calibration of its own.
    training : array of float or None
        Distances of training images from fits that did not see them; more than 1 is unlike them. None where the model
        cannot tell.
    training_shares : sequence of float
        Of each class among training images.
    """

    study: str
    table: str
    item: str
    dataset: str
    classes: list[str]
    positive_class: str | None
    average: Average
    scores: ScoreKind
    calibrated: bool
    training: Floats | None
    training_shares: Sequence[float]

    @property
    def outcome(self) -> Outcome:
        """The item under the protocol that this is."""
        return Outcome(self.table, self.item, RUNG)


@dataclass(frozen=True)
class Evaluation:
    """Tables of an evaluation."""

    predictions: pd.DataFrame
    """A `PREDICTIONS_TABLE`."""
    metrics: pd.DataFrame
    """A `METRICS_TABLE`; nothing in it is printed anywhere, and no verdict is given."""
    patients: Patients
    """Calibration, decisions and diagnoses."""
    shift: pd.DataFrame
    """A `SHIFT_TABLE`."""
    images: pd.DataFrame
    """An `EVALUATED_TABLE`."""

    def write(self, folder: Path) -> None:
        """Write ``predictions.parquet``, ``metrics.csv`` and the other tables into a folder."""
        write_predictions(self.predictions, folder / "predictions.parquet")
        METRICS_TABLE.write(self.metrics, folder / "metrics.csv")
        SHIFT_TABLE.write(self.shift, folder / "shift.csv")
        EVALUATED_TABLE.write(self.images, folder / "images.csv")
        self.patients.write(folder)


def evaluate(scored: pd.DataFrame, what: Evaluated, seed: int = 0, n_resamples: int = N_RESAMPLES) -> Evaluation:
    """Metrics, calibration, diagnoses and shift, with intervals from resampling groups of images.

    Parameters
    ----------
    scored : DataFrame
        A row for each image: `image_id, subject_id, source_id, y_true, y_pred, probability, distance` and the score
        columns of the predictions contract; where several classes are calibrated, also `probability_<class>`. Images
        without a subject are groups by themselves.
    what : Evaluated
    seed, n_resamples : int
        Of the resamples.
    """
    rows = scored.sort_values("image_id", ignore_index=True)
    named = rows.assign(
        study=what.study, dataset=what.dataset, view="identity", repeat=0, fold=0, **what.outcome._asdict()
    )
    names = [*PREDICTIONS_TABLE.columns, *score_columns(scored)]
    predictions = checked(named[names], f"predictions on {what.dataset}", PREDICTIONS_TABLE)
    group = groups_of_rows(predictions)
    measuring = Measuring((), what.average, what.positive_class, {}, n_resamples, seed)
    metrics = outcome_metrics(predictions, None, measuring)
    stated = predictions
    kind = what.scores
    if what.calibrated:
        columns = {name: name.replace("score", "probability", 1) for name in score_columns(scored)}
        stated = predictions.assign(**{name: rows[probability] for name, probability in columns.items()})
        kind = "probability"
    found = diagnose_outcome(stated, kind, what.positive_class, seed, n_resamples)
    about = {"study": what.study, **what.outcome._asdict()}
    return Evaluation(
        predictions=predictions,
        metrics=metrics.assign(published=np.nan, verdict=NOT_TESTED, **about)[list(METRICS_TABLE.columns)],
        patients=Patients.of(what.study, {what.outcome: found}),
        shift=shift(rows, group, what.classes, what.training, what.training_shares, n_resamples, seed),
        images=rows.rename(columns={"image_id": "path"})[list(EVALUATED_TABLE.columns)],
    )
