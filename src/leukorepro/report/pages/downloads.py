"""What a reader may take along of a page: its tables as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import pandas as pd

from leukorepro.report.output import Output
from leukorepro.report.pages.contents import VOID

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
ID = re.compile(r'\bid="([^"]+)"')
HAS_NUMBERS = re.compile(r'href="data/[^"]+\.csv"')
"""Of a table that links to a file of its numbers, with all their digits."""


def add_tables(body: str, page: str, output: Output) -> str:
    """Write every table of a page as CSV, as it is shown, and put a link to the file under it.

    A table whose own text links to a file of its numbers is left as it is.

    Parameters
    ----------
    body : str
        HTML of the page, whose tables hold no tables.
    page : str
        Name of the page, part of the files' names.
    output : Output

    Returns
    -------
    str
        The page's HTML with the links.
    """
    taken: dict[str, int] = {}

    def with_link(found: re.Match[str]) -> str:
        if HAS_NUMBERS.search(found[0]):
            return found[0]
        ids = ID.findall(body, 0, found.start())
        name = ids[-1].removesuffix("-title") if ids else "table"
        taken[name] = taken.get(name, 0) + 1
        number = f"-{taken[name]}" if taken[name] > 1 else ""
        address = output.table(read_table(found[0]), "data", "tables", page, f"{name}{number}.csv")
        return f'{found[0]}\n<p class="take"><a href="{address}" download aria-label="This table as CSV">CSV</a></p>'

    return TABLE.sub(with_link, body)


def read_table(table: str) -> pd.DataFrame:
    """A table of a page as it is shown.

    A cell that spans several columns or rows stands in each of them; a heading of several lines has them in one. What
    is small in a cell, such as an interval, stands in brackets behind its value.

    Parameters
    ----------
    table : str
        HTML of one table.
    """
    reader = _Reader()
    reader.feed(table)
    reader.close()
    columns = [": ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*_spread(reader.heads), strict=True)]
    return pd.DataFrame(_spread(reader.rows), columns=columns)


@dataclass
class _Cell:
    n_columns: int
    n_rows: int
    text: str = ""


class _Reader(HTMLParser):
    """Cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[list[_Cell]] = []
        self.rows: list[list[_Cell]] = []
        self._part = self.rows
        self._cell: _Cell | None = None
        self._open: list[tuple[str, bool]] = []
        """Of every element that is open in a cell: what stands at its end, and whether it is heard and not seen."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("thead", "tbody"):
            self._part = self.heads if tag == "thead" else self.rows
        elif tag == "tr":
            self._part.append([])
        elif tag in ("th", "td"):
            self._cell = _Cell(int(values.get("colspan") or 1), int(values.get("rowspan") or 1))
            self._part[-1].append(self._cell)
        elif self._cell is not None and tag not in VOID:
            classes = (values.get("class") or "").split()
            aside = tag == "small" or "sub" in classes
            self._cell.text += " (" if aside else " " if tag in ("span", "li") else ""
            self._open.append((")" if aside else "", "sr" in classes))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            self._cell.text = " ".join(self._cell.text.replace("( ", "(").split())
            self._cell = None
        elif self._cell is not None and tag not in VOID:
            self._cell.text += self._open.pop()[0]

    def handle_data(self, data: str) -> None:
        unseen = self._part is self.rows and any(unseen for _, unseen in self._open)
        if self._cell is not None and not unseen:
            self._cell.text += data


def _spread(rows: Sequence[Sequence[_Cell]]) -> list[list[str]]:
    """Texts by row and column; that of a cell that spans several stands in each of its places."""
    places: list[dict[int, str]] = [{} for _ in rows]
    for number, row in enumerate(rows):
        column = 0
        for cell in row:
            while column in places[number]:
                column += 1
            for below in places[number : number + cell.n_rows]:
                below |= dict.fromkeys(range(column, column + cell.n_columns), cell.text)
            column += cell.n_columns
    return [[texts[column] for column in sorted(texts)] for texts in places]
