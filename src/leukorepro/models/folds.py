"""Fitting reducers and classifiers over the folds of a split table, under a protocol.

Where a fitted step may look follows the protocol alone: with the scope `all` a reducer is fitted once, on every row
of the table; with the scope `train` it is fitted anew in each fold, on the training rows. Scalers of a classifier
are part of its pipeline and always see the training rows only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config import Item, Protocol, SvmSpec
from leukorepro.errors import UserError
from leukorepro.features.fusion import Features
from leukorepro.models.classifiers import build_classifier, scores
from leukorepro.models.encoder import Encoder
from leukorepro.store import hdf5_reader

WHOLE = "all"
"""Name of the fit that saw every row."""


@dataclass(frozen=True)
class Fold:
    """Rows of one fold, as positions in the feature matrix.

    Attributes
    ----------
    repeat, fold : int
    train, test : ndarray of int
    """

    repeat: int
    fold: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def fit_name(self, protocol: Protocol) -> str:
        """Name of the fit that this fold uses."""
        return WHOLE if protocol.scope == "all" else f"r{self.repeat}f{self.fold}"


def folds(splits: pd.DataFrame, features: Features) -> Iterator[Fold]:
    """The folds of a split table, in order."""
    for _, rows in splits.groupby(["repeat", "fold"], sort=True):
        positions = features.row_numbers(rows)
        role = rows["role"].to_numpy()
        yield Fold(
            int(rows["repeat"].iloc[0]),
            int(rows["fold"].iloc[0]),
            positions[role == "train"],
            positions[role == "test"],
        )


def fits(splits: pd.DataFrame, features: Features, protocol: Protocol) -> dict[str, NDArray[np.int64]]:
    """Rows that each fit of an unsupervised step sees, by the fit's name."""
    if protocol.scope == "all":
        first = splits[(splits["repeat"] == 0) & (splits["fold"] == 0)]
        return {WHOLE: features.row_numbers(first)}
    return {fold.fit_name(protocol): fold.train for fold in folds(splits, features)}


def read_encoder(path: Path, fit: str) -> Encoder:
    """Encoder of one fit, from a reducer file."""
    with hdf5_reader(path) as file:
        group: h5py.Group = file[fit]
        return Encoder.read(group)


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
    """

    study: str
    dataset: str
    protocol: Protocol
    positive_class: str | None
    items: Sequence[tuple[str, Item]]


def classify(
    task: Task,
    features: Features,
    splits: pd.DataFrame,
    manifest: pd.DataFrame,
    classifiers: Mapping[str, SvmSpec],
    reducers: Mapping[str, Path],
) -> pd.DataFrame:
    """Predict every tested row of every fold, for items on one feature set.

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

    Returns
    -------
    DataFrame
        Rows of the predictions contract.
    """
    about = manifest.set_index("image_id").loc[features.rows["image_id"]]
    labels = about["label"].to_numpy()
    classes = sorted(set(labels))
    if len(classes) == 2 and task.positive_class not in classes:
        raise UserError(
            f"dataset {task.dataset}: positive_class is {task.positive_class!r}, but its classes are "
            f"{' and '.join(classes)}; set `positive_class` in its configuration."
        )
    parts = []
    for fold in folds(splits, features):
        for reducer in dict.fromkeys(item.reducer for _, item in task.items):
            matrix = features.matrix
            if reducer is not None:
                # Only rows of the fold are needed, but encoding all keeps positions, and costs one product.
                matrix = read_encoder(reducers[reducer], fold.fit_name(task.protocol)).transform(matrix)
            for table, item in task.items:
                if item.reducer != reducer:
                    continue
                classifier = build_classifier(classifiers[item.classifier])
                classifier.fit(matrix[fold.train], labels[fold.train])
                tested = matrix[fold.test]
                part = pd.DataFrame(
                    {
                        "study": task.study,
                        "dataset": task.dataset,
                        "table": table,
                        "item": item.item,
                        "protocol": task.protocol.rung,
                        "repeat": fold.repeat,
                        "fold": fold.fold,
                        "image_id": features.rows["image_id"].to_numpy()[fold.test],
                        "view": features.rows["view"].to_numpy()[fold.test],
                        "subject_id": about["subject_id"].to_numpy()[fold.test],
                        "source_id": about["source_id"].to_numpy()[fold.test],
                        "y_true": labels[fold.test],
                        "y_pred": classifier.predict(tested),
                    }
                )
                values = scores(classifier, tested, task.positive_class)
                names = ["score"] if values.shape[1] == 1 else [f"score_{c}" for c in classifier.classes_]
                parts.append(part.assign(**dict(zip(names, values.T, strict=True))))
    return pd.concat(parts, ignore_index=True)
