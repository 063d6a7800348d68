"""The metrics: one registry entry for each, which owns all that is particular to it.

Configuration, printed numbers and tables name a metric by its key, perhaps with a part of the rows or a class in front
(`leukorepro.metrics.names`). Nothing is computed here: formulas work on arrays that they are given, so that the
configuration can know the metrics without loading a library.

A metric is of one class against the others, with two classes mostly of the positive one (Atteia 2022, equations 4 to
7), or the plain mean over several classes; or it is of all classes, whatever its table averages, as the accuracy and
what has `macro`, `weighted` or `micro` in front are. Several names may have one formula, since papers print all of
them: recall is the sensitivity, macro recall the balanced accuracy, and every micro average, like the weighted recall,
the accuracy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from leukorepro.core.tables.predictions import MOMENTS, RECONSTRUCTION
from leukorepro.metrics.kinds import AGREEMENT, AREA, BIAS, CORRELATION, COUNT, ERROR, LOSS, SECONDS, SHARE, Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


class ClassSums(NamedTuple):
    """Numbers of rows, which formulas are made of: for every repeat of the folds, class and resample."""

    total: Floats
    """All rows, shape (n_repeats, 1, n_resamples)."""
    right: Floats
    """Rows that are predicted right, shape (n_repeats, 1, n_resamples)."""
    true: Floats
    """Rows that are of the class, shape (n_repeats, n_classes, n_resamples)."""
    guessed: Floats
    """Rows that are predicted to be of the class, shape (n_repeats, n_classes, n_resamples)."""
    both: Floats
    """Rows that are of the class and predicted to be, shape (n_repeats, n_classes, n_resamples)."""


class ClassRows(NamedTuple):
    """Which rows are of a class."""

    true: Bools
    """Truly, shape (n_rows, n_classes)."""
    guessed: Bools
    """By prediction, shape (n_rows, n_classes)."""
    ranked: Bools
    """Truly, for the classes whose scores are ranked, shape (n_rows, n_ranked)."""


class Source(Enum):
    """What a metric is made from."""

    SUMS = "numbers of rows, by its formula"
    COUNTS = "a share of rows, by its formula, times the number of these rows"
    RANKS = "the order of scores within folds: which pairs of rows are in the right one"
    PRECISIONS = "the order of scores within folds: the precision at every score"
    LOSSES = "the mean over rows of the loss of each"
    COLUMNS = "means over rows of columns"
    PROBABILITIES = "stated probabilities: calibration"
    SUBJECTS = "diagnoses of subjects"
    PAPER = "nothing here: papers print it"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    kind : Kind
        Its range, its interval, and how it is shown.
    words : str
        Its name in the middle of a sentence.
    source : Source
        What it is made from. One that is made from sums or ranks is measured of every item, unless it is
        `only_printed`; a count of rows and one of the mean over rows where a table prints it.
    formula : callable, optional
        Of one made from sums: its value for every repeat, class and resample, NaN where it has no denominator. The
        metric is the mean over repeats and classes. Of a count of rows: their share of those that `rests_on` has.
    columns : tuple of str
        Of one of means over rows: what every row has; a loss is no column of the predictions, but follows from them.
    of_means : callable, optional
        Of one of several such means: its value by them, in their order.
    rests_on : callable, optional
        Rows in its denominator, by class; several sets where all must be there. Default: all rows.
    of_a_class : {"never", "when printed", "always"}
        Whether a table that names classes has it of every single class.
    mixes_classes : bool
        Whether it is of all classes together; with two, an interval then has the degrees of freedom of the smaller one.
    takes_no_class : bool
        Whether it is an average or an agreement over all classes, so that its name has none in front.
    only_printed : bool
        Whether only tables that print it have it, although it could be measured of every item: because another name has
        the same formula, or because it takes long.
    others : str
        Of a count of rows: the key of that of all other rows of the same classes.
    no_result : str
        Of one that papers print: why nothing of ours can be compared with it.
    """

    kind: Kind
    words: str
    source: Source
    formula: Callable[[ClassSums], Floats] | None = None
    columns: tuple[str, ...] = ()
    of_means: Callable[[Floats, Floats, Floats, Floats, Floats], Floats] | None = None
    rests_on: Callable[[ClassRows], tuple[Bools, ...]] | None = None
    of_a_class: Literal["never", "when printed", "always"] = "never"
    mixes_classes: bool = False
    takes_no_class: bool = False
    only_printed: bool = False
    others: str = ""
    no_result: str = ""

    @property
    def of_predictions(self) -> bool:
        """Whether it follows from truths, predictions and scores."""
        return self.is_made_of_rows or self.source is Source.COUNTS

    @property
    def is_made_of_rows(self) -> bool:
        """Whether it follows from them as they stand, so that it can be resampled."""
        return self.source is Source.SUMS or self.is_ranked

    @property
    def is_ranked(self) -> bool:
        """Whether it follows from the order of scores, so that no row says anything of it alone."""
        return self.source in (Source.RANKS, Source.PRECISIONS)

    @property
    def of_every_item(self) -> bool:
        """Whether it is measured of every item, whatever a table prints."""
        return self.is_made_of_rows and not self.only_printed

    @property
    def has_share(self) -> bool:
        """Whether its interval is that of a share, of something counted."""
        return self.kind.is_share or self.source is Source.COUNTS

    @property
    def limits(self) -> tuple[float, float]:
        """What it can be at least and at most as it is measured: a count is measured as a share."""
        return (0, 1) if self.has_share else (self.kind.low, self.kind.high)

    @property
    def is_mean(self) -> bool:
        """Whether it follows from means of numbers that each row has."""
        return self.source in (Source.LOSSES, Source.COLUMNS)

    @property
    def of_a_part(self) -> bool:
        """Whether it can be measured of the training or the validation rows as well."""
        return self.of_predictions or self.is_mean

    @property
    def takes_class(self) -> bool:
        """Whether its name may have a class in front."""
        return (self.of_predictions and not self.takes_no_class) or self.of_a_class != "never"

    @property
    def is_printed(self) -> bool:
        """Whether papers print it."""
        return self.source not in (Source.PROBABILITIES, Source.SUBJECTS)


def _sensitivity(rows: ClassSums) -> Floats:
    return rows.both / rows.true


def _specificity(rows: ClassSums) -> Floats:
    negatives = rows.total - rows.true
    return (negatives - (rows.guessed - rows.both)) / negatives


def _accuracy(rows: ClassSums) -> Floats:
    return rows.right / rows.total


def _precision(rows: ClassSums) -> Floats:
    return rows.both / rows.guessed


def _f1(rows: ClassSums) -> Floats:
    return 2 * rows.both / (rows.true + rows.guessed)


def _npv(rows: ClassSums) -> Floats:
    others = rows.total - rows.guessed
    return (others - (rows.true - rows.both)) / others


def _all_classes(rows: ClassSums) -> ClassSums:
    """The sums of all classes, where those of one of two are given."""
    if rows.true.shape[1] > 1:
        return rows
    import numpy as np

    others = (rows.total - rows.true, rows.total - rows.guessed, rows.total - rows.true - rows.guessed + rows.both)
    pairs = zip((rows.true, rows.guessed, rows.both), others, strict=True)
    return ClassSums(rows.total, rows.right, *(np.concatenate(pair, axis=1) for pair in pairs))


def _macro(formula: Callable[[ClassSums], Floats]) -> Callable[[ClassSums], Floats]:
    """The plain mean over all classes."""

    def macro(rows: ClassSums) -> Floats:
        averaged: Floats = formula(_all_classes(rows)).mean(axis=1, keepdims=True)
        return averaged

    return macro


def _weighted(formula: Callable[[ClassSums], Floats]) -> Callable[[ClassSums], Floats]:
    """The mean over all classes that have rows, weighted by their numbers."""

    def weighted(rows: ClassSums) -> Floats:
        every = _all_classes(rows)
        values = formula(every)
        values[every.true == 0] = 0
        averaged: Floats = (every.true * values).sum(axis=1, keepdims=True) / every.total
        return averaged

    return weighted


def _mcc(rows: ClassSums) -> Floats:
    """The correlation of true and predicted classes (Gorodkin, Computational Biology and Chemistry 28, 2004)."""
    every = _all_classes(rows)
    common = rows.right * rows.total - (every.true * every.guessed).sum(axis=1, keepdims=True)
    varied = [rows.total**2 - (counts**2).sum(axis=1, keepdims=True) for counts in (every.true, every.guessed)]
    correlation: Floats = common / (varied[0] * varied[1]) ** 0.5
    return correlation


def _kappa(rows: ClassSums) -> Floats:
    """Agreement beyond that of chance (Cohen, Educational and Psychological Measurement 20, 1960)."""
    every = _all_classes(rows)
    by_chance = (every.true * every.guessed).sum(axis=1, keepdims=True) / rows.total
    agreement: Floats = (rows.right - by_chance) / (rows.total - by_chance)
    return agreement


_balanced_accuracy = _macro(_sensitivity)


def _both_sides(rows: ClassRows) -> tuple[Bools, ...]:
    """Every class and what is not of it: of the two the smaller counts."""
    return rows.true, ~rows.true


def _of_all(
    kind: Kind, words: str, formula: Callable[[ClassSums], Floats], *, every_class: bool = True, printed: bool = False
) -> Metric:
    """A metric of all classes, whatever its table averages.

    Parameters
    ----------
    kind : Kind
    words : str
    formula : callable
    every_class : bool
        Whether all classes weigh the same, so that it rests on the groups of the smallest; else on all groups.
    printed : bool
        Whether only tables that print it have it.
    """
    return Metric(
        kind,
        words,
        Source.SUMS,
        formula=formula,
        rests_on=_both_sides if every_class else None,
        mixes_classes=True,
        takes_no_class=True,
        only_printed=printed,
    )


def _pooled_correlation(x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Pearson's correlation of x and y, of the means of both, of their squares and of their product."""
    variances: Floats = (xx - x * x) * (yy - y * y)
    correlation: Floats = (xy - x * y) / variances**0.5
    return correlation


DURATION = "it is a time on the paper's machine; ours and its machine stand with the networks' training in the report"


def _entry(words: str, others: str, formula: Callable[[ClassSums], Floats], *, of_class: bool) -> Metric:
    """An entry of a confusion matrix: how many rows of a class, or of all others, are predicted so."""

    def rests_on(rows: ClassRows) -> tuple[Bools, ...]:
        return (rows.true if of_class else ~rows.true,)

    return Metric(
        COUNT,
        words,
        Source.COUNTS,
        formula=formula,
        rests_on=rests_on,
        of_a_class="when printed",
        others=others,
    )


METRICS: dict[str, Metric] = {
    "accuracy": Metric(SHARE, "accuracy", Source.SUMS, formula=_accuracy, mixes_classes=True),
    "sensitivity": Metric(SHARE, "sensitivity", Source.SUMS, formula=_sensitivity, rests_on=lambda rows: (rows.true,)),
    "specificity": Metric(SHARE, "specificity", Source.SUMS, formula=_specificity, rests_on=lambda rows: (~rows.true,)),
    "precision": Metric(
        SHARE,
        "precision",
        Source.SUMS,
        formula=_precision,
        rests_on=lambda rows: (rows.guessed,),
        of_a_class="always",
    ),
    "recall": Metric(
        SHARE,
        "recall",
        Source.SUMS,
        formula=_sensitivity,
        rests_on=lambda rows: (rows.true,),
        of_a_class="always",
    ),
    "f1": Metric(
        SHARE,
        "F1",
        Source.SUMS,
        formula=_f1,
        rests_on=lambda rows: (rows.true | rows.guessed,),
        of_a_class="always",
    ),
    "auroc": Metric(
        AREA,
        "AUROC",
        Source.RANKS,
        rests_on=lambda rows: (rows.ranked, ~rows.ranked),
        of_a_class="when printed",
    ),
    "npv": Metric(
        SHARE,
        "NPV",
        Source.SUMS,
        formula=_npv,
        rests_on=lambda rows: (~rows.guessed,),
        of_a_class="when printed",
    ),
    "balanced_accuracy": _of_all(SHARE, "balanced accuracy", _balanced_accuracy),
    "weighted_f1": _of_all(SHARE, "weighted F1", _weighted(_f1), every_class=False),
    "mcc": _of_all(CORRELATION, "MCC", _mcc),
    "kappa": _of_all(AGREEMENT, "Cohen's kappa", _kappa),
    "macro_precision": _of_all(SHARE, "macro precision", _macro(_precision), printed=True),
    "macro_recall": _of_all(SHARE, "macro recall", _balanced_accuracy, printed=True),
    "macro_f1": _of_all(SHARE, "macro F1", _macro(_f1), printed=True),
    "weighted_precision": _of_all(SHARE, "weighted precision", _weighted(_precision), every_class=False, printed=True),
    "weighted_recall": _of_all(SHARE, "weighted recall", _accuracy, every_class=False, printed=True),
    "micro_precision": _of_all(SHARE, "micro precision", _accuracy, every_class=False, printed=True),
    "micro_recall": _of_all(SHARE, "micro recall", _accuracy, every_class=False, printed=True),
    "micro_f1": _of_all(SHARE, "micro F1", _accuracy, every_class=False, printed=True),
    "average_precision": Metric(
        AREA,
        "average precision",
        Source.PRECISIONS,
        rests_on=lambda rows: (rows.ranked, ~rows.ranked),
        of_a_class="when printed",
        only_printed=True,
    ),
    "loss": Metric(LOSS, "loss", Source.LOSSES, columns=("loss",)),
    "unweighted_loss": Metric(LOSS, "unweighted loss", Source.LOSSES, columns=("unweighted_loss",)),
    RECONSTRUCTION: Metric(
        CORRELATION,
        "reconstruction correlation",
        Source.COLUMNS,
        columns=(RECONSTRUCTION,),
        of_a_class="when printed",
    ),
    "pixel_correlation": Metric(
        CORRELATION,
        "reconstruction correlation over all pixels",
        Source.COLUMNS,
        columns=MOMENTS,
        of_means=_pooled_correlation,
        of_a_class="when printed",
    ),
    "brier": Metric(ERROR, "Brier score", Source.PROBABILITIES),
    "brier_reference": Metric(ERROR, "Brier score of the class shares", Source.PROBABILITIES),
    "ece": Metric(ERROR, "ECE", Source.PROBABILITIES),
    "ece_by_chance": Metric(ERROR, "ECE by chance", Source.PROBABILITIES),
    "calibration_in_the_large": Metric(BIAS, "stated minus observed", Source.PROBABILITIES),
    "ppv": Metric(SHARE, "PPV", Source.SUBJECTS),
    "tp": _entry("TP", "fn", _sensitivity, of_class=True),
    "fn": _entry("FN", "tp", lambda rows: 1 - _sensitivity(rows), of_class=True),
    "fp": _entry("FP", "tn", lambda rows: 1 - _specificity(rows), of_class=False),
    "tn": _entry("TN", "fp", _specificity, of_class=False),
    "n_features": Metric(COUNT, "features", Source.PAPER),
    "learnables": Metric(COUNT, "learnables", Source.PAPER),
    "learnables_total": Metric(COUNT, "learnables total", Source.PAPER),
    "size": Metric(COUNT, "size", Source.PAPER),
    "epoch_seconds": Metric(SECONDS, "seconds per epoch", Source.PAPER, no_result=DURATION),
}
"""In the order of tables."""

OF_PREDICTIONS = tuple(name for name, metric in METRICS.items() if metric.of_every_item)
"""Metrics of every item."""
CALIBRATION = tuple(name for name, metric in METRICS.items() if metric.source is Source.PROBABILITIES)
"""Metrics of stated probabilities."""
