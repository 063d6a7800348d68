"""Predictions of classifiers over the folds of a split table, under a protocol.

Items that share reducer and classifier are fitted once. Fits run side by side, each on a thread of its own, so that
no number depends on how many threads there are. A classifier's scaler always sees the training rows only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config import ClassifierBase, Item, LabelSet, Protocol, SvmSpec
from leukorepro.data.splits import classes_of
from leukorepro.errors import UserError
from leukorepro.features.fusion import Features
from leukorepro.models.encoder import Encoder
from leukorepro.models.engines import Answers, Settings, engine_of, fit_and_predict
from leukorepro.models.folds import ROLES, Fold, Positions, folds
from leukorepro.models.kernels import KERNEL_ROWS, Rows
from leukorepro.models.scheduling import run_all
from leukorepro.store import hdf5_reader
from leukorepro.tables import PREDICTIONS_WITH_ROLE


@dataclass(frozen=True)
class Task:
    """What is classified, and how its predictions are labelled.

    Attributes
    ----------
    study, dataset : str
    protocol : Protocol
    positive_class : str or None
        With two classes, the one that high scores speak for.
    items : sequence of (table, Item)
        Items that share the feature set and the split.
    label_set : LabelSet or None
        Classes of the split; None where they are the dataset's own.
    fitted_tables : collection of str
        Tables whose items are also asked about the rows that they were fitted on, and about the validation part.
    """

    study: str
    dataset: str
    protocol: Protocol
    positive_class: str | None
    items: Sequence[tuple[str, Item]]
    label_set: LabelSet | None = None
    fitted_tables: frozenset[str] = frozenset()


class Classified(NamedTuple):
    """Predictions, and what computed them."""

    predictions: pd.DataFrame
    """Rows of the contract of parts: `role` and the scores among its columns."""
    engines: dict[str, str]
    """Engine of each classifier, with its version."""


class Model(NamedTuple):
    """What is fitted in every fold: a classifier, on reduced features perhaps."""

    reducer: str | None
    classifier: str


def classify(
    task: Task,
    features: Features,
    splits: pd.DataFrame,
    manifest: pd.DataFrame,
    classifiers: Mapping[str, ClassifierBase],
    reducers: Mapping[str, Path],
    settings: Settings | None = None,
) -> Classified:
    """Predict every tested row of every fold, for items on one feature set and one split.

    Parameters
    ----------
    task : Task
    features : Features
        Matrix of the feature set.
    splits : DataFrame
        Split table of the protocol.
    manifest : DataFrame
        Labels, subjects and sources of the images.
    classifiers : mapping of str to specification
        By the names that the items use.
    reducers : mapping of str to Path
        Fitted reducers, by the names that the items use.
    settings : Settings, optional
        Seed, budget and threads.

    Raises
    ------
    UserError
        If the classes are not those that the task says, or a training part lacks a class.
    """
    settings = settings or Settings()
    splits = splits[splits["role"] != "excluded"]
    used = np.unique(features.row_numbers(splits))
    features = Features(features.matrix[used], features.rows.iloc[used].reset_index(drop=True))
    about = _about(features.rows, manifest, task.label_set)
    labels = about["y_true"].to_numpy(dtype=object)
    _check_classes(task, labels)
    specs = {Model(item.reducer, item.classifier): classifiers[item.classifier] for _, item in task.items}
    if len(used) > KERNEL_ROWS and any(isinstance(spec, SvmSpec) for spec in specs.values()):
        print(f"{len(used)} rows: no kernel matrix is kept of more than {KERNEL_ROWS}; SVMs compute kernels as they go")
    all_folds = list(folds(splits, features))
    for fold in all_folds:
        _check_learnable(task, fold, labels)

    def jobs() -> Iterator[tuple[bool, Callable[[], Answers]]]:
        for fold, model, rows in _fits(task, all_folds, features, specs, reducers):
            spec, asked = specs[model], _asked(task, fold, model)
            wants_main_thread = engine_of(spec, len(used)) == "scikit-learn-intelex"
            given = (spec, rows, labels, fold.train, asked, task.positive_class, settings)
            yield wants_main_thread, partial(fit_and_predict, *given)

    answers = run_all(jobs(), settings.threads)
    parts: list[pd.DataFrame] = []
    engines: dict[str, str] = {}
    for (fold, model), answer in zip(product(all_folds, specs), answers, strict=True):
        parts += _parts(task, fold, model, about, answer)
        engines[model.classifier] = answer.engine
    return Classified(pd.concat(parts, ignore_index=True), engines)


def read_encoder(path: Path, fit: str) -> Encoder:
    """Encoder of one fit, from a reducer file."""
    with hdf5_reader(path) as file:
        group: h5py.Group = file[fit]
        return Encoder.read(group)


def _fits(
    task: Task,
    all_folds: Sequence[Fold],
    features: Features,
    specs: Mapping[Model, ClassifierBase],
    reducers: Mapping[str, Path],
) -> Iterator[tuple[Fold, Model, Rows]]:
    """Every model of every fold, with the rows that it sees; what several of them share is one object."""
    whole = Rows(lambda: features.matrix)

    def encoded(reducer: str, fit: str) -> Rows:
        return Rows(lambda: read_encoder(reducers[reducer], fit).transform(features.matrix))

    codes: dict[tuple[str, str], Rows] = {}
    for fold in all_folds:
        fit = fold.fit_name(task.protocol)
        codes = {key: rows for key, rows in codes.items() if key[1] == fit}
        scaled: dict[str | None, Rows] = {}
        for model, spec in specs.items():
            name = model.reducer
            rows = whole if name is None else codes.setdefault((name, fit), encoded(name, fit))
            yield fold, model, scaled.setdefault(name, rows.scaled(fold.train)) if spec.standardize else rows


def _items(task: Task, model: Model) -> list[tuple[str, Item]]:
    return [(table, item) for table, item in task.items if Model(item.reducer, item.classifier) == model]


def _roles(task: Task, model: Model) -> tuple[str, ...]:
    """Roles of the rows that a model is asked about, those of the test part first."""
    return ROLES if any(table in task.fitted_tables for table, _ in _items(task, model)) else ROLES[:1]


def _asked(task: Task, fold: Fold, model: Model) -> Positions:
    return np.concatenate([fold.roles[role] for role in _roles(task, model)])


def _about(rows: pd.DataFrame, manifest: pd.DataFrame, label_set: LabelSet | None) -> pd.DataFrame:
    """The columns of the predictions that do not depend on a model, one row per feature row."""
    found = manifest.set_index("image_id").loc[rows["image_id"]].reset_index()
    return rows[["image_id", "view"]].assign(
        subject_id=found["subject_id"], source_id=found["source_id"], y_true=classes_of(found["label"], label_set)
    )


def _parts(task: Task, fold: Fold, model: Model, about: pd.DataFrame, answer: Answers) -> Iterator[pd.DataFrame]:
    """Predictions of one fitted model, for each of its items."""
    roles = _roles(task, model)
    role = np.repeat(roles, [len(fold.roles[name]) for name in roles])
    names = ["score"] if answer.scores.shape[1] == 1 else [f"score_{c}" for c in answer.classes]
    rows = about.iloc[_asked(task, fold, model)].reset_index(drop=True).assign(role=role, y_pred=answer.predicted)
    rows = rows.assign(**dict(zip(names, answer.scores.T, strict=True)))
    for table, item in _items(task, model):
        named = rows.assign(
            study=task.study,
            dataset=task.dataset,
            table=table,
            item=item.item,
            protocol=task.protocol.rung,
            repeat=fold.repeat,
            fold=fold.fold,
        )
        yield named.loc[
            slice(None) if table in task.fitted_tables else role == "test", [*PREDICTIONS_WITH_ROLE, *names]
        ]


def _check_classes(task: Task, labels: NDArray[np.object_]) -> None:
    classes = sorted(set(labels))
    if len(classes) == 2 and task.positive_class not in classes:
        raise UserError(
            f"dataset {task.dataset}: positive_class is {task.positive_class!r}, but its classes are "
            f"{' and '.join(classes)}; set `positive_class` in its configuration."
        )


def _check_learnable(task: Task, fold: Fold, labels: NDArray[np.object_]) -> None:
    trained = set(labels[fold.train])
    rest = {role: sorted(set(labels[fold.roles[role]]) - trained) for role in ROLES}
    lacking = next((classes for classes in rest.values() if classes), [])
    if lacking or len(trained) < 2:
        what = f"no row of class {', '.join(lacking)}" if lacking else f"rows of class {', '.join(trained)} only"
        raise UserError(
            f"{task.study}, {task.protocol.rung}: the training part of repeat {fold.repeat}, fold {fold.fold} has "
            f"{what}, so that no classifier can learn the classes; use fewer folds, add images, or leave this rung out "
            "(`rungs:` of the run)."
        )
