"""`leukorepro audit read`: the tables of a paper, from the paper itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import file_to_read, file_to_write, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from leukorepro.audits.reading.rows import TableRead


def read(
    paper: Annotated[
        Path, typer.Argument(callback=file_to_read, help="The paper, as .pdf, .html, .md, .txt or .tex file.")
    ],
    out: Annotated[
        Path, typer.Option(callback=file_to_write, help="CSV to write: the numbers read, for a person to confirm.")
    ],
) -> None:
    """Read the tables of a paper: rows of printed numbers, each with its page, for a person to confirm.

    Which columns are metrics and which words name an item is guessed; numbers are not: each stands in the paper, digit
    by digit, and what was printed per cent is divided by moving the point. What is not understood is left out and
    named. `leukorepro audit table` takes the file as it is; before that, look at each row beside the paper, and enter
    yes for `confirmed`. A file that is there already is never overwritten.

    Example: `leukorepro audit read paper.pdf --out rows.csv`
    """
    from leukorepro.audits.reading.paper import read_paper
    from leukorepro.core.errors import UserError
    from leukorepro.core.tables.data import READ_TABLE

    if out.exists():
        raise UserError(
            f"{out}: is there already; what was confirmed in it would be lost. Name another file, or remove it."
        )
    tables = read_paper(paper)
    rows = [{**vars(value), "confirmed": "no"} for table in tables for value in table.values]
    READ_TABLE.write(READ_TABLE.frame(rows), out)
    show(_summary(tables))
    typer.echo(
        f"{len(rows):,} numbers written to {out}, none of them confirmed. Next: look at each beside the paper; then "
        f"`leukorepro audit table {out}`."
    )


def _summary(tables: Sequence[TableRead]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from leukorepro.core.errors import some

    shown = Table("Table", "Page", "Items", "Numbers", "Left out", title="Tables found", show_lines=True)
    for table in tables:
        shown.add_row(
            Text(table.table),
            str(table.page or ""),
            str(len({value.item for value in table.values})),
            str(len(table.values)),
            Text(some(table.left_out, most=8)),
        )
    return shown
