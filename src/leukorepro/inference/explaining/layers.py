"""What fitted classifiers compute, as layers in float64: sums, kernels, votes of pairs, densities."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn


class InFloat32(nn.Module):
    """A network that computes in float32, among modules that do in float64."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, rows: Tensor) -> Tensor:
        """What the network gives, in float64."""
        values: Tensor = self._network(rows.float())
        return values.double()


class Scaled(nn.Module):
    """Columns less a shift, over a scale."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shift: ArrayLike, scale: ArrayLike) -> None:
        super().__init__()
        self.register_buffer("shift", _double(shift))
        self.register_buffer("scale", _double(scale))

    def forward(self, rows: Tensor) -> Tensor:
        """Scale rows."""
        return (rows - self.shift) / self.scale


class Affine(nn.Module):
    """Weighted sums of columns, and constants: weights of shape (n_values, D), constants (n_values,)."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: ArrayLike, bias: ArrayLike) -> None:
        super().__init__()
        self.register_buffer("weight", _double(weight))
        self.register_buffer("bias", _double(bias))

    def forward(self, rows: Tensor) -> Tensor:
        """Sums, shape (N, n_values)."""
        return rows @ self.weight.T + self.bias


class SupportVectors(nn.Module):
    """Decision values of scikit-learn's `SVC`: one of two classes, one of each pair of more.

    Parameters
    ----------
    machine : SVC
        Fitted with the kernel `poly` or `rbf`.

    Notes
    -----
    With more than two classes, rows of `dual_coef_` are laid out as LIBSVM has them: that of a support vector of class
    i against class j stands in row j - 1 where j is above i, and in row j where it is below.
    """

    vectors: Tensor
    weights: Tensor
    constants: Tensor

    def __init__(self, machine: Any) -> None:
        super().__init__()
        self.kernel, self.degree, self.coef0 = machine.kernel, machine.degree, machine.coef0
        self.gamma = float(machine._gamma)
        self.register_buffer("vectors", _double(machine.support_vectors_))
        self.register_buffer("weights", _double(of_pairs(machine)))
        self.register_buffer("constants", _double(machine.intercept_))

    def forward(self, rows: Tensor) -> Tensor:
        """Decision values, shape (N, 1) or (N, n_pairs)."""
        if self.kernel == "rbf":
            # Not by torch.cdist, whose gradient is no number where a row is a support vector.
            squares = rows.square().sum(1)[:, None] + self.vectors.square().sum(1) - 2 * rows @ self.vectors.T
            kernel = torch.exp(-self.gamma * squares.clamp(min=0))
        else:
            kernel = (self.gamma * (rows @ self.vectors.T) + self.coef0) ** self.degree
        return kernel @ self.weights + self.constants


def of_pairs(machine: Any) -> np.ndarray[Any, Any]:
    """Weight of each support vector in each decision value, shape (n_vectors, n_values)."""
    n_classes = len(machine.classes_)
    if n_classes == 2:
        return np.asarray(machine.dual_coef_).T
    ends = np.concatenate([[0], np.cumsum(machine.n_support_)])
    pairs = list(combinations(range(n_classes), 2))
    weights = np.zeros((ends[-1], len(pairs)))
    for column, (i, j) in enumerate(pairs):
        of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        weights[of_i, column] = machine.dual_coef_[j - 1, of_i]
        weights[of_j, column] = machine.dual_coef_[i, of_j]
    return weights


class PairsToClasses(nn.Module):
    """Decision values of pairs to one sum for each class, of those that speak for it less those that speak against."""

    signs: Tensor

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        pairs = list(combinations(range(n_classes), 2))
        signs = torch.zeros(len(pairs), n_classes, dtype=torch.float64)
        for row, (i, j) in enumerate(pairs):
            signs[row, i], signs[row, j] = 1, -1
        self.register_buffer("signs", signs)

    def forward(self, pairs: Tensor) -> Tensor:
        """Sums, shape (N, n_classes)."""
        return pairs @ self.signs


class Votes(PairsToClasses):
    """Scores of scikit-learn's `SVC` for several classes: won pairs, and a third at most for how clearly."""

    def forward(self, pairs: Tensor) -> Tensor:
        """Scores, shape (N, n_classes); votes have no gradient."""
        sums = super().forward(pairs)
        won = torch.where(pairs < 0, -1.0, 1.0).to(pairs) @ self.signs
        votes = (won + len(self.signs[0]) - 1) / 2
        return votes + sums / (3 * (sums.abs() + 1))


class NormalDensities(nn.Module):
    """Logarithms of the classes' joint densities under scikit-learn's Gaussian naive Bayes, up to one constant."""

    def __init__(self, bayes: Any) -> None:
        super().__init__()
        constant = np.log(bayes.class_prior_) - 0.5 * np.log(bayes.var_).sum(1)
        for name, values in (("means", bayes.theta_), ("variances", bayes.var_), ("constants", constant)):
            self.register_buffer(name, _double(values))

    def forward(self, rows: Tensor) -> Tensor:
        """Shape (N, n_classes)."""
        means, variances, constants = (self.get_buffer(name) for name in ("means", "variances", "constants"))
        distances = (rows[:, None] - means).square() / variances
        return constants - 0.5 * distances.sum(2)


class Difference(nn.Module):
    """Of two logits, the second less the first: the log-odds of the second class."""

    def forward(self, logits: Tensor) -> Tensor:
        """Shape (N, 1)."""
        return logits[:, 1:] - logits[:, :1]


LINEAR = (Affine, Scaled, Difference, PairsToClasses, nn.Identity, nn.Sequential)
"""Modules that weighted sums are made of."""


def _double(values: ArrayLike) -> Tensor:
    return torch.from_numpy(np.atleast_1d(np.array(values, dtype=np.float64)))
