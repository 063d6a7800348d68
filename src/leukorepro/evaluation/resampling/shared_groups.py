"""Outcomes measured on the same resamples of the same groups, so that their differences are paired.

Two outcomes need not have tested the same images: rungs split them differently, and a hold-out tests a part only. The
groups that are drawn are those of all images that one or the other has, linked by a subject or a source; in every
resample both are measured with the weights that their own images got. Where both have the same images the draws are
those of their intervals in the table of metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.data.groups import groups
from leukorepro.evaluation.intervals import N_RESAMPLES, resample_weights
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.metrics.metrics import Scored, Sums, measure, smaller_class, support
from leukorepro.evaluation.outcome_metrics import NamedMetric, PartOfOutcome, named_metric
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome, classes_of
from leukorepro.metrics.registry import METRICS, Source


@dataclass(frozen=True, eq=False)
class SummedPart:
    """Rows of one role of an outcome, seen as those of all classes or of one, and summed over their own groups."""

    rows: Scored
    sums: Sums
    support: dict[str, int]
    """Number of groups that each metric rests on."""
    smaller_class: int | None
    """Number of groups of the smaller of two classes."""
    images: NDArray[np.bool_]
    """Which images of the study are among them, shape (n_images,)."""
    member: Ints
    """Position of an image of each group, shape (n_own_groups,)."""

    def is_same_as(self, other: SummedPart) -> bool:
        """Whether the predictions are the same, score by score."""
        names = ("truth", "guess", "scores", "repeat", "fold")
        pairs = [(getattr(self.rows, name), getattr(other.rows, name)) for name in names]
        pairs += [
            (self.images, other.images),
            *zip(self.rows.numbers.values(), other.rows.numbers.values(), strict=True),
        ]
        return all(np.array_equal(one, two) for one, two in pairs)


@dataclass(frozen=True, eq=False)
class Measurable:
    """A metric of an outcome, ready to be measured under many weightings of groups."""

    metric: str
    """Key in `leukorepro.metrics.registry.METRICS`."""
    part: SummedPart

    @cached_property
    def value(self) -> float:
        """The metric of all rows; NaN where undefined."""
        return float(self.weighted(np.ones((len(self.part.member), 1)))[0])

    @cached_property
    def values_of_seeds(self) -> list[float]:
        """The metric of each of the run's seeds, of all rows."""
        return [measure(seed, [self.metric])[self.metric] for seed in self.part.rows.of_seeds]

    @property
    def n_groups(self) -> int:
        """Number of groups that the metric rests on."""
        return self.part.support[self.metric]

    @property
    def n_smaller(self) -> int | None:
        """Number of groups of the smaller of two classes, where the metric is of both together."""
        return self.part.smaller_class if METRICS[self.metric].mixes_classes else None

    @property
    def limits(self) -> tuple[float, float]:
        """What it can be at least and at most."""
        return METRICS[self.metric].limits

    @property
    def is_share(self) -> bool:
        """Whether it lies in [0, 1] and has exact bounds; a mean, of losses say, has not."""
        return METRICS[self.metric].kind.is_share

    def weighted(self, weights: NDArray[np.number]) -> Floats:
        """The metric for many weightings of the part's own groups, shape (n_resamples,)."""
        return self.part.sums.weighted(weights, [self.metric])[self.metric]


@dataclass(frozen=True, eq=False)
class SharedGroups:
    """Groups of all images that one or more outcomes are measured on."""

    number: Ints
    """Group of every image of the study, -1 outside, shape (n_images,)."""
    weights: NDArray[np.uint16]
    """How often each group is drawn in each resample, shape (n_groups, n_resamples)."""

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.weights)


class SharedResamples:
    """Metrics of a study's outcomes, on resamples that outcomes share; what was summed or resampled once is kept.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions.
    images : DataFrame
        All images, as `leukorepro.evaluation.outcomes.Outcomes.images` gives them.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.
    """

    def __init__(self, outcomes: Outcomes, images: pd.DataFrame, seed: int, n_resamples: int = N_RESAMPLES) -> None:
        self._outcomes = outcomes
        self._names = pd.Index(images["image_id"])
        self._subject, self._source = images["subject_id"].to_numpy(), images["source_id"].to_numpy()
        self._seed, self._n_resamples = seed, n_resamples
        self._found: dict[tuple[Outcome, str], Measurable | None] = {}
        self._called: dict[Outcome, dict[str, str]] = {}
        self._parts: dict[tuple[Outcome, str, str | None, str], SummedPart | None] = {}
        self._groups: dict[bytes, SharedGroups] = {}
        self._resampled: dict[tuple[Measurable, SharedGroups, bool], Floats] = {}

    def find(self, outcome: Outcome, metric: str) -> Measurable | None:
        """A metric of an outcome by its name in the table of metrics; None where it cannot be measured.

        Parameters
        ----------
        outcome : Outcome
            Table, item and rung.
        metric : str
            Its name in the table of metrics, a class in front where it is of one.
        """
        if (outcome, metric) not in self._found:
            self._found[outcome, metric] = self._measurable(outcome, metric)
        return self._found[outcome, metric]

    def together(self, *measured: Measurable) -> SharedGroups:
        """The groups of all images that any of several is measured on."""
        images = np.any([what.part.images for what in measured], axis=0)
        key = images.tobytes()
        if key not in self._groups:
            number = np.full(len(images), -1)
            number[images] = groups(self._subject[images], self._source[images])
            weights = resample_weights(int(number.max()) + 1, self._n_resamples, self._seed)
            self._groups[key] = SharedGroups(number, weights)
        return self._groups[key]

    def groups_of(self, image_id: pd.Series[str], over: SharedGroups) -> Ints:
        """Group of the image of every row.

        Parameters
        ----------
        image_id : Series of str, shape (n_rows,)
            Of the run's images.
        over : SharedGroups
            The groups that several outcomes have in common.

        Returns
        -------
        ndarray of int, shape (n_rows,)
            Number of the group, from 0; -1 for an image outside all of them.
        """
        return np.asarray(over.number[self._names.get_indexer(image_id)])

    def resampled(self, what: Measurable, over: SharedGroups, *, out_of_bag: bool = False) -> Floats:
        """A metric in every resample, shape (n_resamples,); NaN where undefined.

        Parameters
        ----------
        what : Measurable
        over : SharedGroups
            Groups of its images, and perhaps of others.
        out_of_bag : bool
            Measure it on the groups that a resample has not drawn, each once, instead of on those that it has.
        """
        key = (what, over, out_of_bag)
        if key not in self._resampled:
            drawn = over.weights[over.number[what.part.member]]
            self._resampled[key] = what.weighted(drawn == 0 if out_of_bag else drawn)
        return self._resampled[key]

    def n_apart(self, one: Measurable, other: Measurable) -> int:
        """Number of groups that tell two metrics apart: measured on such a group alone, they differ.

        A group that one of them is not measured on is such a one; for a metric of ranks, whose value rests on pairs of
        rows of different groups, every group is. Metrics of all classes, most of which no single group has, are told
        apart by the accuracy.

        Parameters
        ----------
        one, other : Measurable
            Two metrics, of one outcome or of two.
        """
        over = self.together(one, other)
        if METRICS[one.metric].is_ranked:
            return over.n
        values = np.full((2, over.n), np.nan)
        for row, what in zip(values, (one, other), strict=True):
            group = over.number[what.part.member]  # a shared group may hold several of the outcome's own
            alone = group[:, None] == np.unique(group)
            told_by = replace(what, metric="accuracy") if METRICS[what.metric].takes_no_class else what
            row[np.unique(group)] = told_by.weighted(alone)
        return int(np.sum((values[0] != values[1]) & ~np.isnan(values).all(axis=0)))

    def _measurable(self, outcome: Outcome, metric: str) -> Measurable | None:
        if outcome not in self._called:
            called = self._outcomes.resolved.study.class_names
            self._called[outcome] = {
                name: called.get(name, name) for name in classes_of(self._outcomes.tested(outcome))
            }
        named = named_metric(metric, self._called[outcome])
        if named is None:
            return None
        mean = named.metric if METRICS[named.metric].is_mean else ""
        key = (outcome, named.role, named.of_class, mean)
        if key not in self._parts:
            self._parts[key] = self._part(outcome, named, mean)
        part = self._parts[key]
        return None if part is None else Measurable(named.metric, part)

    def _part(self, outcome: Outcome, named: NamedMetric, mean: str) -> SummedPart | None:
        rows = self._outcomes.tested(outcome)
        if named.role != "test":
            fitted = self._outcomes.fitted(outcome)
            rows = rows[:0] if fitted is None else fitted[fitted["role"] == named.role]
        columns = METRICS[mean].columns if mean and METRICS[mean].source is Source.COLUMNS else ()
        if rows.empty or not set(columns) <= set(rows.columns):
            return None
        measuring = self._outcomes.measuring(outcome.table, outcome.item, self._n_resamples, self._seed)
        return self._summed(PartOfOutcome(rows, measuring), named.of_class, mean)

    def _summed(self, part: PartOfOutcome, of_class: str | None, mean: str) -> SummedPart:
        rows = part.scored([mean] if mean else [], of_class)
        image = self._names.get_indexer(part.rows["image_id"])
        images = np.zeros(len(self._names), dtype=bool)
        images[image] = True
        numbers, first = np.unique(part.group, return_index=True)
        sums = Sums(rows, part.group, len(numbers))
        smaller = smaller_class(rows, part.group)
        return SummedPart(rows, sums, support(rows, part.group), smaller, images, image[first])
