"""Products of feature rows, computed once for all folds and classifiers that can share them, and kernels from them.

A support vector machine sees its rows only through their inner products. One matrix of these serves every kernel,
every fold and every classifier on the same rows, and is made by one matrix product, which is many times faster than
the row-by-row evaluation inside a solver. The solver itself is scikit-learn's own, in double precision: the fitted
machine is the one that scikit-learn finds without these matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import euclidean_distances
from sklearn.preprocessing import StandardScaler

from leukorepro.core.errors import UserError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Positions = NDArray[np.int64]

MEDIAN_ROWS = 1_000
"""Rows between which the median distance is taken."""


class Rows:
    """Feature rows and their inner products, each computed when first asked for, and once.

    Parameters
    ----------
    make : callable
        Returns the feature matrix, float32, shape (N, D).
    """

    def __init__(self, make: Callable[[], Float32]) -> None:
        self._make = make
        self._matrix: Float32 | None = None
        self._products: Float64 | None = None
        self._lock = Lock()  # classifiers that are fitted side by side wait for the first of them

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def matrix(self) -> Float32:
        """The feature matrix, shape (N, D)."""
        with self._lock:
            if self._matrix is None:
                self._matrix = self._make()
            return self._matrix

    @property
    def products(self) -> Float64:
        """Inner products of all rows, shape (N, N)."""
        matrix = self.matrix
        with self._lock:
            if self._products is None:
                double = matrix.astype(np.float64)
                self._products = double @ double.T
            return self._products

    def scaled(self, train: Positions) -> Rows:
        """These rows with every feature scaled to mean 0 and deviation 1 over the training rows."""
        return Rows(lambda: StandardScaler().fit(self.matrix[train]).transform(self.matrix))

    def read(self, positions: Positions) -> Float32:
        """Some of the rows, shape (len(positions), D)."""
        return self.matrix[positions]


class StoredRows(Rows):
    """Rows of a feature file, which may hold more than memory does.

    They are read as a whole only if a classifier asks for the whole matrix.

    Parameters
    ----------
    matrix : ndarray, shape (M, D)
        Mapped from the file.
    used : ndarray of int, shape (N,)
        Those of its rows that are meant.
    """

    def __init__(self, matrix: Float32, used: Positions) -> None:
        super().__init__(lambda: np.asarray(matrix[used]))
        self._stored = matrix
        self._used = used

    def __len__(self) -> int:
        return len(self._used)

    def read(self, positions: Positions) -> Float32:
        """Some of the rows, shape (len(positions), D); no others are read."""
        return np.asarray(self._stored[self._used[positions]])


@dataclass(frozen=True)
class Part:
    """Some rows, to be read batch by batch."""

    rows: Rows
    of: Positions
    """Positions among the rows."""

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, positions: Positions) -> Float32:
        """Rows at some positions among these, shape (len(positions), D)."""
        return self.rows.read(self.of[positions])


@dataclass(frozen=True)
class Kernel:
    """A kernel, as scikit-learn's: linear <x, y>; poly (gamma <x, y> + coef0)^degree; rbf exp(-gamma |x - y|^2)."""

    name: Literal["linear", "poly", "rbf"]
    gamma: float
    degree: int
    coef0: float

    def matrix(self, rows: Rows, left: Positions, right: Positions) -> Float64:
        """Kernel values between some rows and others.

        Parameters
        ----------
        rows : Rows
        left, right : ndarray of int
            Positions among the rows.

        Returns
        -------
        ndarray, shape (len(left), len(right))
        """
        products = rows.products
        values: Float64 = products[np.ix_(left, right)]
        if self.name == "linear":
            return values
        if self.name == "poly":
            values *= self.gamma
            values += self.coef0
            return reduce(np.multiply, [values] * self.degree)
        squares = products.diagonal()
        values *= 2
        values -= squares[left, None]
        values -= squares[right]
        np.minimum(values, 0, out=values)  # a distance of 0 comes out a rounding error to either side of it
        values *= self.gamma
        return np.exp(values, out=values)


def kernel_width(
    gamma: Literal["scale", "auto", "median"] | float, scale_factor: float, X: Float32, seed: int
) -> float:
    """Width of a kernel as a number.

    Parameters
    ----------
    gamma : {'scale', 'auto', 'median'} or float
        `scale`: 1 / (D * variance of X); `auto`: 1 / D; `median`: 1 / s^2, where s is `scale_factor` times the median
        Euclidean distance between two rows.
    scale_factor : float
        Of `median` alone.
    X : ndarray, shape (N, D)
        Training rows, scaled where the classifier wants them so.
    seed : int
        Of the 1,000 rows that the median is taken of, where there are more.

    Raises
    ------
    UserError
        If the median distance is 0.

    Notes
    -----
    `scale` and `auto` are scikit-learn's. `median` stands for MATLAB's `KernelScale='auto'`, a "heuristic procedure"
    with subsampling that is not published.
    """
    if gamma == "scale":
        variance = float(X.var(dtype=np.float64))
        return 1 / (X.shape[1] * variance) if variance > 0 else 1.0
    if gamma == "auto":
        return 1 / int(X.shape[1])
    if gamma != "median":
        return gamma
    if len(X) > MEDIAN_ROWS:
        X = X[np.sort(np.random.default_rng(seed).choice(len(X), MEDIAN_ROWS, replace=False))]
    distances = euclidean_distances(X.astype(np.float64))
    scale: float = scale_factor * float(np.median(distances[np.triu_indices(len(X), k=1)]))
    if scale == 0:
        raise UserError(
            "gamma: median: more than half of the training rows are equal, so that their median distance is 0; give "
            "gamma as a number, or 'scale'."
        )
    return float(1 / scale**2)
