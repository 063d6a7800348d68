"""Means over folds of two classes whose shares in each fold are not told: all folds of equal size are tried at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb

import numpy as np

from leukorepro.audits.arithmetic.blocks import Block, ratio
from leukorepro.audits.arithmetic.program import Program
from leukorepro.audits.arithmetic.separable import MOST_COLUMNS, SLACK, Outcome, Problem

BOTH_CLASSES = ("recall", "specificity", "balanced_accuracy", "kappa", "npv")
"""Scores that a fold without one of the classes does not have: where one is printed, every fold has both."""


@dataclass(frozen=True)
class OpenFolds:
    """Folds that differ by one image at most, with any share of both classes.

    Attributes
    ----------
    positive, negative : int
        Images of both classes, in all folds together.
    n : int
        Folds.
    """

    positive: int
    negative: int
    n: int

    @property
    def totals(self) -> list[tuple[int, int]]:
        """Numbers of images that folds have, and how many folds have each."""
        small, larger = divmod(self.positive + self.negative, self.n)
        return [(total, count) for total, count in ((small, self.n - larger), (small + 1, larger)) if count]


def solve_open_folds(asked: Problem, folds: OpenFolds, seconds: float) -> tuple[Outcome, tuple[tuple[int, ...], ...]]:
    """Whether any folds, and confusion matrices of theirs, give all numbers.

    Parameters
    ----------
    asked : Problem
        The numbers, of the positive class, over folds of whatever classes.
    folds : OpenFolds
    seconds : float

    Returns
    -------
    outcome : Outcome
    sizes : tuple of tuple of int
        Of matrices that are found: images of both classes in each fold.
    """
    metrics = [(c, c.terms[0].metric) for c in asked.conditions]
    least = 1 if any(metric in BOTH_CLASSES for _, metric in metrics) else 0
    count = sum(comb(total + 3, 3) for total, _ in folds.totals)
    if count > MOST_COLUMNS:
        why = f"the folds' classes are not told, and {count:,} possible matrices are too many to choose among"
        return Outcome("undecided", why=why), ()
    program, groups = Program(), []
    for total, n in folds.totals:
        p, x, y = (a.ravel() for a in np.meshgrid(*[np.arange(total + 1)] * 3, indexing="ij"))
        kept = (x <= p) & (y <= total - p) & (p >= least) & (total - p >= least)
        p, x, y = p[kept], x[kept], y[kept]
        places = program.numbers(len(p), n)
        program.keep_all(places, np.ones(len(p)), n, n)
        groups.append((total, p, x, y, places))
    everything = np.concatenate([group[4] for group in groups])
    shares = np.concatenate([group[1] for group in groups]).astype(float)
    program.keep_all(everything, shares, folds.positive, folds.positive)
    for condition, metric in metrics:
        values = np.zeros(len(everything))
        first = 0
        for total, p, x, y, _ in groups:
            for size in np.unique(p):
                own = np.flatnonzero(p == size)
                score = ratio(metric, Block(int(size), int(total - size))).values(x[own], y[own])
                values[first + own] = score / folds.n * condition.per_one
            first += len(p)
        low, high = float(condition.low * condition.per_one), float(condition.high * condition.per_one)
        program.keep_all(everything, values, low - SLACK, high + SLACK)
    answer, numbers = program.solve(seconds)
    if numbers is None:
        if answer == "none":
            return Outcome("impossible"), ()
        return Outcome("undecided", why=f"the folds' classes are not told, and not found in {seconds:g} seconds"), ()
    sizes, found, taken = [], [], []
    for total, p, x, y, places in groups:
        for number in np.flatnonzero(numbers[places]):
            for _ in range(int(numbers[places][number])):
                sizes.append((int(p[number]), int(total - p[number])))
                found.append(int(x[number]))
                taken.append(int(y[number]))
    outcome = Outcome("possible", tuple(found), tuple(taken))
    terms = [replace(c, terms=tuple(replace(c.terms[0], block=fold) for fold in range(folds.n))) for c, _ in metrics]
    of_all = Problem(tuple(Block(p, n) for p, n in sizes), tuple(terms))
    if not of_all.holds(outcome.found, outcome.taken):
        return Outcome("undecided", why="the numbers lie on the edge of what their digits allow"), ()
    return outcome, tuple(sizes)
