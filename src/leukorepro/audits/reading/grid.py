"""A table as it stands in a paper: cells in rows, and what it is called."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

LABEL = re.compile(r"^[\W_]*tab(?:le|\.)\s*(\d+|[ivxlc]+)\b(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
"""Of a caption, the number of its table and what follows."""


@dataclass(frozen=True)
class Grid:
    """One table.

    Attributes
    ----------
    rows : list of list of str
        Cells, without marks of type; those that a wider cell covers are empty. Rows may differ in length.
    number : str
        As printed, ``1`` or ``II``; empty where none was found.
    caption : str
    page : int, optional
        From 1, where the format has pages.
    """

    rows: list[list[str]]
    number: str
    caption: str
    page: int | None = None


@dataclass(frozen=True)
class Paper:
    """Tables of a paper, and its whole text, which every number that is taken must stand in."""

    grids: list[Grid]
    text: str


def plain(cell: str) -> str:
    """A cell's text without marks of bold or italic type, references to notes and doubled blanks.

    Examples
    --------
    >>> plain("<b>0.83</b> ")
    '0.83'
    >>> plain("*F1* -score")
    'F1-score'
    """
    text = re.sub(r"</?(?:b|i|u|em|strong|sup|sub|br|span)\b[^>]*>", " ", html.unescape(cell))
    text = re.sub(r"[*_`]{1,3}(?=\S)(.+?)(?<=\S)[*_`]{1,3}", r"\1", text.replace("$", ""))
    text = text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ").replace("\\%", "%")
    return re.sub(r"\s+-\s*(?=score|measure)", "-", re.sub(r"\s+", " ", text)).strip()


def labelled(caption: str) -> tuple[str, str]:
    """The number of a caption's table and the caption's words, both empty where it is no caption of a table.

    Examples
    --------
    >>> labelled("TABLE 2: Precision and recall of ResNet-50.")
    ('2', 'Precision and recall of ResNet-50.')
    """
    found = LABEL.match(plain(caption))
    if found is None:
        return "", ""
    number = found[1].upper() if found[1][0].isalpha() else found[1]
    return number, found["rest"].strip(" .:|-*_")


def without_captions(rows: Sequence[Sequence[str]]) -> tuple[list[list[str]], str]:
    """A table's rows without those above it that are a single cell, and the words of these."""
    kept = [[plain(cell) for cell in row] for row in rows]
    words = []
    while kept and len([cell for cell in kept[0] if cell]) < 2:
        words += [cell for cell in kept.pop(0) if cell]
    return kept, " ".join(words)
