"""Which side each group takes: the fewest moved rows that keep the classes balanced, by integer programming.

Exact: the problem is given whole to HiGHS (`scipy.optimize.milp`), with one whole number for each kind of group and
each side. Groups of as many images of each class and with as many rows to move are of one kind, so that thousands of
images without a subject are a handful of numbers. At worst the search is exponential in these; with the 66 groups and
10,661 images of C-NMC 2019 in five folds it takes about a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

TIME_LIMIT = 60
"""Seconds for one search; then the best solution so far is taken, and said to be that."""

INFEASIBLE = 2
"""What `milp` says where no solution exists."""


@dataclass(frozen=True)
class Sides:
    """What groups may be assigned to, and what each choice comes to.

    Attributes
    ----------
    cost : ndarray of int, shape (n_groups, n_sides)
        Rows that would change their role.
    counts : ndarray of int, shape (n_groups, n_counts)
        Images of each group that count for a class in a fold; a count is of one class in one fold.
    part : ndarray of int, shape (n_sides, n_counts)
        Part that a group's images of each count come to lie in on each side: a number for each role.
    before : dict
        Images of each (count, part) now.
    kept : list of list of (int, int)
        Sums of (count, part) that must not become empty.
    """

    cost: NDArray[np.int64]
    counts: NDArray[np.int64]
    part: NDArray[np.int64]
    before: dict[tuple[int, int], int]
    kept: list[list[tuple[int, int]]]


@dataclass(frozen=True)
class Assignment:
    """A side for each group."""

    side: NDArray[np.int64]
    """Shape (n_groups,)."""
    excess: float
    """Share by which some part's class changes beyond the tolerance, because groups allow no less; 0 where none."""
    smallest: bool
    """Whether no change is smaller; False where the time was up before that was known."""


def assign(sides: Sides, tolerance: float) -> Assignment | None:
    """Give each group a side, with the fewest moved rows among those that keep the classes balanced.

    Parameters
    ----------
    sides : Sides
    tolerance : float
        Share by which the images of a class in a part of a fold may change, or one image where that is more. Where
        groups do not allow it, the smallest share beyond that they do.

    Returns
    -------
    Assignment or None
        None where something that must not become empty would.
    """
    keys = np.hstack([sides.counts, sides.cost])
    kinds, kind_of, size = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    n_counts, n_sides = sides.counts.shape[1], sides.cost.shape[1]
    counts, cost = kinds[:, :n_counts], kinds[:, n_counts:].astype(float).ravel()
    n = len(cost)
    one_side = csr_array((np.ones(n), (np.repeat(np.arange(len(kinds)), n_sides), np.arange(n))))
    places = list(sides.before)
    there = {place: _images(counts, sides.part, place) for place in places}
    balance = vstack([there[place] for place in places])
    before = np.array([sides.before[place] for place in places], dtype=float)
    slack = np.maximum(1, tolerance * before)
    limits = [LinearConstraint(one_side, size, size)]
    limits += [
        LinearConstraint(vstack([there[place] for place in sum_]).sum(axis=0)[None, :], 1) for sum_ in sides.kept
    ]
    bounds = Bounds(0, np.repeat(size, n_sides))
    within = LinearConstraint(balance, before - slack, before + slack)
    found = milp(cost, integrality=np.ones(n), bounds=bounds, constraints=[*limits, within], options=_OPTIONS)
    excess = 0.0
    if found.status == INFEASIBLE:
        excess_or_none = _least_excess(balance, before, slack, limits, np.repeat(size, n_sides))
        if excess_or_none is None:
            return None
        excess = excess_or_none
        slack = slack + excess * np.maximum(1, before) + 1e-6
        within = LinearConstraint(balance, before - slack, before + slack)
        found = milp(cost, integrality=np.ones(n), bounds=bounds, constraints=[*limits, within], options=_OPTIONS)
    if found.x is None:
        return None
    of_kind = np.rint(found.x).astype(np.int64).reshape(len(kinds), n_sides)
    side = np.empty(len(keys), dtype=np.int64)
    for kind, numbers in enumerate(of_kind):
        side[kind_of.ravel() == kind] = np.repeat(np.arange(n_sides), numbers)
    return Assignment(side, excess, smallest=found.status == 0)


_OPTIONS = {"time_limit": TIME_LIMIT, "mip_rel_gap": 0}


def _images(counts: NDArray[np.int64], part: NDArray[np.int64], place: tuple[int, int]) -> csr_array:
    """Images of one count that each kind of group puts into a part on each side, shape (1, n)."""
    count, number = place
    return csr_array(np.outer(counts[:, count], part[:, count] == number).reshape(1, -1).astype(float))


def _least_excess(
    balance: csr_array,
    before: NDArray[np.float64],
    slack: NDArray[np.float64],
    limits: list[LinearConstraint],
    most: NDArray[np.int64],
) -> float | None:
    """The smallest share beyond the tolerance with which a solution exists; None where there is none at all."""
    n, column = balance.shape[1], csr_array(np.maximum(1, before)[:, None])
    wider = [
        LinearConstraint(hstack([limit.A, csr_array((limit.A.shape[0], 1))]), limit.lb, limit.ub) for limit in limits
    ]
    found = milp(
        np.append(np.zeros(n), 1.0),
        integrality=np.append(np.ones(n), 0),
        bounds=Bounds(0, np.append(most, np.inf)),
        constraints=[
            *wider,
            LinearConstraint(hstack([balance, -column]), ub=before + slack),
            LinearConstraint(hstack([balance, column]), lb=before - slack),
        ],
        options=_OPTIONS,
    )
    return None if found.x is None else float(found.x[-1])
