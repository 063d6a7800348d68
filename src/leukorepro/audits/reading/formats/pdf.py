"""Tables in PDF: those with ruled lines, and below or above a caption those that only their columns show."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from leukorepro.audits.reading.grid import Grid, Paper, labelled, without_captions
from leukorepro.core.errors import UserError

COLUMN_GAP = 0.9
"""Between two words of different columns at least this share of the letters' height is blank; between two of a
sentence about a quarter is."""
LINE_GAP = 2.2
"""Blank between two lines of one table, at most, in heights of the letters."""

Line = list[dict[str, Any]]


def read(path: Path) -> Paper:
    """Find the tables of a PDF.

    Raises
    ------
    UserError
        If the file is no PDF, is locked, or has no text, as a scanned one.
    """
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect
    from pdfplumber.utils.exceptions import PdfminerException

    grids: list[Grid] = []
    texts: list[str] = []
    try:
        with pdfplumber.open(path) as document:
            for number, page in enumerate(document.pages, 1):
                texts.append(page.extract_text() or "")
                found = _of_page(page, number)
                if grids and found and _goes_on(grids[-1], found[0]):
                    grids[-1].rows.extend(found.pop(0).rows)
                grids += found
                page.close()
    except PdfminerException as error:
        locked = any(isinstance(cause, PDFPasswordIncorrect) for cause in error.args)
        what = "is locked by a password; give one without" if locked else "is no PDF that can be read"
        raise UserError(f"{path}: {what}.") from None
    if not any(text.strip() for text in texts):
        raise UserError(
            f"{path}: has no text, as a scanned paper; have its text recognised first, or type its tables by "
            "`leukorepro audit table --template`."
        )
    return Paper(grids, "\n".join(texts))


def _of_page(page: Any, number: int) -> list[Grid]:
    lines = _lines(page)
    ruled = []
    for table in page.find_tables():
        rows, words = without_captions([[cell or "" for cell in row] for row in table.extract()])
        if rows and max(map(len, rows)) > 1:
            _, top, _, bottom = table.bbox
            key, caption = labelled(words)
            ruled.append((top, bottom, rows, *((key, caption) if key else _above(lines, top))))
    taken = {key for *_, key, _ in ruled}
    grids = []
    for top, bottom, rows, key, caption in ruled:
        if not key:
            key, caption = _below(lines, bottom, taken)
            taken.add(key)
        grids.append((top, Grid(rows, key, caption, number)))
    for place, line in enumerate(lines):
        key, caption = labelled(_words(line))
        inside = any(top <= line[0]["top"] <= bottom for top, bottom, *_ in ruled)
        rows = _columns(lines[place + 1 :]) if key and key not in taken and not inside else []
        if len(rows) > 1:
            taken.add(key)
            kept, above = without_captions(rows)
            grids.append((line[0]["top"], Grid(kept, key, " ".join(filter(None, [caption, above])), number)))
    return [grid for _, grid in sorted(grids, key=lambda found: found[0])]


def _goes_on(before: Grid, after: Grid) -> bool:
    """Whether the first table of a page is the rest of the last one: it has no caption, and as many columns."""
    return not after.number and not after.caption and len(after.rows[0]) == len(before.rows[0])


def _lines(page: Any) -> list[Line]:
    """Words of the page, line by line from the top."""
    lines: list[Line] = []
    for word in sorted(page.extract_words(keep_blank_chars=False), key=lambda word: (word["top"], word["x0"])):
        height = word["bottom"] - word["top"]
        if lines and abs(lines[-1][0]["top"] - word["top"]) < height / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word["x0"]) for line in lines]


def _words(line: Line) -> str:
    return " ".join(word["text"] for word in line)


def _above(lines: list[Line], top: float) -> tuple[str, str]:
    """The caption that ends right above a table, of several lines perhaps."""
    before = [line for line in lines if line[0]["bottom"] <= top + 2]
    for back in range(1, min(5, len(before)) + 1):
        if labelled(_words(before[-back]))[0]:
            return labelled(" ".join(_words(line) for line in before[len(before) - back :]))
    return "", ""


def _below(lines: list[Line], bottom: float, taken: set[str]) -> tuple[str, str]:
    """The caption right below a table, unless it is that of another one."""
    for line in [line for line in lines if line[0]["top"] >= bottom - 2][:2]:
        key, caption = labelled(_words(line))
        if key and key not in taken:
            return key, caption
    return "", ""


def _segments(line: Line) -> list[tuple[float, float, str]]:
    """Parts of a line that wide blanks divide: from, to, words."""
    parts: list[list[dict[str, Any]]] = [[line[0]]]
    for before, word in pairwise(line):
        height = word["bottom"] - word["top"]
        if word["x0"] - before["x1"] > COLUMN_GAP * height:
            parts.append([])
        parts[-1].append(word)
    return [(part[0]["x0"], part[-1]["x1"], _words(part)) for part in parts]


def _columns(lines: list[Line]) -> list[list[str]]:
    """Rows of a table without ruled lines that begins at the first line with columns; empty where there is none."""
    body: list[list[tuple[float, float, str]]] = []
    last: dict[str, Any] | None = None
    for line in lines:
        height = line[0]["bottom"] - line[0]["top"]
        segments = _segments(line)
        if last is not None and body and line[0]["top"] - last["bottom"] > LINE_GAP * height:
            break
        if len(segments) < 2 and (len(body) > 1 or (last is None and labelled(_words(line))[0])):
            break
        if len(segments) > 1:
            body.append(segments)
        last = line[0]
    if not body:
        return []
    most = max(map(len, body))
    spans = _merged([segment for line in body if len(line) == most for segment in line])
    if len(spans) < 2:
        return []
    rows = []
    for parts in body:
        row = [""] * len(spans)
        for low, high, words in parts:
            place = max(range(len(spans)), key=lambda n: _shared(spans[n], (low, high)))
            first = next((n for n in range(place) if _shared(spans[n], (low, high)) > 0), place)
            row[first] = f"{row[first]} {words}".strip()
        rows.append(row)
    return rows


def _merged(segments: list[tuple[float, float, str]]) -> list[tuple[float, float]]:
    """Stretches that parts of all rows cover: the columns."""
    spans: list[tuple[float, float]] = []
    for low, high, _ in sorted(segments):
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], high))
        else:
            spans.append((low, high))
    return spans


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """How much two stretches share; where they are apart, the distance as a negative number."""
    return min(one[1], other[1]) - max(one[0], other[0])
