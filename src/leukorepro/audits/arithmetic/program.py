"""Whole numbers that keep to linear conditions, by mixed-integer programming (HiGHS, in scipy)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import coo_array

Answer = Literal["found", "none", "unknown"]

FEASIBLE, TIME_OVER, INFEASIBLE = 0, 1, 2
"""How `scipy.optimize.milp` ends."""
FEW = 1_000
"""Numbers of a program up to which its search is limited by a count of nodes. Of a larger one the first node alone may
take any time, and the processor's time is the limit."""
NODES = 1_000_000
"""Nodes of a program's search, times its numbers, that a free core looks at in a second."""
ALMOST = 0.8
"""Share of the processor's time that a search was to have, with which it has had it."""
LONGEST = 10
"""Times as long as on a free core, after which a search is given up on a busy one, too."""
STANDARD_OUTPUT = 1
"""File descriptor."""


@dataclass
class Program:
    """Whole numbers and what they must keep to.

    Conditions should be scaled so that 1 is a step that matters: the solver keeps to them within about 1e-6.
    """

    high: list[float] = field(default_factory=list)
    """Greatest value of each number; the least is 0."""
    _rows: list[int] = field(default_factory=list)
    _columns: list[int] = field(default_factory=list)
    _factors: list[float] = field(default_factory=list)
    _limits: list[tuple[float, float]] = field(default_factory=list)

    def number(self, high: float) -> int:
        """Add a whole number from 0 to `high`, and return its place."""
        self.high.append(high)
        return len(self.high) - 1

    def numbers(self, count: int, high: float) -> npt.NDArray[np.int64]:
        """Add several whole numbers.

        Parameters
        ----------
        count : int
            How many.
        high : float
            Greatest value of each; the least is 0.

        Returns
        -------
        ndarray of int64, shape (count,)
            Their places.
        """
        first = len(self.high)
        self.high.extend([high] * count)
        return np.arange(first, first + count)

    def keep(self, factors: Mapping[int, float], low: float, high: float) -> None:
        """Add a condition: the sum of numbers times their factors lies between two limits.

        Parameters
        ----------
        factors : mapping of int to float
            The factor of each number that takes part, by its place.
        low, high : float
            The limits, both allowed; infinite where there is none.
        """
        self.keep_all(np.fromiter(factors, dtype=np.int64), list(factors.values()), low, high)

    def keep_all(
        self, places: npt.NDArray[np.int64], factors: Sequence[float] | npt.NDArray[np.float64], low: float, high: float
    ) -> None:
        """Add a condition on many numbers: their sum, each times its factor, lies between two limits.

        Parameters
        ----------
        places : ndarray of int64, shape (n,)
            Of the numbers that take part, as `numbers` returns them.
        factors : sequence or ndarray of float, shape (n,)
            A factor for each of them.
        low, high : float
            The limits, both allowed; infinite where there is none.
        """
        self._rows.extend([len(self._limits)] * len(places))
        self._columns.extend(places.tolist())
        self._factors.extend(np.asarray(factors, dtype=float).tolist())
        self._limits.append((low, high))

    def solve(
        self, seconds: float, aim: Mapping[int, float] | None = None
    ) -> tuple[Answer, npt.NDArray[np.int64] | None]:
        """Look for numbers that keep to all conditions.

        Parameters
        ----------
        seconds : float
            Of one free core, after which the search is given up: counted as nodes where the numbers are few, so that
            a busy machine gives the same answer, and as time of the processor where they are many.
        aim : mapping of int to float, optional
            Factors of a sum that is made as small as possible.

        Returns
        -------
        answer : {'found', 'none', 'unknown'}
        numbers : array of int, or None
        """
        if not self.high:
            return "found", np.zeros(0, dtype=np.int64)
        cost = np.zeros(len(self.high))
        for place, factor in (aim or {}).items():
            cost[place] = factor
        shape = (len(self._limits), len(self.high))
        matrix = coo_array((self._factors, (self._rows, self._columns)), shape=shape).tocsr()
        low, high = np.asarray(self._limits, dtype=float).reshape(-1, 2).T

        def searched(**limit: float) -> OptimizeResult:
            with _silent():
                return milp(
                    cost,
                    integrality=np.ones(len(self.high)),
                    bounds=Bounds(0, self.high),
                    constraints=[LinearConstraint(matrix, low, high)] if self._limits else [],
                    options=limit,
                )

        if len(self.high) <= FEW:
            found = searched(node_limit=max(1, int(seconds * NODES / len(self.high))))
        else:
            found = _within(seconds, lambda limit: searched(time_limit=limit))
        if found.x is not None:
            return "found", np.rint(found.x).astype(np.int64)
        return ("none" if found.status == INFEASIBLE else "unknown"), None


def _within(seconds: float, search: Callable[[float], OptimizeResult]) -> OptimizeResult:
    """What a search finds in some time of the processor; HiGHS knows the clock on the wall alone.

    Where others had the processor for a part of that, it begins again with as much more time.
    """
    limit = seconds
    while True:
        before = time.process_time()
        found = search(limit)
        used = time.process_time() - before
        if found.status != TIME_OVER or used >= ALMOST * seconds or limit >= LONGEST * seconds:
            return found
        limit = min(LONGEST * seconds, 1.1 * limit * seconds / max(used, 1e-3 * seconds))


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing is written to standard output.

    HiGHS 1.12 prints a line of its own where it mends a solution that presolving has rounded off, whatever its options
    say (ERGO-Code/HiGHS, issue 2783), so that the file descriptor itself has to lead elsewhere.
    """
    try:
        kept = os.dup(STANDARD_OUTPUT)
    except OSError:  # it is closed, and nobody sees the line
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), STANDARD_OUTPUT)
        yield
    finally:
        os.dup2(kept, STANDARD_OUTPUT)
        os.close(kept)
