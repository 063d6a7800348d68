"""What a printed number is a mean of, when it is one over classes, over folds, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from leukorepro.audits.arithmetic.blocks import METRICS, Block
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.separable import Condition, Problem, Term
from leukorepro.audits.means.images import Folds
from leukorepro.audits.paper import AVERAGES, Value, front_of

SAME = {"sensitivity": "recall"}
OF_ALL = ("accuracy", "balanced_accuracy")
"""The same whichever classes one averages over."""


@dataclass(frozen=True)
class Score:
    """A printed number: the metric, and the class or the average that its name has in front."""

    name: str
    metric: str
    front: str
    printed: Printed
    words: str
    """Its name in a sentence."""

    @property
    def is_open(self) -> bool:
        """Whether it is open which class, or which average over classes, it is of."""
        return not self.front and self.metric not in OF_ALL


def of_means(value: Value, *, cut: bool = False) -> Score:
    """A printed number of a table as a score of a class, of an average, or of all images.

    Parameters
    ----------
    value : Value
    cut : bool
        Take its digits for cut off instead of rounded.
    """
    front, metric = front_of(value.metric)
    printed = value.printed.cut_off() if cut else value.printed
    return Score(value.metric, SAME.get(metric, metric), front, printed, value.words)


def usable(scores: Sequence[Score], folds: Folds) -> tuple[list[Score], list[str]]:
    """Scores that follow from sums of images of each class, and the words of those that do not.

    Parameters
    ----------
    scores : sequence of Score
        Printed numbers of one item.
    folds : Folds
        Images of each class in each fold, and the names of the classes.
    """
    kept: list[Score] = []
    left_out: list[str] = []
    for score in scores:
        known = score.metric in METRICS and (score.front in ("", *AVERAGES, *folds.names))
        if len(folds.sizes[0]) > 2 and not score.front and score.metric == "kappa":
            known = False  # of several classes at once, it is no sum over classes
        if known:
            kept.append(score)
        else:
            left_out.append(score.words)
    return kept, left_out


def problem(
    scores: Sequence[Score], folds: Folds, reading: str, bounds: dict[str, tuple[Printed, Printed]] | None = None
) -> Problem:
    """Put printed numbers and the images that they are of together.

    Parameters
    ----------
    scores : sequence of Score
        As `usable` gives them.
    folds : Folds
    reading : {'positive', 'macro', 'weighted', 'micro'}
        What scores without a class in front are of.
    bounds : dict, optional
        Least and greatest printed value over the folds, by metric.

    Returns
    -------
    Problem
        A block for each class of each fold, and a condition for each number; those on single folds come from `bounds`.
    """
    n_classes = len(folds.sizes[0])
    one_block = n_classes == 2 and reading == "positive" and all(not s.front for s in scores)
    of_folds = [range(1) if one_block else range(n_classes) for _ in folds.sizes]
    blocks: list[Block] = []
    place: dict[tuple[int, int], int] = {}
    for number, sizes in enumerate(folds.sizes):
        for c in of_folds[number]:
            place[number, c] = len(blocks)
            blocks.append(Block(sizes[c], sum(sizes) - sizes[c]))
    matrices = () if one_block else tuple(tuple(place[f, c] for c in of_folds[f]) for f in range(len(folds.sizes)))
    each = Fraction(1, len(folds.sizes))
    conditions = []
    for score in scores:
        terms = [
            Term(place[f, c], each * weight, metric)
            for f, sizes in enumerate(folds.sizes)
            for c, weight, metric in _parts(score, sizes, folds.names, reading)
        ]
        conditions.append(Condition.of(score.name, terms, score.printed))
    for metric, (low, high) in (bounds or {}).items():
        least, most = Condition.of(metric, [], low), Condition.of(metric, [], high)
        for f, sizes in enumerate(folds.sizes):
            parts = _parts(Score(metric, SAME.get(metric, metric), "", low, metric), sizes, folds.names, reading)
            terms = [Term(place[f, c], weight, name) for c, weight, name in parts]
            conditions.append(Condition(f"{metric} of a fold", tuple(terms), least.low, most.high, low.per_one))
    return Problem(tuple(blocks), tuple(conditions), matrices)


def _parts(score: Score, sizes: Sequence[int], names: Sequence[str], reading: str) -> list[tuple[int, Fraction, str]]:
    """Classes that a number of one fold is a sum over: class, weight and score of the class."""
    total, n_classes = sum(sizes), len(sizes)
    front = score.front or ("" if score.metric in OF_ALL else reading)
    if front in names:
        return [(names.index(front), Fraction(1), score.metric)]
    if score.metric == "accuracy" or front == "micro":
        if n_classes == 2 and front in ("", "positive"):
            return [(0, Fraction(1), "accuracy")]
        return [(c, Fraction(size, total), "recall") for c, size in enumerate(sizes) if size]
    if front in ("", "positive"):
        if n_classes == 2:
            return [(0, Fraction(1), score.metric)]
        front, metric = "macro", "recall"  # the balanced accuracy of several classes
    else:
        metric = score.metric
    if front == "weighted":
        return [(c, Fraction(size, total), metric) for c, size in enumerate(sizes) if size]
    return [(c, Fraction(1, n_classes), metric) for c in range(n_classes)]
