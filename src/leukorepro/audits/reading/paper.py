"""A paper's file: its tables, by its format."""

from __future__ import annotations

from pathlib import Path

from leukorepro.audits.reading.formats import hypertext, latex, pdf, text
from leukorepro.audits.reading.rows import TableRead, read_tables
from leukorepro.core.errors import UserError

TEXTS = {
    ".txt": text.read,
    ".md": text.read,
    ".html": hypertext.read,
    ".htm": hypertext.read,
    ".tex": latex.read,
}
FORMATS = (".pdf", *TEXTS)


def read_paper(path: Path) -> list[TableRead]:
    """Take the numbers of all tables of a paper.

    Raises
    ------
    UserError
        If the file is missing, of an unknown format, not UTF-8, without text, or without a table.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UserError(f"{path}: unknown format '{path.suffix}'. Known: {', '.join(FORMATS)}.")
    if not path.is_file():
        raise UserError(f"{path}: no such file.")
    paper = pdf.read(path) if ending == ".pdf" else TEXTS[ending](_text(path))
    if not paper.grids:
        raise UserError(
            f"{path}: no table was found; type its rows by hand, into what `leukorepro audit table --template` writes."
        )
    return read_tables(paper)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason} at byte {error.start:,}); save it as UTF-8.") from None
