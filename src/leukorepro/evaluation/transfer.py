"""What of the loss on the held-out part, or on another dataset, follows from how common each class is there.

Accuracy is the sum over the classes of their share times their recall. With the shares `p` and recalls `r` of the rung
that stands for the honest measurement, and `q` and `s` of the held-out part, the loss is

    sum(p r) - sum(q s)  =  [sum(p r) - sum(p s)]  +  [sum(p s) - sum(q s)]

What stands in the second brackets is a shift of prevalence alone: the same recalls, weighted by other shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.tables.results import TRANSFER_TABLE
from leukorepro.evaluation.intervals import N_RESAMPLES, Interval, percentile_interval, resample_weights, share_interval
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome, groups_of_rows
from leukorepro.ladder.rungs import EXTERNAL, Rung, honest_rung

Floats = NDArray[np.float64]

MEASURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy: the mean of the classes' recalls",
    "accuracy_at_prevalence": "Accuracy there if every class were as common as here",
    "loss": "Loss of accuracy",
    "loss_by_prevalence": "of it by other shares of the classes",
    "loss_by_recall": "of it by other recalls",
}
"""What is measured, in words."""


@dataclass(frozen=True)
class Counts:
    """Rows of each class that were tested and that were right, in every group of images.

    Attributes
    ----------
    rows, right : array of float, shape (n_groups, n_classes)
    """

    rows: Floats
    right: Floats

    def shares(self, weights: Floats) -> Floats:
        """Share of every class, shape (n_classes, n_resamples), where groups count `weights` times."""
        rows = self.rows.T @ weights
        return np.asarray(rows / rows.sum(axis=0))

    def recalls(self, weights: Floats) -> Floats:
        """Recall of every class, shape (n_classes, n_resamples); NaN where the class is absent."""
        with np.errstate(invalid="ignore"):
            return np.asarray((self.right.T @ weights) / (self.rows.T @ weights))

    @property
    def smaller_class(self) -> int:
        """Groups of the class with the fewest."""
        return int((self.rows > 0).sum(axis=0).min())


def reference_rung(rungs: list[Rung]) -> Rung | None:
    """The rung that the held-out part is compared with: the honest one of the others, else the last; None without."""
    others = [rung for rung in rungs if rung != EXTERNAL]
    return honest_rung(others) or (others[-1] if others else None)


def counts_of(rows: pd.DataFrame, classes: list[str]) -> Counts:
    """Count an outcome's rows.

    Parameters
    ----------
    rows : DataFrame
        Predictions of tested rows.
    classes : list of str
    """
    truth = pd.Categorical(rows["y_true"].astype("str"), classes).codes
    right = (rows["y_true"].astype("str") == rows["y_pred"].astype("str")).to_numpy()
    group = groups_of_rows(rows)
    shape = (int(group.max()) + 1, len(classes))
    every, correct = np.zeros(shape), np.zeros(shape)
    np.add.at(every, (group, truth), 1)
    np.add.at(correct, (group[right], truth[right]), 1)
    return Counts(every, correct)


def measures(reference: Counts, external: Counts, of_reference: Floats, of_external: Floats) -> dict[str, Floats]:
    """Every number of `MEASURES`, the first two of the reference with `reference_` in front, for many resamples.

    Parameters
    ----------
    reference, external : Counts
        Of the same classes.
    of_reference, of_external : array of float, shape (n_groups, n_resamples)
        How often their groups count.
    """
    p, r = reference.shares(of_reference), reference.recalls(of_reference)
    q, s = external.shares(of_external), external.recalls(of_external)
    here, there, at = (_weighted(shares, recalls) for shares, recalls in ((p, r), (q, s), (p, s)))
    return {
        "reference_accuracy": here,
        "reference_balanced_accuracy": r.mean(axis=0),
        "accuracy": there,
        "balanced_accuracy": s.mean(axis=0),
        "accuracy_at_prevalence": at,
        "loss": here - there,
        "loss_by_prevalence": at - there,
        "loss_by_recall": here - at,
    }


def _weighted(shares: Floats, recalls: Floats) -> Floats:
    """Recalls weighted by shares; a class that nobody has adds nothing, one without a recall leaves it undefined."""
    return np.asarray(np.where(shares == 0, 0.0, shares * recalls).sum(axis=0))


def transfer(outcomes: Outcomes, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Split the loss of every item that was tested on the held-out part.

    Parameters
    ----------
    outcomes : Outcomes
    seed : int
        Seed of the resamples.
    n_resamples : int

    Returns
    -------
    DataFrame
        Columns `TRANSFER_TABLE`: of every item its measures on the rung that it is compared with, and on the held-out
        part. Intervals come from resampling the groups of each by themselves, for they have none in common.
    """
    found = []
    for table, item in outcomes.items:
        rungs = outcomes.rungs(table, item)
        reference = reference_rung(rungs)
        if EXTERNAL in rungs and reference is not None:
            told = _of_item(outcomes, table, item, reference, seed, n_resamples)
            found.append(told.assign(study=outcomes.resolved.study.key, table=table, item=item))
    columns = list(TRANSFER_TABLE.columns)
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _of_item(outcomes: Outcomes, table: str, item: str, reference: Rung, seed: int, n_resamples: int) -> pd.DataFrame:
    rows = {rung: outcomes.tested(Outcome(table, item, rung)) for rung in (reference, EXTERNAL)}
    classes = sorted({str(name) for frame in rows.values() for name in frame["y_true"].unique()})
    counts = {rung: counts_of(frame, classes) for rung, frame in rows.items()}
    drawn = [
        resample_weights(len(one.rows), n_resamples, seed + place).astype(np.float64)
        for place, one in enumerate(counts.values())
    ]
    ones = [np.ones((len(one.rows), 1)) for one in counts.values()]
    here, there = counts.values()
    values = measures(here, there, ones[0], ones[1])
    resampled = measures(here, there, drawn[0], drawn[1])
    lines = []
    for name, value in values.items():
        rung = reference if name.startswith("reference_") else EXTERNAL
        of = counts.values() if name.startswith("loss") else [counts[rung]]
        interval = _interval(name, float(value[0]), resampled[name], list(of))
        lines.append(
            {
                "protocol": rung,
                "against_protocol": reference if name.startswith("loss") or name.endswith("_at_prevalence") else "",
                "measure": name.removeprefix("reference_"),
                "value": float(value[0]),
                "ci_low": interval.low,
                "ci_high": interval.high,
                "n_images": int(rows[rung]["image_id"].nunique()),
                "n_groups": len(counts[rung].rows),
            }
        )
    return pd.DataFrame(lines)


def _interval(name: str, value: float, resampled: Floats, of: list[Counts]) -> Interval:
    n_groups, smaller = min(len(one.rows) for one in of), min(one.smaller_class for one in of)
    if name.startswith("loss"):
        return percentile_interval(resampled, n_groups)
    return share_interval(value, resampled, n_groups, n_smaller=smaller)
