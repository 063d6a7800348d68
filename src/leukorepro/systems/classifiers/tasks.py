"""What a job classifies: items that share rows, what they must hold, and how predictions are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.tables.predictions import PARTS_TABLE
from leukorepro.data.split_needs import ImpossibleSplit
from leukorepro.data.splits import classes_of
from leukorepro.systems.folds import ROLES, Fold, Positions


class Answers(NamedTuple):
    """What a fitted classifier says of the rows that it was asked about."""

    classes: list[str]
    predicted: NDArray[np.object_]
    """Classes, shape (N,)."""
    scores: NDArray[np.float64]
    """Shape (N, 1) with two classes, (N, n_classes) with more."""
    engine: str
    """What computed them, with its version."""


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


class Model(NamedTuple):
    """What is fitted in every fold: a classifier, on reduced features perhaps."""

    reducer: str | None
    classifier: str


def items_of(task: Task, model: Model) -> list[tuple[str, Item]]:
    """Items of a model, each with its table.

    Parameters
    ----------
    task : Task
        What is classified.
    model : Model
        Reducer and classifier that items may share.
    """
    return [(table, item) for table, item in task.items if Model(item.reducer, item.classifier) == model]


def asked_rows(task: Task, fold: Fold, model: Model) -> dict[str, Positions]:
    """Rows that a model is asked about, by their roles, those of the test part first.

    Parameters
    ----------
    task : Task
        It says of which tables fitted rows are predicted, too.
    fold : Fold
        With its rows by their roles.
    model : Model
        One of the task's.
    """
    roles = ROLES if any(table in task.fitted_tables for table, _ in items_of(task, model)) else ROLES[:1]
    return {role: fold.roles[role] for role in roles}


def about_rows(rows: pd.DataFrame, manifest: pd.DataFrame, label_set: LabelSet | None) -> pd.DataFrame:
    """The columns of the predictions that do not depend on a model, one row per feature row.

    Parameters
    ----------
    rows : DataFrame
        Columns image_id and view of a feature file.
    manifest : DataFrame
        Rows of all these images.
    label_set : LabelSet or None
        Classes that the labels are put into; None: every label is a class.

    Returns
    -------
    DataFrame
        Columns image_id, view, subject_id, source_id and y_true.
    """
    found = manifest.set_index("image_id").loc[rows["image_id"]].reset_index()
    return rows[["image_id", "view"]].assign(
        subject_id=found["subject_id"], source_id=found["source_id"], y_true=classes_of(found["label"], label_set)
    )


def labelled(
    task: Task,
    items: Iterable[tuple[str, Item]],
    about: pd.DataFrame,
    asked: Mapping[str, Positions],
    answer: Answers,
    fold: Fold,
) -> Iterator[pd.DataFrame]:
    """Predictions of one fitted model, for each of its items.

    Parameters
    ----------
    task : Task
    items : iterable of (table, Item)
        That share the model, each with its table.
    about : DataFrame
        As `about_rows` gives it.
    asked : mapping of str to ndarray of int
        Rows that the model was asked about, by their roles, in the order of the answer.
    answer : Answers
    fold : Fold
        Whose repeat and number the rows get, and its seed, where it has one.
    """
    role = np.repeat(list(asked), [len(rows) for rows in asked.values()])
    names = ["score"] if answer.scores.shape[1] == 1 else [f"score_{c}" for c in answer.classes]
    rows = about.iloc[np.concatenate(list(asked.values()))].reset_index(drop=True)
    rows = rows.assign(role=role, y_pred=answer.predicted, **dict(zip(names, answer.scores.T, strict=True)))
    seed = {} if fold.seed is None else {"seed": fold.seed}
    further = [name for name in about.columns if name not in PARTS_TABLE.columns]
    columns = [*PARTS_TABLE.columns, *seed, *names, *further]
    for table, item in items:
        named = rows.assign(
            study=task.study,
            dataset=task.dataset,
            table=table,
            item=item.item,
            protocol=task.protocol.rung,
            repeat=fold.repeat,
            fold=fold.fold,
            **seed,
        )
        yield named.loc[slice(None) if table in task.fitted_tables else role == "test", columns]


def check_classes(task: Task, labels: NDArray[np.object_]) -> None:
    """Refuse a task with two classes whose positive class is neither of them.

    Parameters
    ----------
    task : Task
        What is classified.
    labels : ndarray of str, shape (N,)
        Classes of all rows that take part.

    Raises
    ------
    UserError
        With both classes.
    """
    classes = sorted(set(labels))
    if len(classes) == 2 and task.positive_class not in classes:
        raise UserError(
            f"dataset {task.dataset}: positive_class is {task.positive_class!r}, but its classes are "
            f"{' and '.join(classes)}; set `positive_class` in its configuration."
        )


def check_learnable(task: Task, fold: Fold, labels: NDArray[np.object_]) -> None:
    """Refuse a fold whose training part lacks a class.

    Parameters
    ----------
    task : Task
        What is classified, for the message.
    fold : Fold
        With positions among the labels.
    labels : ndarray of str, shape (N,)
        Classes of all rows that take part.

    Raises
    ------
    ImpossibleSplit
        If a class is tested or validated that no training row has, or training rows are of one class only.
    """
    trained = set(labels[fold.train])
    rest = {role: sorted(set(labels[fold.roles[role]]) - trained) for role in ROLES}
    lacking = next((classes for classes in rest.values() if classes), [])
    if lacking or len(trained) < 2:
        what = f"no row of class {', '.join(lacking)}" if lacking else f"rows of class {', '.join(trained)} only"
        raise ImpossibleSplit(
            f"the training part of repeat {fold.repeat}, fold {fold.fold} has {what}, so that no classifier can learn "
            "the classes; use fewer folds, add images",
            where=f"{task.study}, {task.protocol.rung}: ",
        )
