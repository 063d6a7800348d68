"""The table of predictions: what every figure and every number of a report is computed from.

One row is the prediction of one view of one image by one item under one protocol. An **outcome** is an item under a
protocol. An outcome of two classes has the column ``score`` (of the positive class, higher means more like it), one of
more classes a column ``score_<class>`` for each; in one file the score columns that do not concern an outcome are empty
there. Outcomes may differ in their classes: one image can be ``ALL`` in one table and ``L1`` in another.

An item with a convolutional autoencoder has more numbers in every row, `RECONSTRUCTED`; they are empty elsewhere.

Predictions of rows that a classifier was tested on are what counts, and have a file of their own. Those of rows that
it was fitted or validated on lie beside it, with their `role`, where a paper prints a metric of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.store import parquet_metadata, read_parquet
from leukorepro.core.tables.predictions import ENGINES, PARTS_TABLE, PREDICTIONS_TABLE, merged_engines
from leukorepro.data.groups import groups
from leukorepro.evaluation.contract import (
    FITTED,
    ORDER,
    OUTCOME,
    check_roles,
    checked,
    checked_part,
    measured_columns,
    score_columns,
    with_categories,
)


class Outcome(NamedTuple):
    """An item under a protocol: what one set of metrics, one curve and one confusion matrix belong to."""

    table: str
    item: str
    protocol: str


class Collected(NamedTuple):
    """The predictions of a study under a protocol."""

    predictions: pd.DataFrame
    """Of tested rows: a `PREDICTIONS_TABLE`."""
    fitting: pd.DataFrame
    """Of training and validation rows: a `PARTS_TABLE`; often empty."""


def classes_of(rows: pd.DataFrame) -> list[str]:
    """Names of an outcome's classes, sorted: those of its score columns, or the two that were seen or predicted."""
    columns = score_columns(rows)
    if columns == ["score"]:
        return sorted({*rows["y_true"].unique(), *rows["y_pred"].unique()})
    return [c.removeprefix("score_") for c in columns]


def score_of_class(rows: pd.DataFrame, positive_class: str | None) -> dict[str, str]:
    """Column of the score of each class that an outcome's scores speak for.

    Parameters
    ----------
    rows : DataFrame
        An outcome's rows, as `outcomes` yields them.
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


def outcomes(frame: pd.DataFrame) -> Iterator[tuple[Outcome, pd.DataFrame]]:
    """Yield the name of every outcome (table, item, protocol) and its rows, as `rows_of_outcome` gives them."""
    for outcome, positions in positions_of_outcomes(frame).items():
        yield outcome, rows_of_outcome(frame, positions)


def positions_of_outcomes(frame: pd.DataFrame) -> dict[Outcome, NDArray[np.intp]]:
    """Positions of every outcome's rows, outcomes in the order of their names."""
    names = frame[OUTCOME].drop_duplicates().sort_values(OUTCOME)
    number = frame.groupby(OUTCOME, observed=True, sort=True).ngroup().to_numpy()
    return {
        Outcome(*map(str, name)): np.flatnonzero(number == place)
        for place, name in enumerate(names.itertuples(index=False))
    }


def rows_of_outcome(frame: pd.DataFrame, positions: NDArray[np.intp]) -> pd.DataFrame:
    """An outcome's rows, with its own scores only.

    Parameters
    ----------
    frame : DataFrame
        A study's predictions.
    positions : ndarray of int, shape (n_rows,)
        Of the outcome's rows in the frame.
    """
    return _without_empty(frame.iloc[positions])


def groups_of_rows(rows: pd.DataFrame) -> NDArray[np.intp]:
    """Group of every row (`leukorepro.data.groups`), shape (n_rows,), numbered in the order of their appearance."""
    subject, subjects = pd.factorize(rows["subject_id"])
    source, sources = pd.factorize(rows["source_id"])
    pair, pairs = pd.factorize(subject * len(sources) + source)  # few beside the rows
    subject, source = np.divmod(pairs, len(sources))
    return groups(subjects.take(subject), sources.take(source))[pair]


def read_predictions(path: Path) -> pd.DataFrame:
    """Read the predictions of tested rows and check them.

    Raises
    ------
    UserError
        If the file is missing, or is not a table of predictions; the message names the column or the row.
    """
    return checked(read_parquet(path), str(path), PREDICTIONS_TABLE)


def read_fitting(path: Path) -> pd.DataFrame:
    """Read the predictions of training and validation rows and check them; there may be none.

    Raises
    ------
    UserError
        As `read_predictions`; also if a row has another role.
    """
    frame = checked(read_parquet(path), str(path), PARTS_TABLE)
    check_roles(frame, FITTED, str(path))
    return frame


def read_part(path: Path) -> pd.DataFrame:
    """Read one job's predictions, of tested, training and validation rows, and check them.

    Raises
    ------
    UserError
        As `read_predictions`; also if there is no row, or one has another role.
    """
    part = checked_part(read_parquet(path), str(path))
    if part.empty:
        raise DamagedFile(path, "predictions without any row", "make them again, as `snakemake` does")
    return part


def read_engines(parts: Sequence[Path]) -> dict[str, list[str]]:
    """What fitted each classifier of some parts, by its name.

    Raises
    ------
    UserError
        If a part is missing or is no table.
    """
    return merged_engines([json.loads(parquet_metadata(part).get(ENGINES, "{}")) for part in parts])


def write_predictions(frame: pd.DataFrame, path: Path, engines: Mapping[str, Sequence[str]] | None = None) -> None:
    """Check predictions of tested rows and write them, in the order of `collect`; equal rows give equal bytes.

    Parameters
    ----------
    frame : DataFrame
        A row for each tested image and view.
    path : Path
        The Parquet file, which is replaced as a whole.
    engines : mapping of str to sequence of str, optional
        What fitted each classifier; kept with the table.

    Raises
    ------
    UserError
        If it is not a table of predictions.
    """
    metadata = {ENGINES: json.dumps(engines)} if engines else None
    PREDICTIONS_TABLE.write(_as_written(checked(frame, str(path), PREDICTIONS_TABLE)), path, metadata)


def write_fitting(frame: pd.DataFrame, path: Path) -> None:
    """Check predictions of training and validation rows and write them, as `write_predictions` does.

    Parameters
    ----------
    frame : DataFrame
        A row for each image and view that was trained on or validated with.
    path : Path
        The Parquet file, which is replaced as a whole.

    Raises
    ------
    UserError
        If it is not such a table.
    """
    frame = checked(frame, str(path), PARTS_TABLE)
    check_roles(frame, FITTED, str(path))
    PARTS_TABLE.write(_as_written(frame), path)


def collect(parts: Sequence[pd.DataFrame]) -> Collected:
    """Put parts together and part tested rows from fitted ones; the result does not depend on the order of `parts`.

    Parameters
    ----------
    parts : sequence of DataFrame
        Each a `PARTS_TABLE`.

    Raises
    ------
    UserError
        If there is no part, or if the whole is not a table of predictions.
    """
    if not parts:
        raise UserError("no predictions to collect; expected one table or more. Run the stage that makes them first.")
    whole = _sorted(checked_part(_joined(parts), "collected predictions"))
    tested = whole["role"] == "test"
    return Collected(_alone(whole[tested].drop(columns="role")), _alone(whole[~tested]))


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Parts under one another; `pandas.concat` alone would write out text whose categories differ."""
    frames = [with_categories(part) for part in parts]
    text = {
        c: union_categoricals([f[c] for f in frames]) for c in PARTS_TABLE.text if all(c in f.columns for f in frames)
    }
    return pd.concat([f.drop(columns=list(text)) for f in frames], ignore_index=True).assign(**text)


def _alone(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows as a table of their own, which knows nothing of the others' scores and texts."""
    return with_categories(_without_empty(frame)).reset_index(drop=True)


def _without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the numbers that outcomes have which are not in it."""
    return frame.drop(columns=[c for c in measured_columns(frame) if frame[c].isna().all()])


def _as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """In order, with text as such: what other programs read should not depend on how we hold it."""
    return _sorted(frame).astype({c: "str" for c in PARTS_TABLE.text if c in frame.columns})


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(ORDER, kind="stable", ignore_index=True)
