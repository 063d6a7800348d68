"""Tables in plain text and Markdown: rows whose cells are divided by tabs or by vertical bars."""

from __future__ import annotations

import re

from leukorepro.audits.reading.grid import Grid, Paper, labelled, without_captions

NEAR = 3
"""Lines of text, from a table, that its caption is looked for in."""

_RULE = re.compile(r"^\s*\|?[\s:|+-]*--[\s:|+-]*$")


def read(text: str) -> Paper:
    """Find the tables of a text; a form feed begins a page, where there is one."""
    grids = []
    pages = text.split("\f")
    for number, page in enumerate(pages, 1):
        grids += _of_page(page.splitlines(), number if len(pages) > 1 else None)
    return Paper(grids, text)


def _of_page(lines: list[str], page: int | None) -> list[Grid]:
    grids: list[Grid] = []
    start = 0
    taken = 0
    while start < len(lines):
        if _cells(lines[start]) is None:
            start += 1
            continue
        end = start
        rows: list[list[str]] = []
        while end < len(lines) and (
            (cells := _cells(lines[end])) is not None or (lines[end].strip() and rows and _goes_on(lines, end))
        ):
            if not _RULE.match(lines[end]):
                rows.append(cells or [lines[end]])
            end += 1
        kept, above = without_captions(rows)
        number, caption = _caption(lines[taken:start], above, lines[end:])
        if len(kept) > 1:
            grids.append(Grid(kept, number, caption, page))
            taken = end
        start = end
    return grids


def _goes_on(lines: list[str], place: int) -> bool:
    """Whether a line without cells stands between two rows of a table."""
    return place + 1 < len(lines) and _cells(lines[place + 1]) is not None


def _cells(line: str) -> list[str] | None:
    """A row's cells; None where the line is no row."""
    if "\t" in line.strip("\n "):
        return line.rstrip("\n").split("\t")
    if line.strip().startswith("|") and line.count("|") > 2:
        return line.strip().removeprefix("|").removesuffix("|").split("|")
    return None


def _caption(before: list[str], above: str, after: list[str]) -> tuple[str, str]:
    """The number and words of a table's caption: in its own first rows, before it, or after it."""
    told = [line for line in before if line.strip()][-NEAR:]
    following = [line for line in after if line.strip()][:1]
    number, caption = labelled(above)
    if number:
        return number, caption
    for place in range(len(told) - 1, -1, -1):
        number, caption = labelled(told[place])
        if number:
            return number, " ".join(filter(None, [caption or " ".join(told[place + 1 :]), above]))
    for line in following:
        number, caption = labelled(line)
        if number:
            return number, " ".join(filter(None, [above, caption]))
    return "", above
