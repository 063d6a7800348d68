"""One class against the others: how scores follow from the images of it that are found, and the others taken for it.

A confusion matrix of two classes is one such block; one of several classes is a block for each class, and what one
class misses the others are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """A class, and all other images, of one test set or fold."""

    size: int
    """Images of the class."""
    others: int
    """All other images."""


@dataclass(frozen=True)
class Ratio:
    """A score of a block as a ratio of two sums: of (images found, others taken for it, 1) times these factors."""

    above: tuple[Fraction, Fraction, Fraction]
    below: tuple[Fraction, Fraction, Fraction]

    @property
    def is_linear(self) -> bool:
        """Whether the denominator is the same for all confusion matrices."""
        return not self.below[0] and not self.below[1]

    def value(self, found: int, taken: int) -> Fraction:
        """The score; 0 where it is a share of nothing, as in scikit-learn.

        Parameters
        ----------
        found : int
            Images of the class that are found.
        taken : int
            Others that are taken for it.
        """
        below = self.below[0] * found + self.below[1] * taken + self.below[2]
        return (self.above[0] * found + self.above[1] * taken + self.above[2]) / below if below else Fraction(0)

    def values(self, found: Ints, taken: Ints) -> Floats:
        """The score of many confusion matrices; 0 where it is a share of nothing.

        Parameters
        ----------
        found : ndarray of int, shape (n,)
            Images of the class that are found, in each matrix.
        taken : ndarray of int, shape (n,)
            Others that are taken for it, in each matrix.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        a, b = ([float(factor) for factor in side] for side in (self.above, self.below))
        below = b[0] * found + b[1] * taken + b[2]
        above = a[0] * found + a[1] * taken + a[2]
        result: Floats = np.divide(above, below, out=np.zeros_like(below), where=below != 0)
        return result


METRICS = ("recall", "specificity", "accuracy", "precision", "npv", "f1", "balanced_accuracy", "kappa")
"""Scores that are such ratios. Matthews's correlation has a root in it, and is none."""


def ratio(metric: str, block: Block) -> Ratio:
    """How a score follows from a block.

    Parameters
    ----------
    metric : str
        One of `METRICS`.
    block : Block
        The class and all other images.
    """
    above, below = factors(metric, block.size, block.others)
    x, y, z = (Fraction(factor) for factor in above)
    u, v, w = (Fraction(factor) for factor in below)
    return Ratio((x, y, z), (u, v, w))


def factors(metric: str, n: Any, m: Any) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The factors of a `Ratio`.

    Parameters
    ----------
    metric : str
        One of `METRICS`.
    n, m : int, or array of int
        Images of the class, and all others.

    Returns
    -------
    above, below : tuple of three

    Notes
    -----
    Cohen's kappa of two classes is 2 (tp tn - fn fp) / ((tp + fp) (fp + tn) + (tp + fn) (fn + tn)); with the sizes of
    the classes given, both parts are sums.
    """
    parts: dict[str, tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]] = {
        "recall": ((1, 0, 0), (0, 0, n)),
        "specificity": ((0, -1, m), (0, 0, m)),
        "accuracy": ((1, -1, m), (0, 0, n + m)),
        "precision": ((1, 0, 0), (1, 1, 0)),
        "npv": ((0, -1, m), (-1, -1, n + m)),
        "f1": ((2, 0, 0), (1, 1, n)),
        "balanced_accuracy": ((m, -n, n * m), (0, 0, 2 * n * m)),
        "kappa": ((2 * m, -2 * n, 0), (m - n, m - n, n * (n + m))),
    }
    return parts[metric]
