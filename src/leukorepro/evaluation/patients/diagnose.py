"""What a study's classifiers would mean for patients, in five tables: see `Patients`.

Every item under every protocol; of networks whose tables average over all epochs, what they say after the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.core.tables.results import (
    CALIBRATION_TABLE,
    DECISION_TABLE,
    DIAGNOSIS_TABLE,
    RELIABILITY_TABLE,
    SUBJECTS_TABLE,
)
from leukorepro.core.words import ScoreKind
from leukorepro.evaluation.contract import score_columns
from leukorepro.evaluation.curves import last_epochs
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.patients.calibration import calibration, reliability
from leukorepro.evaluation.patients.decision_curve import decision_curve
from leukorepro.evaluation.patients.diagnosis import diagnosis_metrics
from leukorepro.evaluation.patients.probabilities import forecasts
from leukorepro.evaluation.patients.subjects import MAJORITY, MEAN_SCORE, Subjects
from leukorepro.evaluation.predictions import Outcome, groups_of_rows
from leukorepro.metrics.registry import CALIBRATION
from leukorepro.run.resolved import ResolvedStudy

TABLES = {
    "calibration": CALIBRATION_TABLE,
    "reliability": RELIABILITY_TABLE,
    "decision": DECISION_TABLE,
    "subjects": SUBJECTS_TABLE,
    "diagnosis": DIAGNOSIS_TABLE,
}
"""Each table by its name."""

MARGINS = "scores are margins, not probabilities"
"""Why an item has no calibration, no decision curve and no mean score."""

NO_SUBJECTS = "the dataset has no subject ids"
"""Why an item has no diagnoses."""


Lines = Sequence[Sequence[tuple[object, ...]]]
"""Lines of every table of `Patients`, without the columns that name the outcome."""


@dataclass(frozen=True)
class Patients:
    """A study's tables, tables and items in its order, rungs from the published one down."""

    calibration: pd.DataFrame
    """A `CALIBRATION_TABLE`, a row for each of `CALIBRATION`."""
    reliability: pd.DataFrame
    """A `RELIABILITY_TABLE`."""
    decision: pd.DataFrame
    """A `DECISION_TABLE`."""
    subjects: pd.DataFrame
    """A `SUBJECTS_TABLE`."""
    diagnosis: pd.DataFrame
    """A `DIAGNOSIS_TABLE`: of every rule the metrics of `leukorepro.evaluation.patients.diagnosis`."""

    @classmethod
    def of(cls, study: str, outcomes: Mapping[Outcome, Lines]) -> Patients:
        """Lines of several outcomes of a study, in their order.

        Parameters
        ----------
        study : str
            Its key.
        outcomes : mapping of Outcome to Lines
            Lines of the five tables, of each outcome.
        """
        return cls(
            **{
                name: contract.frame(
                    (study, *outcome, *line) for outcome, parts in outcomes.items() for line in parts[place]
                )
                for place, (name, contract) in enumerate(TABLES.items())
            }
        )

    @classmethod
    def read(cls, folder: Path) -> Patients:
        """Read what `write` wrote.

        Raises
        ------
        UserError
            As `leukorepro.core.tables.table.Table.read`.
        """
        return cls(**{name: table.read(folder / f"{name}.csv") for name, table in TABLES.items()})

    def write(self, folder: Path) -> None:
        """Write ``calibration.csv`` and the others into a folder."""
        for name, table in TABLES.items():
            table.write(getattr(self, name), folder / f"{name}.csv")


def diagnose(
    predictions: Sequence[pd.DataFrame], resolved: ResolvedStudy, seed: int, n_resamples: int = N_RESAMPLES
) -> Patients:
    """Calibration, decision curves and diagnoses of every item under every protocol.

    Parameters
    ----------
    predictions : sequence of DataFrame
        Tables of predictions, each as `leukorepro.evaluation.predictions.read_predictions` gives it; the order of
        tables and rows does not matter.
    resolved : ResolvedStudy
        What was run.
    seed : int
        Of the resamples.
    n_resamples : int
        Of groups.

    Raises
    ------
    UserError
        As `leukorepro.evaluation.outcomes.Outcomes`; also if an outcome has two classes and its positive one is
        neither, or if a classifier that gives probabilities gave something else.
    """
    study = resolved.study
    outcomes = Outcomes(resolved, [last_epochs(frame, study) for frame in predictions])
    found: dict[Outcome, Lines] = {}
    for (number, name), (table, item) in outcomes.items.items():
        positive = resolved.positive_class_of(table.split_of(item))
        for rung in outcomes.rungs(number, name):
            outcome = Outcome(number, name, rung)
            spec = study.classifiers[item.classifier]
            found[outcome] = diagnose_outcome(outcomes.tested(outcome), spec.scores, positive, seed, n_resamples)
    return Patients.of(study.key, found)


def diagnose_outcome(
    rows: pd.DataFrame, kind: ScoreKind, positive: str | None, seed: int, n_resamples: int = N_RESAMPLES
) -> Lines:
    """Calibration, decision curve and diagnoses of one item under one protocol.

    Parameters
    ----------
    rows : DataFrame
        As `leukorepro.evaluation.predictions.outcomes` yields them.
    kind : ScoreKind
        What its scores are.
    positive : str or None
        With two classes, the one that ``score`` speaks for.
    seed, n_resamples : int
        Of the resamples of groups that intervals come from.

    Raises
    ------
    UserError
        As `diagnose`.
    """
    return _Outcome(rows, kind, positive, n_resamples, seed).lines()


class _Outcome:
    """One item under one protocol."""

    def __init__(self, rows: pd.DataFrame, kind: ScoreKind, positive: str | None, n_resamples: int, seed: int) -> None:
        # In an order of their own, so that resamples do not depend on that of the table.
        self._rows = rows.sort_values(["image_id", "view", "repeat", "fold"])
        self._two_classes = score_columns(rows) == ["score"]
        group = groups_of_rows(self._rows)
        self._forecast = forecasts(self._rows, kind, positive, group)
        self._subjects = Subjects(self._rows, group, self._forecast, positive if self._two_classes else None)
        self._resampling = n_resamples, seed

    def lines(self) -> Lines:
        tables = self._calibration(), self._reliability(), self._decision(), self._subjects.lines(), self._diagnosis()
        return [list(table) for table in tables]

    def _calibration(self) -> Iterator[tuple[object, ...]]:
        counts = self._rows["image_id"].nunique(), len(self._subjects)
        if self._forecast is None:
            for name in CALIBRATION:
                yield name, np.nan, np.nan, np.nan, *counts, MARGINS
            return
        for name, (value, interval) in calibration(self._forecast, *self._resampling).items():
            yield name, value, interval.low, interval.high, *counts, ""

    def _reliability(self) -> Iterator[tuple[object, ...]]:
        if self._forecast is not None:
            for *numbers, interval in reliability(self._forecast, *self._resampling):
                yield self._forecast.of, *numbers, interval.low, interval.high

    def _decision(self) -> Iterator[tuple[object, ...]]:
        if self._forecast is not None and self._two_classes:
            for at in decision_curve(self._forecast, *self._resampling):
                model = at.threshold, at.net_benefit, at.interval.low, at.interval.high
                yield *model, at.treat_all, at.treat_all_interval.low, at.treat_all_interval.high, 0.0

    def _diagnosis(self) -> Iterator[tuple[object, ...]]:
        left_out = self._left_out()
        for rule in (MAJORITY, MEAN_SCORE):
            missing = NO_SUBJECTS if not len(self._subjects) else ""
            if rule == MEAN_SCORE and self._forecast is None:
                missing = missing or MARGINS
            if not missing and self._subjects.n_of_several_classes == len(self._subjects):
                missing = left_out
            if missing:
                yield rule, "accuracy", np.nan, np.nan, np.nan, np.nan, "", 0, pd.NA, missing
                continue
            diagnoses = self._subjects.diagnoses(rule)
            _, first = np.unique(diagnoses.subject, return_index=True)
            ill = pd.NA if diagnoses.positive is None else int((diagnoses.truth[first] == diagnoses.positive).sum())
            for of in diagnosis_metrics(diagnoses, *self._resampling):
                numbers = of.prevalence, of.value, of.interval.low, of.interval.high
                yield rule, of.metric, *numbers, of.method, len(first), ill, left_out

    def _left_out(self) -> str:
        """Who has no diagnosis."""
        images, several = self._subjects.n_images_without, self._subjects.n_of_several_classes
        parts = [f"{images} image(s) without a subject id"] * bool(images)
        parts += [f"{several} subject(s) with cells of several classes"] * bool(several)
        return f"left out: {', '.join(parts)}" if parts else ""
