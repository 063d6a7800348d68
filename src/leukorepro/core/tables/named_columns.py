"""A person's own table, as CSV or Parquet, whose columns are called as they please: a configuration names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from leukorepro.core.errors import UserError
from leukorepro.core.exports import check_named
from leukorepro.core.store import csv_header, read_csv, read_parquet
from leukorepro.core.tables.table import counted_rows

if TYPE_CHECKING:
    import pandas as pd

PARQUET = ".parquet"
"""What the name of a table ends in that is not CSV."""


def read_named_columns(path: Path, named: Mapping[str, str]) -> pd.DataFrame:
    """Read columns of a table as text.

    Parameters
    ----------
    path : Path
        Parquet where its name ends in `.parquet`, else CSV.
    named : mapping of str to str
        Columns, by the keys of the configuration that name them; several keys may name one column.

    Returns
    -------
    DataFrame
        The columns by their names in the file, without spaces around values; empty text where there is no value. Whole
        numbers have no decimal point. The index says which row of the file each is, as a spreadsheet counts: the first
        below a CSV file's header is row 2. Rows without any value are left out: spreadsheets end in such rows.

    Raises
    ------
    UserError
        If the file is missing or no table, or a column is not there; the message names the file, the key and the
        columns that there are.
    """
    import pandas as pd

    if not path.exists():
        raise UserError(f"{path}: no such file; correct the path, or put the table there.")
    columns = list(dict.fromkeys(named.values()))
    if path.suffix.lower() == PARQUET:
        frame = read_parquet(path)
        check_named(path, list(map(str, frame.columns)), named)
        frame = pd.DataFrame({column: _as_text(frame[column]) for column in columns})
        first = 1
    else:
        check_named(path, csv_header(path), named)
        frame = read_csv(path, columns, blank_lines=True)[columns]
        first = 2
    return counted_rows(pd.DataFrame({column: frame[column].str.strip() for column in columns}), first)


def _as_text(column: pd.Series) -> pd.Series[str]:
    """A Parquet column's values as a person reads them; numbers with gaps are fractions in memory, and are not here."""
    import pandas as pd

    text = [
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        for value in column.astype("object").where(column.notna(), "")
    ]
    return pd.Series(text, dtype="str")
