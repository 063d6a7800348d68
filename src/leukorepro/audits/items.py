"""One item of a two-class table: whether any confusion matrix gives its printed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from leukorepro.audits.arithmetic.confusion import (
    ENTRIES,
    Basis,
    Matrices,
    Reported,
    confusion_matrices,
    n_candidates,
    share_of,
)
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.images import Images
from leukorepro.core.phrases import listed

Status = Literal["possible", "impossible", "undecided", "too little printed"]
SEARCHABLE = 20_000_000
"""Candidates beyond which nothing is searched: too little is printed to tell anything then."""

SHOWN = 20
"""Confusion matrices of an item that are written out; all of them are counted."""

NONE_FOUND: Matrices = np.empty((4, 0), dtype=np.int64)
WHOSE = {
    "positive": "of the positive class",
    "negative": "of the negative class",
    "macro": "as means over both classes",
    "weighted": "as means over both classes, weighted by their sizes",
    "micro": "over both classes together",
}


@dataclass(frozen=True)
class ItemAudit:
    """What the printed numbers of an item allow."""

    status: Status
    why: str
    images: Images | None = None
    """What was tested, of two classes."""
    basis: Basis | None = None
    """Whose precision, recall and F1 are printed; None where no number leaves it open."""
    matrices: Matrices = field(default_factory=lambda: NONE_FOUND)
    odd: tuple[str, ...] = ()
    """Numbers, each of which no confusion matrix fits together with all the others."""
    instead: dict[str, str] = field(default_factory=dict)
    """What the others leave for each of these."""
    tested: str = ""
    """What was tested, in a sentence, where it is more than one set of two classes."""
    witness: tuple[dict[str, int], ...] = ()
    """Of several classes or folds: confusion matrices that give the numbers, each class against the others."""
    conflict: ItemAudit | None = None
    """Where other tables about the same predictions leave no matrix: what is impossible with them."""

    def as_json(self) -> dict[str, Any]:
        """With the keys of ``results/audit/<study>.json``."""
        matrices = self.matrices
        positives = set((matrices[0] + matrices[1]).tolist()) or set(self.images.positives if self.images else ())
        told = [dict(zip(ENTRIES, column, strict=True)) for column in matrices.T[:SHOWN].tolist()]
        return {
            "n": None if self.images is None else self.images.total,
            "positives": positives.pop() if len(positives) == 1 else None,
            "basis": self.basis,
            "n_confusion": matrices.shape[1],
            "confusion": told,
            "witness": list(self.witness),
            "status": self.status,
            "odd": list(self.odd),
            "instead": self.instead,
            "why": self.why,
        }

    @property
    def words(self) -> str:
        """What was tested, in a sentence."""
        return self.tested or (self.images.words if self.images is not None else "any images")


def search(reported: Sequence[Reported], images: Images, basis: Basis) -> Matrices | None:
    """All confusion matrices of some images that give some numbers.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    images : Images
        What was tested, perhaps.
    basis : {'positive', 'negative', 'macro', 'weighted', 'micro', 'mixed'}
        Whose numbers they are where the paper does not say it.

    Returns
    -------
    ndarray of int, shape (4, n), or None
        tp, fn, fp and tn of each matrix; None where more than `SEARCHABLE` would have to be looked at.
    """
    if n_candidates(reported, images.total, images.positives, basis) > SEARCHABLE:
        return None
    return _search(tuple(reported), images.total, images.positives, basis)


@lru_cache(maxsize=4096)
def _search(reported: tuple[Reported, ...], total: int, positives: tuple[int, ...], basis: Basis) -> Matrices:
    return confusion_matrices(reported, total, positives, basis)


def bases(reported: Sequence[Reported], averages: Sequence[Basis]) -> tuple[Basis, ...]:
    """Readings that are tried: of the whole item first, each number by itself last.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    averages : sequence of str
        Readings that the study allows for a number whose class the paper does not name, in the order in which they are
        tried.
    """
    open_ones = sum(number.is_averaged for number in reported)
    if not open_ones:
        return ("positive",)
    return (*averages, "mixed") if len(averages) > 1 and open_ones > 1 else (*averages,)


def is_possible(reported: Sequence[Reported], images: Images, averages: Sequence[Basis]) -> bool:
    """Whether a confusion matrix gives the numbers, read as a whole, or nothing can be told.

    Parameters
    ----------
    reported : sequence of Reported
        Printed numbers of one item.
    images : Images
        What was tested, perhaps.
    averages : sequence of str
        Readings that the study allows for a number whose class the paper does not name.
    """
    alone = _accuracy_alone(reported)
    if alone is not None:
        return bool(alone.is_share_of([images.total])[0])
    for basis in bases(reported, averages):
        if basis != "mixed":
            found = search(reported, images, basis)
            if found is None or found.shape[1]:
                return True
    return False


def audit_item(reported: Sequence[Reported], images: Images, averages: Sequence[Basis]) -> ItemAudit:
    """What some numbers of the same predictions allow.

    Parameters
    ----------
    reported : sequence of Reported
        Of one item, with those of other tables about the same predictions.
    images : Images
        That were tested.
    averages : sequence of {'positive', 'negative', 'macro'}
        What precision, recall and F1 may be of, the likeliest first.
    """
    alone = _accuracy_alone(reported)
    if alone is not None:
        if alone.is_share_of([images.total])[0]:
            return ItemAudit("too little printed", "An accuracy alone fits many confusion matrices.", images)
        why = f"The accuracy is no whole number of {images.total:,} images."
        return ItemAudit("impossible", why, images, odd=(reported[0].name,))
    if len(reported) < 2:
        return ItemAudit("too little printed", "One number alone fits many confusion matrices.", images)
    for basis in bases(reported, averages):
        found = search(reported, images, basis)
        if found is None:
            return ItemAudit("too little printed", "Neither an accuracy nor the sizes of the classes are told.", images)
        if found.shape[1]:
            shown = basis if any(number.is_averaged for number in reported) else None
            return ItemAudit("possible", _fitting(found, images, shown), images, shown, found)
    return _impossible(reported, images, averages)


def _impossible(reported: Sequence[Reported], images: Images, averages: Sequence[Basis]) -> ItemAudit:
    instead: dict[str, str] = {}
    for left_out in reported:
        rest = [number for number in reported if number is not left_out]
        for basis in bases(reported, averages):
            found = search(rest, images, basis) if basis != "mixed" else None
            if found is not None and found.shape[1]:
                instead[left_out.name] = _told(left_out, found, basis)
                break
    accuracy = next((number for number in reported if number.quantity == "accuracy"), None)
    if accuracy is not None and accuracy.name in instead and len(instead) > 1 and _is_telling(accuracy, images.total):
        del instead[accuracy.name]
    words = {number.name: number.words for number in reported}
    why = f"No confusion matrix of {images.words} gives the printed {listed([*words.values()])}."
    if instead:
        told = "; ".join(f"without {words[name]} one does, and leaves {left} for it" for name, left in instead.items())
        why = f"{why[:-1]}: {told}."
    odd = tuple(instead) or tuple(number.name for number in reported)
    return ItemAudit("impossible", why, images, odd=odd, instead=instead)


def _is_telling(accuracy: Reported, total: int) -> bool:
    """Whether the accuracy is a whole number of the images, and few accuracies are."""
    value = accuracy.value
    return isinstance(value, Printed) and total < 0.5 * value.per_one and bool(value.is_share_of([total])[0])


def _told(number: Reported, matrices: Matrices, basis: Basis) -> str:
    """The values of a number in some confusion matrices, to its digits."""
    if isinstance(number.value, int):
        exact = matrices[ENTRIES.index(number.quantity)].astype(float)
        decimals = 0
    else:
        whose = number.side or basis
        exact = share_of(number.quantity, "positive" if whose == "mixed" else whose, matrices)
        decimals = len(str(number.value.per_one)) - 1
    low, high = (f"{value:.{decimals}f}" for value in (exact.min(), exact.max()))
    return low if low == high else f"{low} to {high}"


def _fitting(matrices: Matrices, images: Images, basis: Basis | None) -> str:
    count = matrices.shape[1]
    how = "" if basis is None else f", {WHOSE.get(basis, 'each number read in its own way')}"
    return f"{count:,} confusion {'matrix' if count == 1 else 'matrices'} of {images.words}{how}."


def _accuracy_alone(reported: Sequence[Reported]) -> Printed | None:
    if len(reported) == 1 and reported[0].quantity == "accuracy" and isinstance(reported[0].value, Printed):
        return reported[0].value
    return None
