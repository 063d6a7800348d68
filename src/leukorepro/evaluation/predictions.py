"""The table of predictions: what every figure and every number of a report is computed from.

One row is the prediction of one view of one image by one item under one protocol. A **cell** is an item under a
protocol. A cell of two classes has the column ``score`` (of the positive class, higher means more like it), one of
more classes a column ``score_<class>`` for each; in one file the score columns that do not concern a cell are empty
there. Cells may differ in their classes: one image can be ``ALL`` in one table and ``L1`` in another.

Predictions of rows that a classifier was tested on are what counts, and have a file of their own. Those of rows that
it was fitted or validated on lie beside it, with their `role`, where a paper prints the accuracy on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from leukorepro.errors import UserError
from leukorepro.store import read_parquet, write_parquet

BEFORE_ROLE = (
    "study",
    "dataset",
    "table",
    "item",
    "protocol",
    "repeat",
    "fold",
    "image_id",
    "view",
    "subject_id",
    "source_id",
)
COLUMNS = (*BEFORE_ROLE, "y_true", "y_pred")
"""Columns of every table of predictions, before its scores."""

WITH_ROLE = (*BEFORE_ROLE, "role", "y_true", "y_pred")
"""Columns of a part and of a table of fitted rows, before their scores."""

NUMBERS = ("repeat", "fold")
FITTED = ("train", "validation")
"""Roles of rows that a classifier was not tested on."""

CELL = ["table", "item", "protocol"]
ORDER = [*CELL, "repeat", "fold", "image_id", "view"]
ORIGINALS_ONLY = ("source_disjoint", "subject_disjoint", "external")
"""Rungs that score original images only."""


class Cell(NamedTuple):
    """An item under a protocol: what one set of metrics, one curve and one confusion matrix belong to."""

    table: str
    item: str
    protocol: str


class Collected(NamedTuple):
    """The predictions of a study under a protocol."""

    predictions: pd.DataFrame
    """Of tested rows: `COLUMNS` and the scores."""
    fitting: pd.DataFrame
    """Of training and validation rows: `WITH_ROLE` and the scores; often empty."""


def score_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of the scores, in the order of their classes; of a cell's rows ``["score"]`` or ``score_<class>``."""
    return sorted(c for c in frame.columns if c == "score" or c.startswith("score_"))


def classes_of(rows: pd.DataFrame) -> list[str]:
    """Names of a cell's classes, sorted: those of its score columns, or the two that were seen or predicted."""
    columns = score_columns(rows)
    if columns == ["score"]:
        return sorted({*rows["y_true"].unique(), *rows["y_pred"].unique()})
    return [c.removeprefix("score_") for c in columns]


def score_of_class(rows: pd.DataFrame, positive_class: str | None) -> dict[str, str]:
    """Column of the score of each class that a cell's scores speak for.

    Parameters
    ----------
    rows : DataFrame
        A cell's rows, as `cells` yields them.
    positive_class : str or None
        With two classes, the one that ``score`` speaks for; not used with more.

    Returns
    -------
    dict
        ``{positive_class: "score"}``, or ``score_<class>`` for every class of three or more.

    Raises
    ------
    UserError
        If there are two classes and `positive_class` is neither.
    """
    classes = classes_of(rows)
    columns = score_columns(rows)
    if columns != ["score"]:
        return dict(zip(classes, columns, strict=True))
    if positive_class is None or (positive_class not in classes and len(classes) > 1):
        raise UserError(
            f"positive_class: given {positive_class!r}, expected one of the classes {', '.join(classes)}; "
            "set it in the dataset's configuration, or in the study's label set."
        )
    return {positive_class: "score"}


def cells(frame: pd.DataFrame) -> Iterator[tuple[Cell, pd.DataFrame]]:
    """Yield the name of every cell (table, item, protocol) and its rows, with its own score columns only."""
    scores = score_columns(frame)
    for name, rows in frame.groupby(CELL):
        yield Cell(*map(str, name)), rows.drop(columns=[c for c in scores if rows[c].isna().all()])


def read_predictions(path: Path) -> pd.DataFrame:
    """Read the predictions of tested rows and check them.

    Raises
    ------
    UserError
        If the file is missing, or is not a table of predictions; the message names the column or the row.
    """
    return _checked(read_parquet(path), str(path), COLUMNS)


def read_fitting(path: Path) -> pd.DataFrame:
    """Read the predictions of training and validation rows and check them; there may be none.

    Raises
    ------
    UserError
        As `read_predictions`; also if a row has another role.
    """
    frame = _checked(read_parquet(path), str(path), WITH_ROLE)
    _check_roles(frame, FITTED, str(path))
    return frame


def read_part(path: Path) -> pd.DataFrame:
    """Read one job's predictions, of tested, training and validation rows, and check them.

    Raises
    ------
    UserError
        As `read_predictions`; also if a row has another role.
    """
    return _checked_part(read_parquet(path), str(path))


def write_predictions(frame: pd.DataFrame, path: Path) -> None:
    """Check predictions of tested rows and write them, in the order of `collect`; equal rows give equal bytes.

    Raises
    ------
    UserError
        If it is not a table of predictions.
    """
    write_parquet(_sorted(_checked(frame, str(path), COLUMNS)), path)


def write_fitting(frame: pd.DataFrame, path: Path) -> None:
    """Check predictions of training and validation rows and write them, as `write_predictions` does.

    Raises
    ------
    UserError
        If it is not such a table.
    """
    frame = _checked(frame, str(path), WITH_ROLE)
    _check_roles(frame, FITTED, str(path))
    write_parquet(_sorted(frame), path)


def collect(parts: Sequence[pd.DataFrame]) -> Collected:
    """Put parts together and part tested rows from fitted ones; the result does not depend on the order of `parts`.

    Parameters
    ----------
    parts : sequence of DataFrame
        Each with `WITH_ROLE` and the score columns of its cells.

    Raises
    ------
    UserError
        If there is no part, or if the whole is not a table of predictions.
    """
    if not parts:
        raise UserError("no predictions to collect; expected one table or more. Run the stage that makes them first.")
    whole = _sorted(_checked_part(pd.concat(parts, ignore_index=True), "collected predictions"))
    tested = whole["role"] == "test"
    return Collected(_without_empty_scores(whole[tested].drop(columns="role")), _without_empty_scores(whole[~tested]))


def _without_empty_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the score columns of cells that are not in it."""
    empty = [c for c in score_columns(frame) if frame[c].isna().all()]
    return frame.drop(columns=empty).reset_index(drop=True)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(ORDER, kind="stable", ignore_index=True)


def _checked_part(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    frame = _checked(frame, where, WITH_ROLE)
    _check_roles(frame, ("test", *FITTED), where)
    return frame


def _checked(frame: pd.DataFrame, where: str, columns: tuple[str, ...]) -> pd.DataFrame:
    missing = [c for c in columns if c not in frame.columns]
    scores = score_columns(frame)
    extra = [c for c in frame.columns if c not in columns and c not in scores]
    if missing or extra or (len(frame) and not scores):
        found = [f"column(s) {', '.join(missing)} missing"] * bool(missing)
        found += [f"unknown column(s) {', '.join(extra)}"] * bool(extra)
        found += ["no score column"] * (not scores)
        raise UserError(f"{where}: {'; '.join(found)}; expected {', '.join(columns)} and the scores.")
    for column in columns:
        missing_rows = np.flatnonzero(frame[column].isna())
        if len(missing_rows):
            raise UserError(f"{where}: row {missing_rows[0]}: no value in column '{column}'; every row needs one.")
    if (frame["source_id"] == "").any():
        raise UserError(f"{where}: empty source_id; expected the source photograph, or the image itself.")
    try:
        types = {c: "int64" if c in NUMBERS else "str" for c in columns} | dict.fromkeys(scores, "float64")
        frame = frame[[*columns, *scores]].astype(types).reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {error}; repeat and fold are integers, scores are numbers.") from None
    cell = frame.groupby(CELL, sort=True).ngroup()
    _check_scores(frame, scores, cell, where)
    _check_rows(frame, cell, where)
    return frame


def _check_roles(frame: pd.DataFrame, allowed: Sequence[str], where: str) -> None:
    wrong = np.flatnonzero(~frame["role"].isin(allowed))
    if len(wrong):
        role = frame["role"].iloc[wrong[0]]
        raise UserError(f"{where}: row {wrong[0]}: role '{role}'; expected one of {', '.join(allowed)}.")


def _check_scores(frame: pd.DataFrame, scores: list[str], cell: pd.Series[int], where: str) -> None:
    """Check that every cell has the scores of its classes, and all of them in every row."""
    n_rows = np.bincount(cell)
    own: list[list[str]] = [[] for _ in n_rows]
    for column in scores:
        infinite = np.flatnonzero(np.isinf(frame[column]))
        if len(infinite):
            raise UserError(f"{where}: row {infinite[0]}: column '{column}' is not finite.")
        known = frame[column].notna().to_numpy()
        n_known = np.bincount(cell, known, len(n_rows))
        partly = (n_known > 0) & (n_known < n_rows)
        if partly.any():
            row = np.flatnonzero(partly[cell] & ~known)[0]
            raise UserError(
                f"{where}: row {row}: no value in column '{column}'; all rows of a table's item have one, or none has."
            )
        for place in np.flatnonzero(n_known):
            own[place].append(column)
    for name, rows in frame.groupby(CELL):
        classes = sorted({*rows["y_true"].unique(), *rows["y_pred"].unique()})
        columns = own[cell[rows.index[0]]]
        if not _scores_fit(columns, classes):
            told = ", ".join(f"{c} {value}" for c, value in zip(CELL, name, strict=True))
            raise UserError(
                f"{where}: {told}: score column(s) {', '.join(columns) or '(none)'} do not fit the classes "
                f"{', '.join(classes)}; expected 'score' alone for two classes, or 'score_<class>' for each of "
                "three or more."
            )


def _scores_fit(scores: list[str], classes: list[str]) -> bool:
    if "score" in scores:
        return len(scores) == 1 and len(classes) <= 2
    return len(scores) >= 3 and set(classes) <= {c.removeprefix("score_") for c in scores}


def _check_rows(frame: pd.DataFrame, cell: pd.Series[int], where: str) -> None:
    for column in ("subject_id", "source_id"):
        values = frame[["image_id", column]].drop_duplicates()
        twice = values["image_id"][values["image_id"].duplicated()]
        if len(twice):
            raise UserError(f"{where}: image '{twice.iloc[0]}' has two values of '{column}'; expected one.")
    values = frame[["image_id", "y_true"]].assign(cell=cell).drop_duplicates()
    again = values[values.duplicated(["cell", "image_id"])]
    if len(again):
        row = frame.loc[again.index[0]]
        name = ", ".join(f"{c} {row[c]}" for c in CELL)
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
