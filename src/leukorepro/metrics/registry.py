"""The metrics: one registry entry for each, which owns all that is particular to it.

Configuration, printed numbers and tables name a metric by its key, perhaps with a part of the rows or a class in front
(`leukorepro.metrics.names`). Nothing is computed here: formulas work on arrays that they are given, so that the
configuration can know the metrics without loading a library.

Every metric but the accuracy is of one class against the others: with two classes mostly of the positive one (Atteia
2022, equations 4 to 7), or the plain mean over several classes. Recall is another word for sensitivity; both are given,
since papers print both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from leukorepro.core.tables.predictions import MOMENTS, RECONSTRUCTION
from leukorepro.metrics.kinds import AREA, BIAS, CORRELATION, COUNT, ERROR, LOSS, SECONDS, SHARE, Kind

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
    RANKS = "the order of scores within folds"
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
        What it is made from. One that is made from sums or ranks is measured of every item; a count of rows and one of
        the mean over rows where a table prints it.
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
    others: str = ""
    no_result: str = ""

    @property
    def of_predictions(self) -> bool:
        """Whether it follows from truths, predictions and scores."""
        return self.of_every_item or self.source is Source.COUNTS

    @property
    def of_every_item(self) -> bool:
        """Whether it is measured of every item, whatever a table prints."""
        return self.source in (Source.SUMS, Source.RANKS)

    @property
    def has_share(self) -> bool:
        """Whether its interval is that of a share, of something counted."""
        return self.kind.is_share or self.source is Source.COUNTS

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
        return self.of_predictions or self.of_a_class != "never"

    @property
    def is_printed(self) -> bool:
        """Whether papers print it."""
        return self.source not in (Source.PROBABILITIES, Source.SUBJECTS)


def _sensitivity(rows: ClassSums) -> Floats:
    return rows.both / rows.true


def _specificity(rows: ClassSums) -> Floats:
    negatives = rows.total - rows.true
    return (negatives - (rows.guessed - rows.both)) / negatives


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
    "accuracy": Metric(
        SHARE, "accuracy", Source.SUMS, formula=lambda rows: rows.right / rows.total, mixes_classes=True
    ),
    "sensitivity": Metric(SHARE, "sensitivity", Source.SUMS, formula=_sensitivity, rests_on=lambda rows: (rows.true,)),
    "specificity": Metric(SHARE, "specificity", Source.SUMS, formula=_specificity, rests_on=lambda rows: (~rows.true,)),
    "precision": Metric(
        SHARE,
        "precision",
        Source.SUMS,
        formula=lambda rows: rows.both / rows.guessed,
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
        formula=lambda rows: 2 * rows.both / (rows.true + rows.guessed),
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
    "npv": Metric(SHARE, "NPV", Source.SUBJECTS),
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
