"""Whole numbers that keep to linear conditions, by mixed-integer programming (HiGHS, in scipy)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

Answer = Literal["found", "none", "unknown"]

FEASIBLE, INFEASIBLE = 0, 2
"""How `scipy.optimize.milp` ends."""


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
        """Add several whole numbers from 0 to `high`, and return their places."""
        first = len(self.high)
        self.high.extend([high] * count)
        return np.arange(first, first + count)

    def keep(self, factors: Mapping[int, float], low: float, high: float) -> None:
        """Add a condition: the sum of numbers times their factors lies between two limits."""
        self.keep_all(np.fromiter(factors, dtype=np.int64), list(factors.values()), low, high)

    def keep_all(
        self, places: npt.NDArray[np.int64], factors: Sequence[float] | npt.NDArray[np.float64], low: float, high: float
    ) -> None:
        """Add a condition on many numbers, by their places and factors."""
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
            After which the search is given up.
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
        found = milp(
            cost,
            integrality=np.ones(len(self.high)),
            bounds=Bounds(0, self.high),
            constraints=[LinearConstraint(matrix, low, high)] if self._limits else [],
            options={"time_limit": seconds},
        )
        if found.x is not None:
            return "found", np.rint(found.x).astype(np.int64)
        return ("none" if found.status == INFEASIBLE else "unknown"), None
