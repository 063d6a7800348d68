"""What is lost on the held-out part, or on another dataset, and how much of that is prevalence, and how much colour.

Accuracy is the sum over the classes of their share times their recall. With the shares `p` and recalls `r` of the rung
that stands for the honest measurement, and `q` and `s` of the held-out part, the loss is

    sum(p r) - sum(q s)  =  [sum(p r) - sum(p s)]  +  [sum(p s) - sum(q s)]

What stands in the second brackets is a shift of prevalence alone: the same recalls, weighted by other shares.

Where a run makes the headline again on images whose colours were normalised, both are compared on the same images: by
how much the accuracy there and the loss change.

Accuracies and their intervals are those of the table of metrics, and differences are paired as all others are, by seed
where a run has several (`leukorepro.evaluation.resampling.differences`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.tables.results import TRANSFER_TABLE
from leukorepro.core.words import COLOUR
from leukorepro.evaluation.contract import OUTCOME
from leukorepro.evaluation.intervals import N_RESAMPLES, Interval, share_interval
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.differences import (
    Paired,
    difference_interval,
    paired_contrast,
    paired_difference,
)
from leukorepro.evaluation.resampling.shared_groups import Measurable, SharedResamples
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.ladder.rungs import EXTERNAL, Rung, honest_rung

ACCURACIES = ("accuracy", "balanced_accuracy")
"""Metrics that both sides have."""

MEASURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy: the mean of the classes' recalls",
    "accuracy_at_prevalence": "Accuracy if classes were as common as in the images on the left",
    "loss": "Loss of accuracy",
    "loss_by_prevalence": "of it by other shares of the classes",
    "loss_by_recall": "of it by other recalls",
}
"""What is measured of every item, in words."""

COLOUR_MEASURES = {
    "accuracy_change": "Change of the accuracy there",
    "loss_change": "Change of the loss",
}
"""What is measured of an item on images of normalised colours, less the same on the images as they are."""


class Sides(NamedTuple):
    """The accuracy of an item on both sides."""

    reference: Rung
    """The rung that the held-out part is compared with."""
    here: Measurable
    there: Measurable


class Drawn(NamedTuple):
    """A number of all rows, in every resample, and of each seed."""

    value: float
    resamples: Floats
    of_seeds: Sequence[float]


@dataclass(frozen=True)
class Counts:
    """Rows of each class that were tested and that were right, in every group of images.

    Attributes
    ----------
    rows, right : array of float, shape (n_groups, n_classes)
    """

    rows: Floats
    right: Floats

    def shares(self, weights: NDArray[np.number]) -> Floats:
        """Share of every class, shape (n_classes, n_resamples), where groups count `weights` times."""
        rows = self.rows.T @ weights
        with np.errstate(invalid="ignore"):
            return np.asarray(rows / rows.sum(axis=0))

    def recalls(self, weights: NDArray[np.number]) -> Floats:
        """Recall of every class, shape (n_classes, n_resamples); NaN where the class is absent."""
        with np.errstate(invalid="ignore"):
            return np.asarray((self.right.T @ weights) / (self.rows.T @ weights))

    @property
    def n_groups(self) -> int:
        """Groups that have a row."""
        return int(self.rows.any(axis=1).sum())

    @property
    def smaller_class(self) -> int:
        """Groups of the class with the fewest."""
        return int((self.rows > 0).sum(axis=0).min())


def reference_rung(rungs: list[Rung]) -> Rung | None:
    """The rung that the held-out part is compared with: the honest one of the others, else the last; None without."""
    others = [rung for rung in rungs if rung != EXTERNAL]
    return honest_rung(others) or (others[-1] if others else None)


def counts_of(rows: pd.DataFrame, classes: list[str], group: Ints, n_groups: int) -> Counts:
    """Count an outcome's rows.

    Parameters
    ----------
    rows : DataFrame
        Predictions of tested rows.
    classes : list of str
        In the order of the counts.
    group : array of int, shape (n_rows,)
        Group of every row, 0 to n_groups - 1.
    n_groups : int
        Groups, those without a row of the outcome too.

    Returns
    -------
    Counts
        Rows that were tested, and that were right, of each group and class.
    """
    truth = pd.Categorical(rows["y_true"].astype("str"), classes).codes
    right = (rows["y_true"].astype("str") == rows["y_pred"].astype("str")).to_numpy()
    every, correct = np.zeros((2, n_groups, len(classes)))
    np.add.at(every, (group, truth), 1)
    np.add.at(correct, (group[right], truth[right]), 1)
    return Counts(every, correct)


def accuracy_at_prevalence(here: Counts, there: Counts, weights: NDArray[np.number]) -> Floats:
    """Accuracy of recalls there at the shares of classes here, shape (n_resamples,).

    A class that nobody has here adds nothing; one without a recall there leaves it undefined (NaN).

    Parameters
    ----------
    here, there : Counts
        Of the same classes and groups.
    weights : array, shape (n_groups, n_resamples)
        How often groups count.
    """
    shares, recalls = here.shares(weights), there.recalls(weights)
    return np.asarray(np.where(shares == 0, 0.0, shares * recalls).sum(axis=0))


def transfer(outcomes: Outcomes, measured: pd.DataFrame, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Split the loss of every item that was tested on the held-out part.

    Parameters
    ----------
    outcomes : Outcomes
    measured : DataFrame
        A `MEASURED_TABLE` of them.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Resamples of groups that intervals come from.

    Returns
    -------
    DataFrame
        A `TRANSFER_TABLE`: of every item its measures on the rung that it is compared with, and on the held-out part;
        of one on images of normalised colours, also what differs from the same item on the images as they are.
    """
    study, images = outcomes.resolved.study, outcomes.images()
    of_metrics = measured[measured["metric"].isin(ACCURACIES)].to_dict("records")
    known = {tuple(row[name] for name in (*OUTCOME, "metric")): row for row in of_metrics}
    lines: list[dict[str, Any]] = []
    for number, table in study.tables.items():
        resamples = SharedResamples(outcomes, images, seed, n_resamples)
        sides = {item.item: found for item in table.items if (found := _sides(outcomes, resamples, number, item.item))}
        for item, of_item in sides.items():
            names = {"study": study.key, "table": number, "item": item, "against_item": ""}
            for rung, what in ((of_item.reference, of_item.here), (EXTERNAL, of_item.there)):
                counted = {"protocol": rung, "against_protocol": "", "n_groups": resamples.together(what).n}
                for metric in ACCURACIES:
                    own = known[number, item, rung, metric]
                    numbers = {name: own[name] for name in ("value", "ci_low", "ci_high", "n_images")}
                    lines.append(names | counted | {"measure": metric} | numbers)
            both = _both(of_item, resamples) | {"against_protocol": of_item.reference}
            lines += [names | both | line for line in _parts(outcomes, resamples, number, item, of_item)]
            if number == COLOUR and item != (plain := table.items[0].item) and plain in sides:
                names |= {"against_item": plain}
                lines += [names | both | line for line in _by_colour(resamples, sides[plain], of_item)]
    return TRANSFER_TABLE.frame(lines)


def _sides(outcomes: Outcomes, resamples: SharedResamples, table: str, item: str) -> Sides | None:
    """None where nothing is held out, or there is nothing to compare it with."""
    rungs = outcomes.rungs(table, item)
    reference = reference_rung(rungs)
    if reference is None or EXTERNAL not in rungs:
        return None
    here, there = (resamples.find(Outcome(table, item, rung), "accuracy") for rung in (reference, EXTERNAL))
    return None if here is None or there is None else Sides(reference, here, there)


def _both(sides: Sides, resamples: SharedResamples) -> dict[str, Any]:
    """What a line says that is of both sides."""
    there = sides.there
    return {"protocol": EXTERNAL, "n_images": int(there.part.images.sum()), "n_groups": resamples.together(there).n}


def _parts(
    outcomes: Outcomes, resamples: SharedResamples, table: str, item: str, sides: Sides
) -> Iterator[dict[str, Any]]:
    """The accuracy there at the shares here, the loss, and its two parts."""
    reference, here, there = sides
    over = resamples.together(here, there)
    frames = [outcomes.tested(Outcome(table, item, rung)) for rung in (reference, EXTERNAL)]
    classes = sorted({str(name) for frame in frames for name in frame["y_true"].unique()})
    groups = [resamples.groups_of(frame["image_id"], over) for frame in frames]
    ours, theirs = (counts_of(rows, classes, group, over.n) for rows, group in zip(frames, groups, strict=True))
    n_groups, n_smaller = min(ours.n_groups, theirs.n_groups), min(ours.smaller_class, theirs.smaller_class)
    once = np.ones((over.n, 1))
    value = float(accuracy_at_prevalence(ours, theirs, once)[0])
    drawn = accuracy_at_prevalence(ours, theirs, over.weights.astype(np.float64))
    of_seeds = [
        float(accuracy_at_prevalence(ours, counts_of(frames[1][own], classes, groups[1][own], over.n), once)[0])
        for own in _rows_of_seeds(frames[1])
    ]
    interval = share_interval(value, drawn, n_groups, n_smaller=n_smaller)
    yield _line("accuracy_at_prevalence", value, over_seeds(interval, of_seeds, (0, 1)))

    loss = paired_difference(resamples, here, there)
    yield _line("loss", loss.value, loss)
    at = Drawn(value, drawn, of_seeds)
    first, last = (Drawn(one.value, resamples.resampled(one, over), one.values_of_seeds) for one in (here, there))
    for name, one, other in (("loss_by_prevalence", at, last), ("loss_by_recall", first, at)):
        interval = difference_interval(one.resamples - other.resamples, n_groups)
        by_seed = np.subtract(one.of_seeds, other.of_seeds)
        yield _line(name, one.value - other.value, over_seeds(interval, list(by_seed), (-1, 1)))


def _rows_of_seeds(rows: pd.DataFrame) -> list[NDArray[np.bool_]]:
    """Which rows are of each seed, from the first on."""
    if "seed" not in rows:
        return [np.ones(len(rows), dtype=bool)]
    return [(rows["seed"] == seed).to_numpy() for seed in np.unique(rows["seed"])]


def _by_colour(resamples: SharedResamples, plain: Sides, normalised: Sides) -> Iterator[dict[str, Any]]:
    """How the accuracy there and the loss differ from those on the images as they are."""
    accuracy = paired_difference(resamples, normalised.there, plain.there)
    loss = paired_contrast(resamples, [normalised.here, plain.there], [plain.here, normalised.there])
    yield _line("accuracy_change", accuracy.value, accuracy) | {"against_protocol": ""}
    yield _line("loss_change", loss.value, loss)


def _line(measure: str, value: float, bounds: Interval | Paired) -> dict[str, Any]:
    return {"measure": measure, "value": value, "ci_low": bounds.low, "ci_high": bounds.high}
