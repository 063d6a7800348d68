"""`leukorepro audit table`: whether the rows of any paper's table can be."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukorepro.cli.options import file_to_read, file_to_read_or_begin, file_to_write, show

if TYPE_CHECKING:
    from rich.table import Table


def table(
    file: Annotated[
        Path,
        typer.Argument(
            callback=file_to_read_or_begin,
            help="CSV with the columns table, item, metric, value and, if you like, note and confirmed.",
        ),
    ],
    facts: Annotated[
        Path | None,
        typer.Option(callback=file_to_read, help="YAML with what the paper says of its test images, folds and means."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(callback=file_to_write, help="JSON file to write; a summary is printed, too.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(callback=file_to_write, help="HTML file to write: one printed page, to be attached to a review."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Take the test images' classes from a published dataset, such as `cnmc2019/preliminary`."),
    ] = None,
    template: Annotated[
        bool,
        typer.Option(
            "--template",
            is_eager=True,
            help="Write an empty table to FILE and empty facts beside it, to fill in; what is there, stays.",
        ),
    ] = False,
) -> None:
    """Audit the rows of any paper's table: what is impossible, which number is odd, what would fit, all without images.

    Values are shares with every digit that the paper prints: 0.985 for 98.5 %. Metrics are named as in this project's
    own tables: accuracy, sensitivity, macro_recall, weighted_f1, blast_precision. The facts say what the rows are of:
    `test: {positive: 30, negative: 70}`, or `test: {classes: [10, 20, 30]}`, or `test: {total: [90, 110]}`;
    `folds: {n: 5}`; `averaging: pooled`, `mean_over_folds`, `macro`, `micro` or `weighted`. Without, all are tried.
    What differs from table to table stands under `tables: {5: {test: ...}, 6: {test: ...}}`, by the column `table`.

    Example: `leukorepro audit table rows.csv --facts facts.yaml --out audit.json --page audit.html`
    """
    from leukorepro.audits.any_table import audit_table
    from leukorepro.audits.table_facts import facts_for, write_template
    from leukorepro.config.study.published import read_published
    from leukorepro.core.errors import UserError
    from leukorepro.core.store import write_json, write_text
    from leukorepro.report.pages.audit.sheet import sheet
    from leukorepro.report.pages.audit.words import unconfirmed

    if template:
        written = write_template(file)
        for path in written:
            typer.echo(f"Written, to fill in: {path}")
        if file not in written:
            typer.echo(f"{file} is there already and stays as it is.")
        return
    published = read_published(file)
    if published.empty:
        raise UserError(f"{file}: has no rows; type those of the paper's table, one number a row.")
    found = audit_table(published, facts_for(published["table"].unique().tolist(), facts, dataset))
    if out is not None:
        write_json(found, out)
    if page is not None:
        write_text(sheet(found, file.stem, _command(file, facts, dataset)), page)
    for shown in _shown(found):
        if isinstance(shown, str):
            typer.echo(shown)
        else:
            show(shown)
    if told := unconfirmed(found):
        typer.echo(told)


def _command(file: Path, facts: Path | None, dataset: str | None) -> str:
    """The command that gives all of the audit, without the folders in which its files lie."""
    told = [] if facts is None else ["--facts", facts.name]
    of = [] if dataset is None else ["--dataset", dataset]
    return shlex.join(["leukorepro", "audit", "table", file.name, *told, *of, "--out", "audit.json"])


def _shown(found: dict[str, Any]) -> list[Table | str]:
    """A table of each table's rows, or a sentence where it has none to audit."""
    from rich.table import Table
    from rich.text import Text

    from leukorepro.audits.finding import capital
    from leukorepro.audits.paper import table_name

    styles = {"impossible": "bold red", "undecided": "yellow", "possible": "green"}
    tables: list[Table | str] = []
    for name, of_table in found["tables"].items():
        if not of_table["items"]:
            what = "all of its numbers are quoted from other papers or are not of the test images"
            tables.append(f"{capital(table_name(name))}: there is nothing to audit; {what}.")
            continue
        shown = Table(title=capital(table_name(name)), title_justify="left", header_style="bold", show_lines=True)
        shown.add_column("row")
        shown.add_column("it is", no_wrap=True)
        shown.add_column("why")
        for item, row in of_table["items"].items():
            status = Text(row["status"], style=styles.get(row["status"], ""))
            shown.add_row(Text(item), status, Text(row["why"]))
        tables.append(shown)
    return tables
