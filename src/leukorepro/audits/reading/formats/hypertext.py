"""Tables in HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leukorepro.audits.reading.grid import Grid, Paper, labelled, without_captions

if TYPE_CHECKING:
    from bs4 import Tag


def read(text: str) -> Paper:
    """Find the tables of a page."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "html.parser")
    grids = []
    for table in soup.find_all("table"):
        if table.find("table") is not None:
            continue  # a frame of the page, not a table of the paper
        rows, above = without_captions(_rows(table))
        number, caption = _caption(table, above)
        if len(rows) > 1:
            grids.append(Grid(rows, number, caption))
    return Paper(grids, soup.get_text(" "))


def _rows(table: Tag) -> list[list[str]]:
    """Cells in their places: a cell stands in each of its rows, and in the first of its columns."""
    rows: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}
    for line in table.find_all("tr"):
        row: list[str] = []
        cells = list(line.find_all(["td", "th"]))
        while cells or len(row) in hanging:
            if len(row) in hanging:
                words, left = hanging.pop(len(row))
                if left > 1:
                    hanging[len(row)] = (words, left - 1)
                row.append(words)
                continue
            cell = cells.pop(0)
            words = cell.get_text(" ", strip=True)
            for covered in range(_span(cell, "colspan")):
                shown = "" if covered else words
                if _span(cell, "rowspan") > 1:
                    hanging[len(row)] = (shown, _span(cell, "rowspan") - 1)
                row.append(shown)
        rows.append(row)
    return rows


def _span(cell: Tag, name: str) -> int:
    given = str(cell.get(name, "1"))
    return min(int(given), 1000) if given.isdigit() and int(given) else 1


def _caption(table: Tag, above: str) -> tuple[str, str]:
    """The number and words of a table's caption: its own, its figure's, or the last before it."""
    own = table.find("caption")
    figure = table.find_parent("figure")
    told = own or (figure.find("figcaption") if figure else None)
    if told is not None:
        words = told.get_text(" ", strip=True)
        number, caption = labelled(words)
        return number, caption or words
    number, caption = labelled(above)
    if number:
        return number, caption
    for element in table.find_all_previous(["table", "p", "h1", "h2", "h3", "h4", "h5", "h6", "div"], limit=8):
        if element.name == "table":
            break
        number, caption = labelled(element.get_text(" ", strip=True)) if element.find("table") is None else ("", "")
        if number:
            return number, caption or above
    return "", above
