"""All confusion matrices of two classes that give some printed numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from leukorepro.audits.arithmetic.blocks import METRICS, factors
from leukorepro.audits.arithmetic.printed import SLACK, Printed

Matrices = npt.NDArray[np.int64]
"""Confusion matrices, shape (4, n): tp, fn, fp and tn."""

Quantity = Literal[
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "npv",
    "balanced_accuracy",
    "kappa",
    "mcc",
    "tp",
    "fn",
    "fp",
    "tn",
]
Side = Literal["positive", "negative"]
Average = Literal["macro", "weighted", "micro"]
"""Over both classes: the plain mean, the mean weighted by their sizes, or of all their images together."""
Basis = Literal["positive", "negative", "macro", "weighted", "micro", "mixed"]
"""Whose precision, recall, specificity and F1: one class's, an average over both, or for each number one of the class's
own and the plain mean."""

OF_BOTH: tuple[Quantity, ...] = ("accuracy", "balanced_accuracy", "kappa", "mcc")
"""The same whichever class is called the positive one."""

ENTRIES: tuple[Quantity, ...] = ("tp", "fn", "fp", "tn")
Places = npt.NDArray[np.intp]
Open = Any
"""Whole numbers, one or an array."""
AT_A_TIME = 500_000
"""Candidates that are looked at in one portion, roughly."""
NEAR = 1e-9
"""Part of a score's terms by which limits are taken wider, so that errors of floats exclude nothing."""


@dataclass(frozen=True)
class Reported:
    """One printed number of an item: a share, or an entry of the matrix itself."""

    name: str
    """As it is called in `config/published`, with its table in front where that is another."""
    quantity: Quantity
    value: Printed | int
    side: Side | Average | None = None
    """The class, or the average, that the paper names; without one it is open whose number it is."""
    words: str = ""
    """Its name in a sentence; default: the name itself."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words or self.name)

    @property
    def is_averaged(self) -> bool:
        """Whether it is open which class it is about."""
        return self.side is None and self.quantity not in (*ENTRIES, *OF_BOTH)


def confusion_matrices(
    reported: Sequence[Reported], total: int, positives: Sequence[int], basis: Basis = "positive"
) -> Matrices:
    """All confusion matrices that give the printed numbers, to their digits.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    total : int
        Number of images.
    positives : sequence of int
        How many of them may be of the positive class.
    basis : {'positive', 'negative', 'macro', 'weighted', 'micro', 'mixed'}
        Whose numbers they are where the paper does not say it; `mixed`: of each number, one of the class's own and the
        mean.

    Returns
    -------
    array of int, shape (4, n)
        tp, fn, fp and tn of each; by positives, then by tp.

    Notes
    -----
    A share of no images counts as 0, as in scikit-learn.
    """
    found = [np.empty((4, 0), dtype=np.int64), *_portions(reported, total, positives, basis)]
    matrices = np.concatenate(found, axis=1)
    tp, fn, _, tn = matrices
    return matrices[:, np.lexsort((tn, tp, tp + fn))]


def any_fits(reported: Sequence[Reported], total: int, positives: Sequence[int], basis: Basis) -> bool:
    """Whether there is such a matrix at all; what `confusion_matrices` tells, sooner.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    total : int
        Number of images.
    positives : sequence of int
        How many of them may be of the positive class.
    basis : {'positive', 'negative', 'macro', 'weighted', 'micro', 'mixed'}
        Whose numbers they are where the paper does not say it.
    """
    return any(matrices.shape[1] for matrices in _portions(reported, total, positives, basis))


def _portions(reported: Sequence[Reported], total: int, positives: Sequence[int], basis: Basis) -> Iterator[Matrices]:
    """Confusion matrices that give the printed numbers, a portion at a time."""
    for matrices in _candidates(reported, total, np.asarray(sorted(positives), dtype=np.int64), basis):
        left = matrices
        for number in reported:
            left = left[:, _gives(number, left, basis)]
        yield left


def n_candidates(reported: Sequence[Reported], total: int, positives: Sequence[int], basis: Basis) -> int:
    """How many matrices `confusion_matrices` looks at, at most: few where an accuracy or recalls are printed.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    total : int
        Number of images.
    positives : sequence of int
        How many of them may be of the positive class.
    basis : {'positive', 'negative', 'macro', 'weighted', 'micro', 'mixed'}
        Whose numbers they are where the paper does not say it.
    """
    p = np.asarray(positives, dtype=np.int64)
    tp_low, tp_high = _hits(reported, "positive", p, basis)
    tn_low, tn_high = _hits(reported, "negative", total - p, basis)
    correct = _correct(reported, total)
    others = tn_high - tn_low + 1 if correct is None else len(correct)
    return int((np.maximum(0, tp_high - tp_low + 1) * np.maximum(0, others)).sum())


def share(quantity: Quantity, side: Side, matrices: Matrices) -> npt.NDArray[np.float64]:
    """A metric of one class, for each matrix; 0 where it is a share of nothing.

    Parameters
    ----------
    quantity : str
        One of `Quantity`, but no entry.
    side : {'positive', 'negative'}
        The class that counts as positive.
    matrices : array, shape (4, n)
        tp, fn, fp and tn of each matrix.
    """
    tp, fn, fp, tn = matrices if side == "positive" else matrices[::-1]
    if quantity == "mcc":
        root = np.sqrt(np.prod([tp + fp, tp + fn, tn + fp, tn + fn], axis=0, dtype=float))
        correlation: npt.NDArray[np.float64] = (tp * tn - fp * fn) / np.where(root == 0, np.inf, root)
        return correlation
    above, below = {
        "accuracy": (tp + tn, tp + fn + fp + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "f1": (2 * tp, 2 * tp + fn + fp),
        "npv": (tn, tn + fn),
        "balanced_accuracy": (tp * (tn + fp) + tn * (tp + fn), 2 * (tp + fn) * (tn + fp)),
        "kappa": (2 * (tp * tn - fn * fp), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)),
    }[quantity]
    result: npt.NDArray[np.float64] = above / np.maximum(below, 1)
    return result


def share_of(quantity: Quantity, basis: Side | Average, matrices: Matrices) -> npt.NDArray[np.float64]:
    """A metric of one class, or averaged over both, for each matrix.

    Parameters
    ----------
    quantity : str
        The metric, one of `Quantity` that is a share.
    basis : {'positive', 'negative', 'macro', 'weighted', 'micro'}
        One of the classes, or how both are averaged.
    matrices : ndarray of int, shape (4, n)
        tp, fn, fp and tn of each matrix.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    if basis in ("positive", "negative"):
        return share(quantity, basis, matrices)
    if basis == "micro":
        return share("accuracy", "positive", matrices)
    positive, negative = share(quantity, "positive", matrices), share(quantity, "negative", matrices)
    if basis == "macro":
        return (positive + negative) / 2
    p, n = matrices[0] + matrices[1], matrices[2] + matrices[3]
    result: npt.NDArray[np.float64] = (p * positive + n * negative) / np.maximum(p + n, 1)
    return result


def _gives(number: Reported, matrices: Matrices, basis: Basis) -> npt.NDArray[np.bool_]:
    """Which matrices give a printed number."""
    if isinstance(number.value, int):
        equal: npt.NDArray[np.bool_] = matrices[ENTRIES.index(number.quantity)] == number.value
        return equal
    if not number.is_averaged:
        return number.value.allows(share_of(number.quantity, number.side or "positive", matrices))
    if basis != "mixed":
        return number.value.allows(share_of(number.quantity, basis, matrices))
    readings: tuple[Side | Average, ...] = ("positive", "negative", "macro")
    allowed = [number.value.allows(share_of(number.quantity, reading, matrices)) for reading in readings]
    result: npt.NDArray[np.bool_] = np.any(allowed, axis=0)
    return result


def _candidates(
    reported: Sequence[Reported], total: int, positives: npt.NDArray[np.int64], basis: Basis
) -> Iterator[Matrices]:
    """Matrices among which those that are looked for are, a portion at a time.

    The printed accuracy leaves few numbers of correct images, printed recalls few numbers of hits in a class. With the
    one, or with the hits of the positive class, a single number of the matrix is left open, and most scores give limits
    for it.
    """
    correct = _correct(reported, total)
    rows = max(1, AT_A_TIME // max(1, total * (total if correct is None else len(correct))))
    for start in range(0, len(positives), rows):
        p = positives[start : start + rows]
        tp_low, tp_high = _hits(reported, "positive", p, basis)
        tn_low, tn_high = _hits(reported, "negative", total - p, basis)
        if correct is None:
            row, tp = _spread(tp_low, tp_high)
            p = p[row]
            low, high = _limits(reported, p, total - p, (tp, 0), (0, 1), basis)
            low, high = np.maximum(low, tn_low[row]), np.minimum(high, tn_high[row])
            which, tn = _spread(low, high)
            tp, p = tp[which], p[which]
        else:
            right = np.tile(correct, len(p))
            p, tp_low, tp_high, tn_low, tn_high = (
                np.repeat(one, len(correct)) for one in (p, tp_low, tp_high, tn_low, tn_high)
            )
            low, high = _limits(reported, p, total - p, (0, 1), (right, -1), basis)
            low, high = np.maximum(low, np.maximum(tp_low, right - tn_high)), np.minimum(high, tp_high)
            which, tp = _spread(low, np.minimum(high, right - tn_low))
            tn, p = right[which] - tp, p[which]
        yield np.stack([tp, p - tp, total - p - tn, tn])


def _spread(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> tuple[Places, npt.NDArray[np.int64]]:
    """All whole numbers from each `low` to its `high`, and which of these each is from."""
    counts = np.maximum(0, high - low + 1)
    which = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - before[which] + low[which]


def _limits(
    reported: Sequence[Reported], p: Open, n: Open, tp: tuple[Open, int], tn: tuple[Open, int], basis: Basis
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Least and greatest value that the printed scores leave for the one number that is still open.

    Parameters
    ----------
    reported : sequence of Reported
    p, n : array of int
        Images of both classes.
    tp, tn : (array of int, int)
        Correct images of both as ``first + second * x``, where x is the open number.
    basis : str

    Returns
    -------
    low, high : array of int
        What lies outside gives some printed number with certainty not; what lies within is to be looked at.

    Notes
    -----
    A score is (a + b x) / (c + d x) then, and lies between two limits where two sums that are linear in x are not
    negative.
    """
    size = p + n
    low, high = np.zeros(len(size)), size.astype(float)
    for number in reported:
        found = _linear(number, basis)
        if found is None or isinstance(number.value, int):
            continue
        metric, side = found
        own, others, right, rejected = (p, n, tp, tn) if side == "positive" else (n, p, tn, tp)
        taken = (others - rejected[0], -rejected[1])
        (a, b), (c, d) = (
            (f[0] * right[0] + f[1] * taken[0] + f[2], f[0] * right[1] + f[1] * taken[1])
            for f in factors(metric, own, others)
        )
        for limit, sign in ((number.value.low, 1), (number.value.high, -1)):
            first, second = sign * (a - limit * c), np.broadcast_to(sign * (b - limit * d), size.shape)
            spare = NEAR * (np.abs(a) + np.abs(c) + (np.abs(b) + np.abs(d)) * size)  # far above errors of floats
            end = np.divide(-first, second, out=np.zeros(len(size)), where=second != 0)
            more = np.divide(spare, np.abs(second), out=np.full(len(size), np.inf), where=second != 0)
            low = np.where(second > 0, np.maximum(low, end - more), low)
            high = np.where(second < 0, np.minimum(high, end + more), high)
            high = np.where((second == 0) & (first < -spare), -1, high)
    return np.ceil(np.maximum(low, 0)).astype(np.int64), np.floor(np.maximum(high, -1)).astype(np.int64)


def _linear(number: Reported, basis: Basis) -> tuple[str, Side] | None:
    """The score, of `METRICS`, and the class whose it is, that a number is; None where it is a sum of several."""
    whose = number.side or (basis if number.is_averaged else "positive")
    if number.quantity not in METRICS or whose == "mixed":
        return None
    if whose == "positive" or whose == "negative":
        return number.quantity, whose
    if whose == "micro" or (whose == "weighted" and number.quantity == "recall"):
        return "accuracy", "positive"
    if number.quantity in ("recall", "specificity") and whose == "macro":
        return "balanced_accuracy", "positive"
    return None


def _hits(
    reported: Sequence[Reported], side: Side, size: npt.NDArray[np.int64], basis: Basis
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Least and greatest number of correct images of a class of some sizes."""
    low, high = np.zeros_like(size), size
    for number in reported:
        if isinstance(number.value, int):
            hit, missed = ("tp", "fn") if side == "positive" else ("tn", "fp")
            if number.quantity in (hit, missed):
                exact = size - number.value if number.quantity == missed else np.full_like(size, number.value)
                low, high = np.maximum(low, exact), np.minimum(high, exact)
        elif _is_recall_of(number, side, basis):
            low = np.maximum(low, np.ceil(number.value.low * size - SLACK).astype(np.int64))
            high = np.minimum(high, np.floor(number.value.high * size + SLACK).astype(np.int64))
    return low, high


def _is_recall_of(number: Reported, side: Side, basis: Basis) -> bool:
    """Whether a number is the share of a class's images that are classified as such."""
    about = number.side or basis
    if number.quantity == "recall":
        return about == side
    return number.quantity == "specificity" and {about, side} == {"positive", "negative"}


def _correct(reported: Sequence[Reported], total: int) -> npt.NDArray[np.int64] | None:
    """Numbers of correct images that the printed accuracy allows."""
    for number in reported:
        if number.quantity == "accuracy" and isinstance(number.value, Printed):
            low, high = number.value.low * total, number.value.high * total
            return np.arange(int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9)) + 1, dtype=np.int64)
    return None
