"""Predictions of classifiers over the folds of a split table, under a protocol.

Items that share reducer and classifier are fitted once, and so are rungs on which nothing differs. Where a reducer's
file holds the codes of all rows, which are a trained network's features, they are read from it, and the images that
they were made from are not. Fits run side by side, each on a thread of its own, so that no number depends on how many
threads there are. A classifier's scaler always sees the training rows only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

from leukorepro.config.study.schemes import Protocol
from leukorepro.core.store import hdf5_reader
from leukorepro.features.fusion import CODES, Features, map_dataset
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.fits import fit_and_predict
from leukorepro.systems.classifiers.kernels import Float32, Rows
from leukorepro.systems.classifiers.scheduling import run_all
from leukorepro.systems.classifiers.shared import Codes, Shared, key_of
from leukorepro.systems.classifiers.tasks import (
    Answers,
    Model,
    Task,
    about_rows,
    asked_rows,
    check_classes,
    check_learnable,
    items_of,
    labelled,
)
from leukorepro.systems.fitted import check_fitted_on, fit_used
from leukorepro.systems.folds import Fold, Positions, folds


class Classified(NamedTuple):
    """Predictions, and what computed them."""

    predictions: pd.DataFrame
    """Rows of the contract of parts: `role` and the scores among its columns."""
    engines: dict[str, str]
    """Engine of each classifier, with its version."""


def classify(
    task: Task,
    features: Features,
    splits: pd.DataFrame,
    manifest: pd.DataFrame,
    classifiers: Mapping[str, Classifier],
    reducers: Mapping[str, Path],
    settings: Settings | None = None,
    shared: Shared | None = None,
) -> Classified:
    """Predict every tested row of every fold, for items on one feature set and one split.

    Parameters
    ----------
    task : Task
    features : Features
        Of the feature set. A mapped matrix is read only as far as classifiers ask for it: not at all where every item
        has a reducer with codes, batch by batch where all of them learn so.
    splits : DataFrame
        Split table of the protocol.
    manifest : DataFrame
        Labels, subjects and sources of the images.
    classifiers : mapping of str to specification
        By the names that the items use.
    reducers : mapping of str to Path
        Fitted reducers, by the names that the items use.
    settings : Settings, optional
        Seed, budget, threads, and whether trees are computed fast.
    shared : Shared, optional
        Of the same features: what is computed for this table of folds serves others of the same rows.

    Returns
    -------
    Classified
        Rows of the contract of parts, and what computed each classifier.

    Raises
    ------
    UserError
        If the classes are not those that the task says, a training part lacks a class, or a reducer was fitted on other
        features or rows.
    """
    for file in reducers.values():
        check_fitted_on(file, features, splits, task.protocol)
    settings, shared = settings or Settings(), shared or Shared(features)
    splits = splits[splits["role"] != "excluded"]
    used = np.unique(features.row_numbers(splits))
    about = about_rows(features.rows.iloc[used].reset_index(drop=True), manifest, task.label_set)
    labels = about["y_true"].to_numpy(dtype=object)
    check_classes(task, labels)
    specs = {Model(item.reducer, item.classifier): classifiers[item.classifier] for _, item in task.items}
    all_folds = [fold.among(used) for fold in folds(splits, features)]
    for fold in all_folds:
        check_learnable(task, fold, labels)

    keys: list[str] = []
    new: list[str] = []

    def jobs() -> Iterator[tuple[bool, Callable[[], Answers]]]:
        for fold, model, rows, codes in _fits(task, all_folds, shared.rows(used), used, specs, reducers):
            spec, asked = specs[model], np.concatenate(list(asked_rows(task, fold, model).values()))
            own = replace(settings, seed=fold.drawn_from(settings.seed))
            keys.append(key_of(spec, codes, labels[fold.train], fold.train, asked, task.positive_class, own))
            if keys[-1] in shared.answers or keys[-1] in new:
                continue
            new.append(keys[-1])
            given = (spec, rows, labels, fold.train, asked, task.positive_class, own)
            yield spec.fastest(len(used), settings).in_main_thread, partial(fit_and_predict, *given)

    answered = run_all(jobs(), settings.threads, progress=settings.progress)
    shared.answers.update(zip(new, answered, strict=True))
    parts: list[pd.DataFrame] = []
    engines: dict[str, str] = {}
    for (fold, model), key in zip(product(all_folds, specs), keys, strict=True):
        answer = shared.answers[key]
        asked = asked_rows(task, fold, model)
        parts += labelled(task, items_of(task, model), about, asked, answer, fold)
        engines[model.classifier] = answer.engine
    return Classified(pd.concat(parts, ignore_index=True), engines)


def read_encoder(path: Path, fit: str) -> Encoder:
    """Encoder of one fit, from a reducer file.

    Parameters
    ----------
    path : Path
        The HDF5 file of a reducer.
    fit : str
        Name of the fit: `all`, or `r<repeat>f<fold>`.
    """
    with hdf5_reader(path) as file:
        group: h5py.Group = file[fit]
        return Encoder.read(group, path)


def reduced(path: Path, fit: str, used: Positions, whole: Rows) -> Float32:
    """The rows in use as a reducer gives them: its codes, or what its encoder makes of the features.

    Parameters
    ----------
    path : Path
        The HDF5 file of a reducer.
    fit : str
        Name of the fit: `all`, or `r<repeat>f<fold>`.
    used : ndarray of int64, shape (n,)
        Positions in the feature file of the rows in use, whose codes are read where the file has any.
    whole : Rows
        The features of the same rows, which are encoded where it has none.
    """
    with hdf5_reader(path) as file:
        if CODES in file[fit]:
            return np.asarray(map_dataset(path, file[fit][CODES])[used])
    return read_encoder(path, fit).transform(whole.matrix)


def _fit_used(path: Path, fold: Fold, protocol: Protocol) -> str:
    """Name of the fit of a reducer that a fold uses."""
    with hdf5_reader(path) as file:
        return fit_used(file, fold, protocol)


def _fits(
    task: Task,
    all_folds: Sequence[Fold],
    whole: Rows,
    used: Positions,
    specs: Mapping[Model, Classifier],
    reducers: Mapping[str, Path],
) -> Iterator[tuple[Fold, Model, Rows, Codes | None]]:
    """Every model of every fold, with the rows that it sees and what codes they are; what is shared is one object."""

    def rows_of(codes: Codes) -> Rows:
        return Rows(lambda: reduced(codes.file, codes.fit, used, whole))

    kept: dict[Codes, Rows] = {}
    for fold in all_folds:
        fits = {name: Codes(path, _fit_used(path, fold, task.protocol)) for name, path in reducers.items()}
        kept = {codes: rows for codes, rows in kept.items() if codes in fits.values()}
        scaled: dict[Codes | None, Rows] = {}
        for model, spec in specs.items():
            codes = None if model.reducer is None else fits[model.reducer]
            rows = whole if codes is None else kept.setdefault(codes, rows_of(codes))
            yield fold, model, scaled.setdefault(codes, rows.scaled(fold.train)) if spec.standardize else rows, codes
