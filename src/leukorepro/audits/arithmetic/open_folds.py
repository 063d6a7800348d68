"""Means over folds of two classes whose shares in each fold are not told: all folds of equal size are tried at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np

from leukorepro.audits.arithmetic.blocks import Block, Ints, ratio
from leukorepro.audits.arithmetic.program import Answer, Program
from leukorepro.audits.arithmetic.separable import MOST_COLUMNS, SLACK, TOO_LONG, Condition, Outcome, Problem

NEEDS = {"recall": (1, 0), "specificity": (0, 1), "balanced_accuracy": (1, 1), "kappa": (1, 1)}
"""Scores that a fold without positive, or negative, images does not have: where one is printed, every fold has them."""
MOST_SHARES = 2_000
"""Shares of the positive class in a fold that an integer program chooses among."""
TO_DECIDE = "say in the facts how many images of each class every fold has, where the paper does"

Matrices = tuple[list[tuple[int, int]], list[int], list[int]]
"""Images of both classes in each fold, positive ones found, and negative ones taken for them."""


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
        How many images each fold has, of classes that are not told.
    seconds : float
        Of one free core, counted as steps, that the search may take; longer than that, it is undecided.

    Returns
    -------
    outcome : Outcome
    sizes : tuple of tuple of int
        Of matrices that are found: images of both classes in each fold.
    """
    metrics = [(c, c.terms[0].metric) for c in asked.conditions]
    least, spared = np.max([NEEDS.get(metric, (0, 0)) for _, metric in metrics], axis=0).tolist()
    shares = [(total, n, np.arange(least, total - spared + 1)) for total, n in folds.totals]
    linear = all(ratio(metric, Block(1, 2)).is_linear for _, metric in metrics)  # kappa is so in equal classes alone
    if linear:
        count, most = sum(len(p) for _, _, p in shares), MOST_SHARES
    else:
        count, most = sum(comb(total + 3, 3) for total, _ in folds.totals), MOST_COLUMNS
    if count > most:
        why = f"{count:,} possible {'shares' if linear else 'matrices'} are too many to choose among"
        return Outcome("undecided", why=f"the folds' classes are not told, and {why}; {TO_DECIDE}"), ()
    answer, matrices = (_by_sums if linear else _one_by_one)(shares, metrics, folds, seconds)
    if matrices is None:
        if answer == "none":
            return Outcome("impossible"), ()
        return Outcome("undecided", why=f"the folds' classes are not told, and {TOO_LONG}; {TO_DECIDE}"), ()
    sizes, found, taken = matrices
    outcome = Outcome("possible", tuple(found), tuple(taken))
    terms = [replace(c, terms=tuple(replace(c.terms[0], block=fold) for fold in range(folds.n))) for c, _ in metrics]
    of_all = Problem(tuple(Block(p, n) for p, n in sizes), tuple(terms))
    if not of_all.holds(outcome.found, outcome.taken):
        return Outcome("undecided", why="the numbers lie on the edge of what their digits allow"), ()
    return outcome, tuple(sizes)


def _by_sums(
    shares: Sequence[tuple[int, int, Ints]], metrics: Sequence[tuple[Condition, str]], folds: OpenFolds, seconds: float
) -> tuple[Answer, Matrices | None]:
    """Of scores that are sums of images: folds with the same share count together.

    Their mean depends only on how many such folds there are, and how many images all of them have right.
    """
    program = Program()
    groups = []
    for total, n, p in shares:
        count = program.numbers(len(p), n)
        found, taken = (np.array([program.number(n * size) for size in of.tolist()]) for of in (p, total - p))
        program.keep_all(count, np.ones(len(p)), n, n)
        for own, of in ((found, p), (taken, total - p)):
            for number, size in enumerate(of.tolist()):
                program.keep({int(own[number]): 1.0, int(count[number]): -float(size)}, -np.inf, 0)
        groups.append((total, p, count, found, taken))
    program.keep_all(
        np.concatenate([g[2] for g in groups]), np.concatenate([g[1] for g in groups]), folds.positive, folds.positive
    )
    for condition, metric in metrics:
        places: list[Ints] = []
        factors: list[list[float]] = []
        for total, p, count, found, taken in groups:
            parts = [ratio(metric, Block(size, total - size)) for size in p.tolist()]
            for part, place in enumerate((found, taken, count)):
                places.append(place)
                factors.append([float(r.above[part] / r.below[2] * condition.per_one / folds.n) for r in parts])
        low, high = float(condition.low * condition.per_one), float(condition.high * condition.per_one)
        program.keep_all(np.concatenate(places), np.concatenate(factors), low - SLACK, high + SLACK)
    answer, numbers = program.solve(seconds)
    if numbers is None:
        return answer, None
    sizes, right, wrong = [], [], []
    for total, p, count, found, taken in groups:
        for size, n, x, y in zip(p.tolist(), *(numbers[own].tolist() for own in (count, found, taken)), strict=True):
            for fold in range(n):
                sizes.append((size, total - size))
                right.append(min(size, x - min(x, fold * size)))
                wrong.append(min(total - size, y - min(y, fold * (total - size))))
    return answer, (sizes, right, wrong)


def _one_by_one(
    shares: Sequence[tuple[int, int, Ints]], metrics: Sequence[tuple[Condition, str]], folds: OpenFolds, seconds: float
) -> tuple[Answer, Matrices | None]:
    """Of any scores: how many folds have which confusion matrix."""
    program, groups = Program(), []
    for total, n, share in shares:
        p, x, y = (a.ravel() for a in np.meshgrid(share, *[np.arange(total + 1)] * 2, indexing="ij"))
        kept = (x <= p) & (y <= total - p)
        p, x, y = p[kept], x[kept], y[kept]
        places = program.numbers(len(p), n)
        program.keep_all(places, np.ones(len(p)), n, n)
        groups.append((total, p, x, y, places))
    everything = np.concatenate([group[4] for group in groups])
    positive = np.concatenate([group[1] for group in groups])
    program.keep_all(everything, positive, folds.positive, folds.positive)
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
        return answer, None
    sizes, found, taken = [], [], []
    for total, p, x, y, places in groups:
        for number in np.flatnonzero(numbers[places]):
            for _ in range(int(numbers[places][number])):
                sizes.append((int(p[number]), int(total - p[number])))
                found.append(int(x[number]))
                taken.append(int(y[number]))
    return answer, (sizes, found, taken)
