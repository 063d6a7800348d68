"""A share as a paper prints it, and which unrounded numbers it may stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

SLACK = 1e-12
"""For rounding errors of floats; the shares of 10,000 images lie 10,000 times as far from any limit."""


@dataclass(frozen=True)
class Printed:
    """A printed share as a whole number of units of its last digit: 8482 ten-thousandths for ``0.8482``."""

    units: int
    per_one: int
    """Units in 1: a power of ten."""
    cut: bool = False
    """Whether further digits were cut off instead of rounded."""

    @classmethod
    def of(cls, value: float, half_unit: float) -> Printed:
        """A printed share, from what `leukorepro.config.study.published` reads of it.

        Parameters
        ----------
        value : float
            The number as it is printed.
        half_unit : float
            Half a unit of its last digit: 0.0005 for 0.987.
        """
        return cls(round(value / (2 * half_unit)), round(1 / (2 * half_unit)))

    def cut_off(self) -> Printed:
        """The same digits, if further ones were cut off."""
        return replace(self, cut=True)

    @property
    def low(self) -> float:
        """Least unrounded number."""
        return (self.units - (0.0 if self.cut else 0.5)) / self.per_one

    @property
    def high(self) -> float:
        """Greatest unrounded number; where digits were cut off, no longer one."""
        return (self.units + (1.0 if self.cut else 0.5)) / self.per_one

    def allows(self, exact: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which of some unrounded numbers would be printed so.

        Parameters
        ----------
        exact : array of float
            NaN, which is printed in no way, is not allowed.

        Returns
        -------
        array of bool, of the same shape
            A number exactly between two printed ones may be rounded either way.
        """
        numbers = np.asarray(exact, dtype=float)
        below = numbers < self.high - SLACK if self.cut else numbers <= self.high + SLACK
        result: npt.NDArray[np.bool_] = (numbers >= self.low - SLACK) & below
        return result

    def is_share_of(self, sizes: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether there is a whole number of images out of each size whose share would be printed so.

        Computed with whole numbers, without rounding errors.

        Parameters
        ----------
        sizes : array of int
            Numbers of images, at least 1.

        Returns
        -------
        array of bool, of the same shape
        """
        n = np.asarray(sizes, dtype=np.int64)
        beyond = (self.units * n) % self.per_one  # of units * n / per_one, the number of images that is looked for
        missing = self.per_one - beyond
        cut, rounded = (beyond == 0) | (missing < n), 2 * np.minimum(beyond, missing) <= n
        result: npt.NDArray[np.bool_] = cut if self.cut else rounded
        return result
