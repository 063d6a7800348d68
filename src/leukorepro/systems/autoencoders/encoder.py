"""The encoder of a fitted autoencoder, with the record of its fit: arrays in an HDF5 group, no torch.

Layout of the group: `x_min`, `x_range` (n_features,), `weight` (n_hidden, n_features), `bias` (n_hidden,), float32;
`loss`, `gradient_norm` (n_epochs + 1,), float64; attribute `stopped_by`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.damaged import DamagedFile

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BLOCK_ROWS = 4096
"""Rows that are scaled at a time, so that no scaled copy of all rows is made."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """Min-max scaling and one logistic layer, and how their fit went.

    Parameters
    ----------
    x_min, x_range : array of float32, shape (n_features,)
        What is subtracted from every feature, and what the rest is divided by (above 0).
    weight : array of float32, shape (n_hidden, n_features)
        Weights.
    bias : array of float32, shape (n_hidden,)
        Biases.
    loss, gradient_norm : array of float64, shape (n_epochs + 1,)
        Loss and Euclidean norm of its gradient, before the first epoch and after every epoch.
    stopped_by : str
        Why the fit ended: `epochs` or `gradient`.
    """

    x_min: Float32
    x_range: Float32
    weight: Float32
    bias: Float32
    loss: Float64
    gradient_norm: Float64
    stopped_by: str

    def transform(self, X: ArrayLike) -> Float32:
        """Activations of the hidden units.

        Parameters
        ----------
        X : array-like, shape (n_rows, n_features)
            Features in their own units; values beyond the training rows' range are not clipped.

        Returns
        -------
        array of float32, shape (n_rows, n_hidden)
            In [0, 1].

        Raises
        ------
        UserError
            If `X` has another number of features, or a value that is not finite.
        """
        rows = finite_rows(X, "encoder", n_features=len(self.x_min))
        codes = np.empty((len(rows), len(self.bias)), dtype=np.float32)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = codes[start : start + BLOCK_ROWS]
            scaled = (rows[start : start + BLOCK_ROWS] - self.x_min) / self.x_range
            np.matmul(scaled, self.weight.T, out=block)
            block += self.bias
            expit(block, out=block)
        return codes

    def write(self, group: h5py.Group) -> None:
        """Write the encoder and the record of its fit into an HDF5 group.

        Parameters
        ----------
        group : h5py.Group
            Empty group of a file that is open for writing.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                group.attrs[field.name] = value
            else:
                group.create_dataset(field.name, data=value)

    @classmethod
    def read(cls, group: h5py.Group, path: Path) -> Encoder:
        """Read what `write` wrote.

        Parameters
        ----------
        group : h5py.Group
            Of one fit, in the file of a reducer.
        path : Path
            Of its file.

        Returns
        -------
        Encoder
            With its arrays in memory.

        Raises
        ------
        DamagedFile
            If the group lacks a part; file, group and part are named.
        """
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in group and name not in group.attrs]
        if missing:
            raise DamagedFile(path, f"group '{group.name}' holds no encoder ({', '.join(missing)} missing)")
        parts: dict[str, Any] = {name: group[name][...] if name in group else group.attrs[name] for name in names}
        return cls(**parts)


def finite_rows(X: ArrayLike, where: str, n_features: int | None = None) -> Float32:
    """A matrix as float32, without a copy where it is that already, checked.

    Parameters
    ----------
    X : array-like, shape (n_rows, n_features)
        Numbers.
    where : str
        What the message of an error begins with.
    n_features : int, optional
        How many features there must be.

    Returns
    -------
    array of float32, shape (n_rows, n_features)

    Raises
    ------
    UserError
        If `X` has no rows, another shape than that, or a value that is not finite in float32; the first such row
        and feature are named, counted from 0.
    """
    with np.errstate(over="ignore"):
        rows: Float32 = np.asarray(X, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape or n_features not in (None, rows.shape[1]):
        expected = f"(n_rows, {n_features or 'n_features'})"
        raise UserError(f"{where}: features of shape {rows.shape} given, {expected} expected; give one row per image.")
    faulty = ~np.isfinite(rows.sum(axis=1, dtype=np.float64))
    if faulty.any():
        row = int(faulty.argmax())
        column = int((~np.isfinite(rows[row])).argmax())
        raise UserError(
            f"{where}: row {row}, feature {column} is {rows[row, column]}, a finite number was expected; "
            f"extract the features of this image again ({int(faulty.sum())} such row(s) in all)."
        )
    return rows
