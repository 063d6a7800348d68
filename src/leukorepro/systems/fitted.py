"""What files of fits record of the rows that each fit saw, and how their readers compare it.

A reducer's file, and that of a trained network's features, has the attribute `features_sha256` of the feature file, and
a group for every fit with the attribute `rows_sha256` of the rows of it that the fit saw.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from leukorepro.config.study.schemes import Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader
from leukorepro.features.fusion import CODES, FITTED_ON, Features
from leukorepro.systems.folds import Fold, Positions, fit_in_words, fits, folds

ROWS = "rows_sha256"
"""Attribute of every fit: `rows_digest` of the rows that it saw."""


def rows_digest(rows: Positions) -> str:
    """SHA-256 of positions in a feature file, whatever their order."""
    return hashlib.sha256(np.sort(rows).astype("<i8").tobytes()).hexdigest()


def fit_used(file: h5py.File, fold: Fold, protocol: Protocol) -> str:
    """Name of the fit in a file that a fold uses.

    A network is trained in every fold, also where the protocol lets autoencoders see all rows.

    Parameters
    ----------
    file : h5py.File
        Of a fitted reducer, or of a trained network's features.
    fold : Fold
        Of the split table that is classified.
    protocol : Protocol
        Its scope says whether one fit serves all folds.
    """
    return fold.name if CODES in file.get(fold.name, ()) else fold.fit_name(protocol)


def check_fitted_on(path: Path, features: Features, splits: pd.DataFrame, protocol: Protocol) -> None:
    """See that every fit that the folds use was made on these features, and on the rows that it may see.

    Parameters
    ----------
    path : Path
        Of a fitted reducer, or of a trained network's features.
    features : Features
        What is to be reduced by it.
    splits : DataFrame
        Split table, the rows that are excluded among its own.
    protocol : Protocol
        Its scope says which rows a fit may see.

    Raises
    ------
    UserError
        If one was not, or is not there, with what to give or to run instead.
    """
    again = "run `snakemake` again, which fits it anew"
    rows = fits(splits, features, protocol)
    with hdf5_reader(path) as file:
        if file.attrs.get(FITTED_ON, "") != features.sha256:
            raise UserError(
                f"{path}: was fitted on other features than those of {features.path}; {again}, or give the features "
                "that it was fitted on."
            )
        for fold in folds(splits, features):
            name = fit_used(file, fold, protocol)
            if name not in file:
                there = ", ".join(fit_in_words(fit) for fit, group in file.items() if isinstance(group, h5py.Group))
                raise UserError(
                    f"{path}: has fits for {there or 'nothing'}, but the split table of {protocol.rung} wants one for "
                    f"{fit_in_words(name)}; {again}, or give the split table that it was fitted on."
                )
            if file[name].attrs.get(ROWS, "") != rows_digest(rows.get(name, fold.train)):
                raise UserError(
                    f"{path}: its fit for {fit_in_words(name)} saw other rows than those that the split table of "
                    f"{protocol.rung} gives it; {again}, or give the split table that it was fitted on."
                )
