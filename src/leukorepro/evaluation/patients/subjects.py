"""What a classifier says of each subject: its cells put together, and the diagnosis that they amount to.

A subject's rows are all tested rows of its images: augmented copies where the protocol tests them, and all folds. Votes
and probabilities mean the same in every fold, so those of several folds are put together; margins do not, and are not.

A diagnosis follows one of two rules, and neither has a threshold that could be tuned:

- `MAJORITY`: a subject is what most of its rows are called. With two classes half of them are enough for the positive
  one: a missed patient is worse than a second look. With more, a subject without a single class that is called most
  often has no diagnosis, which counts as a wrong one.
- `MEAN_SCORE`: a subject is what is most probable on average over its rows; the positive one of two from 0.5. There is
  no such diagnosis where scores are margins.

The threshold of one half is the classifier's own: it calls a cell whatever is more probable. The share of a class among
training rows would be another that needs no test row, but it is a share of cells and says nothing of subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.evaluation.intervals import exact_interval
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.patients.probabilities import Forecasts
from leukorepro.evaluation.predictions import classes_of

MAJORITY, MEAN_SCORE = "majority", "mean_score"
"""Rules of diagnosis."""

SEVERAL = "several"
"""Class of a subject whose cells are of more than one; it has no diagnosis."""

HALF = 0.5
"""Share of rows, or mean probability, from which on a subject is diagnosed with the positive one of two classes."""

UNDECIDED = -1
"""Diagnosis of a subject that several classes are called equally often."""


@dataclass(frozen=True)
class Diagnoses:
    """Subjects of one class, each diagnosed once in every repeat that tests it; arrays of shape (n_diagnoses,)."""

    subject: Ints
    """Number of the subject."""
    group: Ints
    """Number of its group."""
    repeat: Ints
    truth: Ints
    """Class, as a number from 0."""
    called: Ints
    """Class that it is diagnosed with, or `UNDECIDED`."""
    score: Floats
    """Higher for what is more likely positive; 0 with three classes or more."""
    positive: int | None
    """Number of the positive class; None with three classes or more."""
    seed: Ints | None = None
    """Which of the run's seeds each is of; None where it has one."""


class Subjects:
    """The subjects of an outcome.

    Parameters
    ----------
    rows : DataFrame
        As `leukorepro.evaluation.predictions.outcomes` yields them; those without a subject are passed over.
    group : array of int, shape (n_rows,)
        Group of each row.
    forecast : Forecasts or None
        Their probabilities; None where scores are margins.
    positive_class : str or None
        The class that counts as positive; None with three classes or more.
    """

    def __init__(self, rows: pd.DataFrame, group: Ints, forecast: Forecasts | None, positive_class: str | None) -> None:
        known = (rows["subject_id"] != "").to_numpy()
        self.n_images_without = int(rows["image_id"][~known].nunique())
        """Images without a subject."""
        rows = rows[known]
        self._group, self._repeat = group[known], rows["repeat"].to_numpy()
        self._seed = rows["seed"].to_numpy() if "seed" in rows else None
        self._subject, self._names = pd.factorize(rows["subject_id"], sort=True)
        self._images, self._sources = (self._different(rows[column]) for column in ("image_id", "source_id"))
        self._classes = classes_of(rows) if positive_class is None else sorted({*classes_of(rows), positive_class})
        self._truth, self._guess = (self._numbers(rows[column]) for column in ("y_true", "y_pred"))
        self._positive = None if positive_class is None else self._classes.index(positive_class)
        self._probability = None if forecast is None else forecast.probability[known]
        self._of_class = self._counts(self._subject, self._truth, len(self._names)) > 0

    def __len__(self) -> int:
        return len(self._names)

    @property
    def n_of_several_classes(self) -> int:
        """Subjects whose cells are of several classes."""
        return int((self._of_class.sum(axis=1) > 1).sum())

    def lines(self) -> Iterator[tuple[object, ...]]:
        """Every subject: its name, class, number of images and of rows, and four numbers.

        The share of its rows called positive, their mean probability of being so, and the accuracy with its interval.
        The first two are NaN with three classes or more, and the second where scores are margins. The interval is that
        of Clopper and Pearson for as many trials as the subject has source photographs: copies, folds and repeats are
        no further ones, and neither are seeds.
        """
        n_rows = np.bincount(self._subject, minlength=len(self))
        none = np.full(len(self), np.nan)
        share = none if self._positive is None else self._means(self._guess == self._positive)
        score = none
        if self._positive is not None and self._probability is not None:
            score = self._means(self._probability[:, 0])
        accuracy = self._means(self._truth == self._guess)
        low, high = exact_interval(accuracy, self._sources)
        first = self._of_class.argmax(axis=1)
        several = self._of_class.sum(axis=1) > 1
        classes = [SEVERAL if many else self._classes[number] for number, many in zip(first, several, strict=True)]
        columns: list[Iterable[object]] = [
            self._names,
            classes,
            self._images,
            n_rows,
            share,
            score,
            accuracy,
            low,
            high,
        ]
        yield from zip(*columns, strict=True)

    def diagnoses(self, rule: str) -> Diagnoses:
        """Every subject of one class in every repeat, diagnosed by `MAJORITY` or, with probabilities, `MEAN_SCORE`."""
        repeats, at, repeat = np.unique(self._repeat, return_index=True, return_inverse=True)
        unit = repeat * len(self) + self._subject
        size = len(repeats) * len(self)
        votes = self._counts(unit, self._guess, size)
        shares = votes
        if rule == MEAN_SCORE and self._probability is not None:
            shares = np.stack([np.bincount(unit, column, size) for column in self._probability.T], axis=1)
        tested = np.flatnonzero(votes.sum(axis=1))
        tested = tested[self._of_class.sum(axis=1)[tested % len(self)] == 1]
        shares = shares[tested] / votes[tested].sum(axis=1, keepdims=True)
        score = np.zeros(len(tested))
        if self._positive is None:
            called = most_called(shares)
        else:
            score = shares[:, self._positive if rule == MAJORITY else 0]
            other = next((n for n in range(len(self._classes)) if n != self._positive), UNDECIDED)
            called = np.where(score >= HALF, self._positive, other)
        subject = tested % len(self)
        first = np.zeros(len(self), dtype=np.intp)
        first[self._subject] = self._group
        truth = self._of_class.argmax(axis=1)
        number = tested // len(self)
        seed = None if self._seed is None else self._seed[at][number]
        return Diagnoses(subject, first[subject], number, truth[subject], called, score, self._positive, seed)

    def _numbers(self, column: pd.Series) -> Ints:
        """Classes as numbers."""
        codes, names = pd.factorize(column)
        return np.array([self._classes.index(name) for name in names], dtype=np.intp)[codes]

    def _different(self, column: pd.Series) -> Ints:
        """Different values of each subject."""
        codes, names = pd.factorize(column)
        pairs = np.unique(self._subject * len(names) + codes)
        return np.bincount(pairs // len(names), minlength=len(self))

    def _means(self, numbers: NDArray[np.bool] | Floats) -> Floats:
        """Mean over the rows of each subject."""
        means: Floats = np.bincount(self._subject, numbers, len(self)) / np.bincount(self._subject, minlength=len(self))
        return means

    def _counts(self, unit: Ints, of_class: Ints, n_units: int) -> Floats:
        """Rows of each unit and class, shape (n_units, n_classes)."""
        n_classes = len(self._classes)
        counts = np.bincount(unit * n_classes + of_class, minlength=n_units * n_classes)
        return counts.reshape(n_units, n_classes).astype(np.float64)


def most_called(shares: Floats) -> Ints:
    """The class that each subject's rows are called most often, of shares (n, n_classes); `UNDECIDED` where several."""
    most = shares == shares.max(axis=1, keepdims=True)
    return np.where(most.sum(axis=1) == 1, shares.argmax(axis=1), UNDECIDED)
