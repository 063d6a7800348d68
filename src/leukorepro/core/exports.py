"""Tables as other programs save them: what a file that is no plain CSV table is, and what its header calls a column."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from leukorepro.core.errors import UserError, did_you_mean, some
from leukorepro.core.phrases import listed

NOT_UTF8 = "it is not UTF-8, but perhaps Latin-1 or Windows-1252; save it again as 'CSV UTF-8'"

_FORMATS = {
    b"\xff\xfe": "UTF-16 text, a spreadsheet's 'Unicode text'",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a spreadsheet's workbook (.xlsx, .ods) or an archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet's workbook (.xls)",
    b"\x1f\x8b": "compressed by gzip",
    b"PAR1": "a Parquet file",
    b"<": "HTML or XML",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_ALSO_CALLED = {
    "image_id": ("image", "file", "path", "name"),
    "role": ("split", "subset", "partition", "usage"),
    "image": ("file", "path", "name", "img", "picture", "photo", "cell"),
    "subject": ("patient", "person", "donor", "case", "participant", "pid", "id"),
}


def check_format(path: Path) -> None:
    """Refuse a file whose first bytes show that it is of another format than CSV.

    Raises
    ------
    csv.Error
        With the format, and what to do.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    found = next((name for magic, name in _FORMATS.items() if head.startswith(magic)), "")
    if not found and b"\0" in head:
        found = "UTF-16 text, or no text"
    if found:
        raise csv.Error(f"it is {found}; save it again as 'CSV UTF-8'")


def check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a header without one of the columns, or with one of them twice.

    Parameters
    ----------
    path : Path
        Of the table.
    header, columns : sequence of str
        What its first line holds, and what must be among that.

    Raises
    ------
    UserError
        With what was found, and what is like the missing columns.
    """
    if twice := [column for column in columns if header.count(column) > 1]:
        raise UserError(f"{path}: the column {twice[0]} is there {header.count(twice[0])} times; keep one.")
    missing = [column for column in columns if column not in header]
    if missing:
        found = some(map(_short, header), 30).strip() or "an empty first line"
        raise UserError(f"{path}: column(s) {', '.join(missing)} missing; found {found}.{_remedy(header, columns)}")


def check_named(path: Path, header: Sequence[str], named: Mapping[str, str]) -> None:
    """Refuse a header without a column that a configuration names, or with one of them twice.

    Parameters
    ----------
    path : Path
        Of the table.
    header : sequence of str
        Names of its columns.
    named : mapping of str to str
        Columns that must be there, by the keys that name them.

    Raises
    ------
    UserError
        With the first key that names none, and what there is.
    """
    for key, column in named.items():
        if (times := header.count(column)) > 1:
            raise UserError(f"{path}: the column {column} is there {times} times; keep one.")
        if not times:
            remedy = _saved_otherwise(header, list(named)) or did_you_mean(column, header)
            raise UserError(
                f"{path}: `{key}` names the column '{column}', which is not there; found "
                f"{some(map(_short, header), 30).strip() or 'an empty first line'}.{remedy}"
            )


def _short(name: str) -> str:
    """What is shown of a column's name; behind a quotation mark that nothing closes, it is the rest of the table."""
    return name if len(name) <= 60 else f"{name[:57]}..."


def _saved_otherwise(header: Sequence[str], columns: Sequence[str]) -> str:
    """What to do about a table that is no plain CSV table, as its header shows; empty where it does not."""
    if header and header[0].lower().startswith("sep="):
        return f" Remove the line '{_short(header[0])}'."
    for separator, name in _SEPARATORS.items():
        if len(",".join(header).split(separator)) >= max(2, len(columns)):
            return f" Its fields have {name} between them; save it with commas."
    return ""


def _remedy(header: Sequence[str], columns: Sequence[str]) -> str:
    if remedy := _saved_otherwise(header, columns):
        return remedy
    others = [name for name in header if name not in columns]
    renamed, added = [], []
    for column in (column for column in columns if column not in header):
        if like := _like(column, others):
            others.remove(like)
            renamed.append(f"'{_short(like)}' to '{column}'")
        else:
            added.append(f"'{column}'")
    if len(added) == len(columns):
        return " Its first line must name the columns."
    done = [f"rename {' and '.join(renamed)}"] * bool(renamed)
    done += [f"add the column{'s' if len(added) > 1 else ''} {listed(added)}"] * bool(added)
    told = ", and ".join(done)
    return f" {told[:1].upper()}{told[1:]}."


def _like(column: str, header: Sequence[str]) -> str:
    """The name in a header that seems to mean a column; empty where none does."""
    words = (column, *_ALSO_CALLED.get(column, ()))
    folded = {name: "".join(filter(str.isalnum, name.casefold())) for name in header}
    for word in words:
        for name, letters in folded.items():
            if word == letters or (len(word) > 2 and word in letters):
                return name
    return next(iter(get_close_matches(column, header, n=1)), "")
