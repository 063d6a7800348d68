"""The table of predictions: what every figure and every number of a report is computed from.

One row is the prediction of one view of one image by one item under one protocol. Two classes have one column
``score`` (of the positive class, higher means more like it); more have one column ``score_<class>`` for each class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from leukorepro.errors import UserError
from leukorepro.store import read_parquet, write_parquet

COLUMNS = (
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
    "y_true",
    "y_pred",
)
"""Columns of every table of predictions, before its scores."""

NUMBERS = ("repeat", "fold")

CELL = ["table", "item", "protocol"]
ORDER = [*CELL, "repeat", "fold", "image_id", "view"]
ORIGINALS_ONLY = ("source_disjoint", "subject_disjoint", "external")
"""Rungs that score original images only."""


class Cell(NamedTuple):
    """An item under a protocol: what one set of metrics, one curve and one confusion matrix belong to."""

    table: str
    item: str
    protocol: str


def score_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of the scores, in the order of their classes: ``["score"]`` or ``score_<class>`` for each class."""
    return sorted(c for c in frame.columns if c == "score" or c.startswith("score_"))


def classes_of(frame: pd.DataFrame) -> list[str]:
    """Names of the classes, sorted: those of the score columns, or the two that were seen or predicted."""
    columns = score_columns(frame)
    if columns == ["score"]:
        return sorted(set(frame["y_true"]) | set(frame["y_pred"]))
    return [c.removeprefix("score_") for c in columns]


def score_of_class(frame: pd.DataFrame, positive_class: str | None) -> dict[str, str]:
    """Column of the score of each class that metrics and curves are made for.

    Parameters
    ----------
    frame : DataFrame
        A table of predictions.
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
    classes = classes_of(frame)
    columns = score_columns(frame)
    if columns != ["score"]:
        return dict(zip(classes, columns, strict=True))
    if positive_class is None or (positive_class not in classes and len(classes) > 1):
        raise UserError(
            f"positive_class: given {positive_class!r}, expected one of the classes {', '.join(classes)}; "
            "set it in the dataset's configuration."
        )
    return {positive_class: "score"}


def cells(frame: pd.DataFrame) -> Iterator[tuple[Cell, pd.DataFrame]]:
    """Yield the name of every cell (table, item, protocol) and its rows."""
    for name, rows in frame.groupby(CELL):
        yield Cell(*map(str, name)), rows


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions and check it.

    Raises
    ------
    UserError
        If it is missing, or is not a table of predictions; the message names the column or the row.
    """
    return _checked(read_parquet(path), str(path))


def write_predictions(frame: pd.DataFrame, path: Path) -> None:
    """Check a table of predictions and write it, its rows in the order of `collect`; equal rows give equal bytes.

    Raises
    ------
    UserError
        If it is not a table of predictions.
    """
    write_parquet(_sorted(_checked(frame, str(path))), path)


def collect(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of predictions together; the result does not depend on the order of `parts`.

    Raises
    ------
    UserError
        If there is no part, if the parts have different score columns, or if the whole is not a table of predictions.
    """
    if not parts:
        raise UserError("no predictions to collect; expected one table or more. Run the stage that makes them first.")
    columns = sorted({", ".join(score_columns(part)) for part in parts})
    if len(columns) > 1:
        raise UserError(f"predictions to collect have different scores: {' | '.join(columns)}; collect equal ones.")
    return _sorted(_checked(pd.concat(parts, ignore_index=True), "collected predictions"))


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(ORDER, kind="stable", ignore_index=True)


def _checked(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    missing = [c for c in COLUMNS if c not in frame.columns]
    scores = score_columns(frame)
    extra = [c for c in frame.columns if c not in COLUMNS and c not in scores]
    if missing or extra or not scores:
        found = [f"column(s) {', '.join(missing)} missing"] * bool(missing)
        found += [f"unknown column(s) {', '.join(extra)}"] * bool(extra)
        found += ["no score column"] * (not scores)
        raise UserError(f"{where}: {'; '.join(found)}; expected {', '.join(COLUMNS)} and the scores.")
    for column in (*COLUMNS, *scores):
        missing_rows = np.flatnonzero(frame[column].isna())
        if len(missing_rows):
            raise UserError(f"{where}: row {missing_rows[0]}: no value in column '{column}'; every cell needs one.")
    if (frame["source_id"] == "").any():
        raise UserError(f"{where}: empty source_id; expected the source photograph, or the image itself.")
    try:
        types = {c: "int64" if c in NUMBERS else "str" for c in COLUMNS} | dict.fromkeys(scores, "float64")
        frame = frame[[*COLUMNS, *scores]].astype(types)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {error}; repeat and fold are integers, scores are numbers.") from None
    _check_classes(frame, scores, where)
    _check_rows(frame, where)
    return frame


def _check_classes(frame: pd.DataFrame, scores: list[str], where: str) -> None:
    seen = sorted(set(frame["y_true"]) | set(frame["y_pred"]))
    if "score" in scores:
        if len(scores) > 1 or len(seen) > 2:
            raise UserError(
                f"{where}: column 'score' beside {len(seen)} classes ({', '.join(seen)}) and {len(scores)} score "
                "columns; it stands alone, for two classes, and more have one column 'score_<class>' each."
            )
    elif len(scores) < 3 or not set(seen) <= {c.removeprefix("score_") for c in scores}:
        raise UserError(
            f"{where}: score columns {', '.join(scores)} do not fit the classes {', '.join(seen)}; "
            "expected 'score' for two classes, or 'score_<class>' for each of three or more."
        )


def _check_rows(frame: pd.DataFrame, where: str) -> None:
    for column in score_columns(frame):
        infinite = np.flatnonzero(~np.isfinite(frame[column]))
        if len(infinite):
            raise UserError(f"{where}: row {infinite[0]}: column '{column}' is not finite.")
    for column in ("y_true", "subject_id", "source_id"):
        values = frame[["image_id", column]].drop_duplicates()
        twice = values["image_id"][values["image_id"].duplicated()]
        if len(twice):
            raise UserError(f"{where}: image '{twice.iloc[0]}' has two values of '{column}'; expected one.")
    repeated = frame[frame.duplicated(ORDER)]
    if len(repeated):
        name = ", ".join(f"{c} {repeated[c].iloc[0]}" for c in ORDER)
        raise UserError(f"{where}: predicted twice: {name}; expected once.")
    views = frame[frame["protocol"].isin(ORIGINALS_ONLY) & (frame["view"] != "identity")]
    if len(views):
        protocol, view, image = (views[c].iloc[0] for c in ("protocol", "view", "image_id"))
        raise UserError(
            f"{where}: protocol '{protocol}' scores view '{view}' of '{image}'; "
            "it scores original images (view 'identity') only."
        )
