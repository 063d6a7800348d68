"""Tables as contracts: what is written is read again, with its types; what is no such table is refused."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leukorepro.config.study.published import read_published
from leukorepro.core.errors import UserError
from leukorepro.core.tables import data, predictions, results
from leukorepro.core.tables.table import Kind, Table, number, text, whole, whole_or_none


def tables(*modules: ModuleType) -> dict[str, Table]:
    return {n: t for module in modules for n, t in vars(module).items() if isinstance(t, Table)}


TABLES = tables(data, predictions, results)
WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), max_size=6)
WHOLE = st.integers(-(2**53), 2**53)
VALUES: dict[Kind, st.SearchStrategy[object]] = {
    "text": WORDS,
    "number": st.floats(allow_infinity=False),
    "whole": WHOLE,
    "whole or none": st.none() | WHOLE,
}


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=8)
@given(rows=st.data())
def test_what_is_written_is_read_again_with_its_types(
    tmp_path_factory: pytest.TempPathFactory, name: str, rows: st.DataObject
) -> None:
    """Commas, quotes, line ends, `NA`, the last digit of a number; also of no row at all."""
    table = TABLES[name]
    values = st.tuples(*(VALUES[kind] for kind in table.columns.values()))
    frame = table.frame(rows.draw(st.lists(values, max_size=5)))
    path = tmp_path_factory.getbasetemp() / name
    table.write(frame, path)
    again = table.read(path)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert again.dtypes.astype(str).to_dict() == table.dtypes


SMALL = Table({**text("a"), **number("b"), **whole("c"), **whole_or_none("d")}, further=("score", "n_[a-z]+"))
FRAME = SMALL.frame([("x", 0.5, 1, None), ("", np.nan, 2, 3)])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.drop(columns="b"),
        lambda f: f[["b", "a", "c", "d"]],
        lambda f: f.assign(extra=1),
        lambda f: f[["a", "b", "c"]].assign(score=1, d=2),
    ],
)
def test_a_frame_with_other_columns_is_not_written(tmp_path: Path, spoil: object) -> None:
    with pytest.raises(ValueError, match="expected a, b, c, d"):
        SMALL.write(spoil(FRAME), tmp_path / "t.csv")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_table_that_people_write_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """Blank lines are rows there, and a field of several lines is in one."""
    path = tmp_path / "t.csv"
    path.write_text('table,item,metric,value\r\n\r\n1,"A\r\nB",accuracy,0.90\r\n,,,\r\n\r\n1,C,accuracy,NA\r\n\r\n\r\n')
    read = data.PUBLISHED_TABLE.read_by_hand(path)
    assert read["item"].to_dict() == {3: "A\r\nB", 6: "C"}
    assert read["value"].to_dict() == {3: "0.90", 6: "NA"}
    assert read["note"].to_dict() == {3: "", 6: ""}
    with pytest.raises(UserError, match=r"t\.csv: row 6 \(1, C, accuracy\)"):
        read_published(path)
    path.write_text("table,item,metric,value\n\n1,A,accuracy,0.90\n\n1,A,accuracy,0.80\n")
    with pytest.raises(UserError, match=r"t\.csv: row 5 \(1, A, accuracy\): given twice"):
        read_published(path)


def test_columns_that_may_follow_are_written_and_others_in_a_file_are_left_out(tmp_path: Path) -> None:
    more = FRAME.assign(n_rows=7, score=1.5)
    SMALL.write(more, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b,c,d,n_rows,score\nx,0.5,1,,7,1.5\n,,2,3,7,1.5\n"
    pd.testing.assert_frame_equal(SMALL.read(tmp_path / "t.csv"), FRAME)
    assert SMALL.further_of(more) == ["score", "n_rows"]  # in the order of the patterns


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\nx,1,2\n", r"t\.csv: column\(s\) d missing; found a, b, c"),
        ("a,b,c,d\nx,y,1,\n", r"t\.csv: column 'b': .*'y' at position 0; expected numbers or empty fields"),
        ("a,b,c,d\nx,1,,\n", r"t\.csv: column 'c': .*; expected whole numbers"),
        ("a,b,c,d\nx,1,1.5,\n", r"t\.csv: column 'c': .*; expected whole numbers"),
        ("a,b,c,d\nx,1,inf,\n", r"t\.csv: column 'c': .*; expected whole numbers"),
        ('"a,b,c,d\n' + "x,1,1,\n" * 100, r"^[^\0]{,300}Its first line must name the columns"),
        ("a,b,c,d\nx,1,1,one\n", r"t\.csv: column 'd': .*; expected whole numbers"),
        ("a,b,c,d\nx,1,1,2,9\n", r"t\.csv: line 2: 5 .* where the header has 4"),
    ],
)
def test_what_is_no_such_table_is_told_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        SMALL.read(tmp_path / "t.csv")
