"""A table as a contract: its columns and their types, said once, and the reader and writer that keep to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_csv, read_parquet, write_csv, write_parquet

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "number", "whole", "whole or none"]
"""What a column holds: text, empty where nothing is known; a number, NaN where there is none; a whole number in every
row; a whole number, or none."""

DTYPES: dict[Kind, str] = {"text": "str", "number": "float64", "whole": "int64", "whole or none": "Int64"}


def text(*names: str) -> dict[str, Kind]:
    """Columns of text."""
    return dict.fromkeys(names, "text")


def number(*names: str) -> dict[str, Kind]:
    """Columns of numbers."""
    return dict.fromkeys(names, "number")


def whole(*names: str) -> dict[str, Kind]:
    """Columns of whole numbers."""
    return dict.fromkeys(names, "whole")


def whole_or_none(*names: str) -> dict[str, Kind]:
    """Columns of whole numbers, with none in some rows."""
    return dict.fromkeys(names, "whole or none")


@dataclass(frozen=True)
class Table:
    """A table that is kept as CSV."""

    columns: Mapping[str, Kind]
    """By their names, in their order."""
    further: Sequence[str] = ()
    """Patterns of the names of columns that may follow, in this order; in a CSV table they are for people, and are not
    read."""
    optional: Sequence[str] = ()
    """Columns of text that a person's own table may lack; they are empty then."""
    behind: Mapping[str, Kind] = field(default_factory=dict)
    """Columns that stand behind the others where there is something to say, and are read then."""

    @property
    def text(self) -> list[str]:
        """Columns of text."""
        return [name for name, kind in {**self.columns, **self.behind}.items() if kind == "text"]

    @property
    def dtypes(self) -> dict[str, str]:
        """Type of every column in memory."""
        return {name: DTYPES[kind] for name, kind in self.columns.items()}

    def frame(self, rows: Iterable[Any] = ()) -> pd.DataFrame:
        """Rows as a table with these columns and types.

        Parameters
        ----------
        rows : iterable of tuple or dict, optional
            Values in the order of the columns, or by their names; default: none, for an empty table.
        """
        import pandas as pd

        return pd.DataFrame(list(rows), columns=list(self.columns)).astype(self.dtypes)

    def read(self, path: Path) -> pd.DataFrame:
        """Read such a table; columns that it has beside its own are left out.

        Raises
        ------
        UserError
            If the file is missing, is no table, is cut short or lacks a column, or if a column holds something else
            than it should; the message names the file and the line or the column.
        """
        frame = self._read(path)
        kinds = self.kinds_of(frame)
        return frame.assign(
            **{name: _numbers(frame[name], kind, path) for name, kind in kinds.items() if kind != "text"}
        )[list(kinds)]

    def read_by_hand(self, path: Path) -> pd.DataFrame:
        """Read such a table of text that people write.

        Returns
        -------
        DataFrame
            The index says which row of the file each is, as a spreadsheet counts: the first below the header is row 2.
            Rows without any value are left out: spreadsheets end in such rows.

        Raises
        ------
        UserError
            As `read`.
        """
        frame = self._read(path, blank_lines=True)
        return counted_rows(frame[list(self.kinds_of(frame))], first=2)

    def _read(self, path: Path, *, blank_lines: bool = False) -> pd.DataFrame:
        needed = [name for name in self.columns if name not in self.optional]
        frame = read_csv(path, needed, self.text, blank_lines=blank_lines)
        return frame.assign(**{name: "" for name in self.optional if name not in frame})

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Write a frame that has exactly these columns, and those that may follow.

        Parameters
        ----------
        frame : DataFrame
            Rows of the table, in the order in which they are to stand in the file.
        path : Path
            The CSV file, written atomically.

        Raises
        ------
        ValueError
            If it has others, or another order.
        """
        self._check_columns(frame)
        write_csv(frame, path)

    def kinds_of(self, frame: pd.DataFrame) -> dict[str, Kind]:
        """Columns of a frame, in the order of such a table, with what they hold: its own, and those behind them."""
        return {**self.columns, **{name: kind for name, kind in self.behind.items() if name in frame.columns}}

    def further_of(self, frame: pd.DataFrame) -> list[str]:
        """Columns of a frame that may follow: of each pattern those that match, in the order of their names."""
        return [name for pattern in self.further for name in sorted(frame.columns) if re.fullmatch(pattern, name)]

    def _check_columns(self, frame: pd.DataFrame) -> None:
        wanted = list(self.kinds_of(frame))
        own, more = list(frame.columns[: len(wanted)]), frame.columns[len(wanted) :]
        if own != wanted or not all(re.fullmatch("|".join(self.further), name) for name in more):
            raise ValueError(f"given the columns {', '.join(frame.columns)}; expected {', '.join(self.columns)}")


@dataclass(frozen=True)
class ParquetTable(Table):
    """A table that is kept as Parquet; columns that may follow are numbers."""

    def read(self, path: Path) -> pd.DataFrame:
        """Read such a table.

        Raises
        ------
        UserError
            If the file is missing or unreadable, or as `checked`.
        """
        return self.checked(read_parquet(path), str(path))

    def write(self, frame: pd.DataFrame, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Write a frame that has exactly these columns, and those that may follow.

        Parameters
        ----------
        frame : DataFrame
            Rows of the table, in the order in which they are to stand in the file.
        path : Path
            The Parquet file, written atomically.
        metadata : mapping of str to str, optional
            Kept beside the table; None: nothing.

        Raises
        ------
        ValueError
            If it has others, or another order.
        """
        self._check_columns(frame)
        write_parquet(frame, path, metadata)

    def checked(self, frame: pd.DataFrame, where: str) -> pd.DataFrame:
        """Check a frame, and put its columns in order, with their types.

        Parameters
        ----------
        frame : DataFrame
            With the table's columns, and those that may follow, in any order.
        where : str
            What a message begins with.

        Returns
        -------
        DataFrame
            A new one, its rows numbered from 0.

        Raises
        ------
        UserError
            If a column is missing, unknown or of another type, or a row has no value in one that every table has.
        """
        import numpy as np

        further, own = self.further_of(frame), self.kinds_of(frame)
        missing = [name for name in self.columns if name not in frame.columns]
        extra = [name for name in frame.columns if name not in own and name not in further]
        if missing or extra:
            found = [f"column(s) {', '.join(missing)} missing"] * bool(missing)
            found += [f"unknown column(s) {', '.join(extra)}"] * bool(extra)
            raise UserError(f"{where}: {'; '.join(found)}; expected {', '.join([*self.columns, *self.further])}.")
        for name in own:
            rows = np.flatnonzero(frame[name].isna())
            if len(rows):
                raise UserError(f"{where}: row {rows[0]}: no value in column '{name}'; every row needs one.")
        frame = frame[[*own, *further]].reset_index(drop=True)
        kinds = {**own, **number(*further)}
        return frame.assign(
            **{name: _numbers(frame[name], kind, where) for name, kind in kinds.items() if kind != "text"}
        )


def counted_rows(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """Rows of text that hold any value, with the row of the file that each is as the index.

    Parameters
    ----------
    frame : DataFrame
        All rows of the file, blank ones among them.
    first : int
        Which row of the file the first is.
    """
    import pandas as pd

    frame = frame.set_axis(pd.RangeIndex(first, first + len(frame)))
    return frame[(frame != "").any(axis=1)]


def _numbers(column: pd.Series, kind: Kind, where: object) -> pd.Series:
    """A column of numbers, with its type."""
    import pandas as pd

    try:
        numbers: pd.Series = pd.to_numeric(column)
        if kind == "number":
            return numbers.astype("float64")
        whole_numbers = numbers.astype("Int64")
        return whole_numbers if kind == "whole or none" else whole_numbers.astype("int64")
    except (TypeError, ValueError, OverflowError) as error:
        expected = "numbers or empty fields" if kind == "number" else "whole numbers"
        raise UserError(f"{where}: column '{column.name}': {error}; expected {expected}.") from None
