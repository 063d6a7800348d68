"""The rows that a system is fitted on: those of a fold's training part, or all that the rung allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config.run_files import how_to_finish
from leukorepro.config.study.schemes import Protocol
from leukorepro.core.errors import UserError
from leukorepro.data.copies.ties import tied_by
from leukorepro.data.groups import groups
from leukorepro.data.manifest import read_manifest
from leukorepro.data.split_tables import read_splits_of
from leukorepro.features.fusion import Features
from leukorepro.features.identity import read_wanted
from leukorepro.inference.exporting.choice import Choice
from leukorepro.systems.classifiers.tasks import about_rows
from leukorepro.systems.folds import Fold, Positions, fits, folds


@dataclass(frozen=True)
class TrainingRows:
    """What a system is fitted on.

    Attributes
    ----------
    features : Features
        Of all images; the matrix may be mapped.
    splits : DataFrame
        Split table of the rung.
    fold : Fold or None
        Whose training rows they are; None where they are all rows that the rung allows.
    train : ndarray of int, shape (n,)
        Positions of the rows among the features.
    about : DataFrame, n rows
        Columns image_id, view, subject_id, source_id and y_true of these rows.
    sha256 : Series of str
        Of the bytes of each image that these rows, or those of the reducer of a fold, are of.
    """

    features: Features
    splits: pd.DataFrame
    fold: Fold | None
    train: Positions
    about: pd.DataFrame
    sha256: pd.Series[str]

    @property
    def labels(self) -> NDArray[Any]:
        """Class of each row, shape (n,)."""
        return self.about["y_true"].to_numpy(str)

    @property
    def classes(self) -> list[str]:
        """Sorted."""
        return sorted(set(self.labels))

    @property
    def originals(self) -> Positions:
        """Those of the rows, as positions among the n, that are original images."""
        return np.flatnonzero(self.about["view"] == "identity")

    @property
    def group(self) -> NDArray[np.intp]:
        """Group of each row: what shares a subject or a source."""
        return groups(self.about["subject_id"], self.about["source_id"])


def training_rows(choice: Choice) -> TrainingRows:
    """Read the rows of a finished run.

    Raises
    ------
    UserError
        If a file is missing, or is not what the run made; if there is no such fold.
    """
    again = how_to_finish(choice.run.name)
    for file in (choice.manifest, choice.features, choice.folder.splits(choice.rung, choice.split)):
        if not file.is_file():
            raise UserError(f"{file}: no such file, so that the run '{choice.run.name}' is not finished; {again}.")
    manifest = read_manifest(choice.manifest)
    splits = read_splits_of(manifest, choice.folder.splits(choice.rung, choice.split), choice.protocol)
    features = read_wanted(choice.features, choice.parts, choice.manifest, mapped=True)
    fold = None if choice.fold is None else _find_fold(choice, splits, features)
    train = np.sort(features.row_numbers(allowed_rows(splits, choice.protocol)) if fold is None else fold.train)
    tied = tied_by(manifest, choice.duplicates)
    about = about_rows(features.rows.iloc[train].reset_index(drop=True), tied, choice.label_set)
    seen = train
    if fold is not None and choice.item.reducer is not None:  # which may see more than the fold's training rows
        seen = np.union1d(train, fits(splits, features, choice.protocol)[fold.fit_name(choice.protocol)])
    of_seen = manifest["image_id"].isin(features.rows["image_id"].iloc[seen])
    return TrainingRows(features, splits, fold, train, about, manifest.loc[of_seen, "sha256"])


def allowed_rows(splits: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Images and views that a rung lets a system be fitted on which is tested by nobody any more.

    These are all views of all images that take part in the split; but a held-out part stays out, with all that shares a
    subject or a source with it.

    Parameters
    ----------
    splits : DataFrame
        Split table of the rung.
    protocol : Protocol
        Of the rung.

    Returns
    -------
    DataFrame
        Columns ``image_id, view``, a row once.
    """
    if protocol.tests_held_out_part:
        rows = splits[splits["role"] == "train"]
    else:
        rows = splits[splits["image_id"].isin(splits.loc[splits["role"] != "excluded", "image_id"])]
    return rows[["image_id", "view"]].drop_duplicates()


def _find_fold(choice: Choice, splits: pd.DataFrame, features: Features) -> Fold:
    known = {fold.fold: fold for fold in folds(splits, features) if fold.repeat == 0}
    if choice.fold not in known:
        there = f"0 to {max(known)}" if len(known) > 1 else "0 alone"
        raise UserError(f"--fold: {choice.fold} is no fold of '{choice.split}' on {choice.rung}, which has {there}.")
    return known[choice.fold]
