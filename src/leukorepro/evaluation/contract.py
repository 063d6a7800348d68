"""What a table of predictions must hold, checked outcome by outcome.

In memory text is categorical, for a network's predictions after every epoch are millions of rows; in files it is text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.core.tables.predictions import PARTS_TABLE, RECONSTRUCTED
from leukorepro.core.tables.table import ParquetTable
from leukorepro.data.subjects.missing import refuse_missing
from leukorepro.ladder.rungs import LADDER

FITTED = ("train", "validation")
"""Roles of rows that a classifier was not tested on."""

OUTCOME = ["table", "item", "protocol"]
ORDER = [*OUTCOME, "repeat", "fold", "image_id", "view"]
ORIGINALS_ONLY = tuple(key for key, rung in LADDER.items() if rung.originals_only)
"""Rungs that score original images only."""


def score_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of the scores, in the order of their classes; of an outcome's rows ``["score"]`` or ``score_<class>``."""
    return sorted(c for c in frame.columns if c == "score" or c.startswith("score_"))


def measured_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that an outcome has a number in for every row, or for none: the scores, then `RECONSTRUCTED`."""
    return PARTS_TABLE.further_of(frame)


def with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table, its text as categoricals whose categories are the values that occur, in their order.

    Those of true and predicted classes are the same, so that the two can be compared.
    """
    text = {c: _categorical(frame[c]) for c in PARTS_TABLE.text if c in frame.columns}
    compared = [c for c in ("y_true", "y_pred") if c in text]
    classes = sorted({name for c in compared for name in text[c].categories})
    return frame.assign(**text | {c: text[c].set_categories(pd.Index(classes, dtype="str")) for c in compared})


def _categorical(column: pd.Series) -> pd.Categorical[str]:
    dtype = column.dtype
    values = column.array if isinstance(dtype, pd.CategoricalDtype) else pd.Categorical(column.astype("str"))
    used = np.bincount(values.codes.astype(np.intp) + 1, minlength=len(values.categories) + 1)[1:] > 0
    return values.set_categories(values.categories[used].astype("str").sort_values())


def checked_part(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Check a part: tested, training and validation rows; see `checked`.

    Parameters
    ----------
    frame : DataFrame
        Predictions of a part of a study.
    where : str
        The table's file, with which messages begin.

    Returns
    -------
    DataFrame
        The rows, with the types that columns must have.
    """
    frame = checked(frame, where, PARTS_TABLE)
    check_roles(frame, ("test", *FITTED), where)
    return frame


def checked(frame: pd.DataFrame, where: str, table: ParquetTable) -> pd.DataFrame:
    """Check a table of predictions and put its columns in order, with their types.

    Parameters
    ----------
    frame : DataFrame
        With the table's columns in any order.
    where : str
        What a message begins with.
    table : ParquetTable
        `PREDICTIONS_TABLE` or `PARTS_TABLE`.

    Returns
    -------
    DataFrame
        Its columns, the scores and, where they are there, `RECONSTRUCTED`; text as `with_categories` gives it.

    Raises
    ------
    UserError
        If it is not such a table; the message names the column or the row.
    """
    frame = table.checked(frame, where)
    if len(frame) and not score_columns(frame):
        raise UserError(f"{where}: no score column; expected 'score', or 'score_<class>' for each of three or more.")
    if (frame["source_id"] == "").any():
        raise UserError(f"{where}: empty source_id; expected the source photograph, or the image itself.")
    frame = with_categories(frame)
    refuse_missing(frame["subject_id"], where)
    outcome = frame.groupby(OUTCOME, observed=True).ngroup()
    _check_measured(frame, measured_columns(frame), outcome, where)
    _check_rows(frame, outcome, where)
    return frame


def check_roles(frame: pd.DataFrame, allowed: Sequence[str], where: str) -> None:
    """Check that every row has one of the roles that are allowed.

    Parameters
    ----------
    frame : DataFrame
        Predictions with a column `role`.
    allowed : sequence of str
        Among ``test``, ``train`` and ``validation``.
    where : str
        The table's file, with which the message begins.

    Raises
    ------
    UserError
        Naming the first row that has another.
    """
    wrong = np.flatnonzero(~frame["role"].isin(allowed))
    if len(wrong):
        role = frame["role"].iloc[wrong[0]]
        raise UserError(f"{where}: row {wrong[0]}: role '{role}'; expected one of {', '.join(allowed)}.")


def _check_measured(frame: pd.DataFrame, measured: list[str], outcome: pd.Series[int], where: str) -> None:
    """Check that every outcome has the scores of its classes, and a number in every row where it has one in any."""
    n_rows = np.bincount(outcome)
    own: list[list[str]] = [[] for _ in n_rows]
    for column in measured:
        infinite = np.flatnonzero(np.isinf(frame[column]))
        if len(infinite):
            raise UserError(f"{where}: row {infinite[0]}: column '{column}' is not finite.")
        known = frame[column].notna().to_numpy()
        n_known = np.bincount(outcome, known, len(n_rows))
        partly = (n_known > 0) & (n_known < n_rows)
        if partly.any():
            row = np.flatnonzero(partly[outcome] & ~known)[0]
            raise UserError(
                f"{where}: row {row}: no value in column '{column}'; all rows of a table's item have one, or none has."
            )
        for place in np.flatnonzero(n_known):
            own[place].append(column)
    pairs = frame[["y_true", "y_pred"]].assign(outcome=outcome).drop_duplicates()
    for _, rows in pairs.groupby("outcome"):
        classes = sorted({*rows["y_true"], *rows["y_pred"]})
        columns = [c for c in own[rows["outcome"].iloc[0]] if c not in RECONSTRUCTED]
        if not _scores_fit(columns, classes):
            told = ", ".join(f"{c} {frame[c].iloc[rows.index[0]]}" for c in OUTCOME)
            raise UserError(
                f"{where}: {told}: score column(s) {', '.join(columns) or '(none)'} do not fit the classes "
                f"{', '.join(classes)}; expected 'score' alone for two classes, or 'score_<class>' for each of "
                "three or more."
            )


def _scores_fit(scores: list[str], classes: list[str]) -> bool:
    if "score" in scores:
        return len(scores) == 1 and len(classes) <= 2
    return len(scores) >= 3 and set(classes) <= {c.removeprefix("score_") for c in scores}


def _check_rows(frame: pd.DataFrame, outcome: pd.Series[int], where: str) -> None:
    for column in ("subject_id", "source_id"):
        values = frame[["image_id", column]].drop_duplicates()
        twice = values["image_id"][values["image_id"].duplicated()]
        if len(twice):
            raise UserError(f"{where}: image '{twice.iloc[0]}' has two values of '{column}'; expected one.")
    values = frame[["image_id", "y_true"]].assign(outcome=outcome).drop_duplicates()
    again = values[values.duplicated(["outcome", "image_id"])]
    if len(again):
        row = frame.loc[again.index[0]]
        name = ", ".join(f"{c} {row[c]}" for c in OUTCOME)
        raise UserError(f"{where}: image '{row['image_id']}' has two values of 'y_true' in {name}; expected one.")
    repeated = frame[frame.duplicated(ORDER)]
    if len(repeated):
        name = ", ".join(f"{c} {repeated[c].iloc[0]}" for c in ORDER)
        raise UserError(f"{where}: predicted twice: {name}; expected once.")
    views = frame[frame["protocol"].isin(ORIGINALS_ONLY) & (frame["view"] != "identity")]
    if "role" in views:  # views serve training
        views = views[views["role"] == "test"]
    if len(views):
        protocol, view, image = (views[c].iloc[0] for c in ("protocol", "view", "image_id"))
        raise UserError(
            f"{where}: protocol '{protocol}' scores view '{view}' of '{image}'; "
            "it scores original images (view 'identity') only."
        )
