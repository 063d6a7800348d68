"""An audit of printed numbers on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

from rich.table import Table
from rich.text import Text

from leukorepro.audits.arithmetic.sizes import runs
from leukorepro.audits.finding import capital
from leukorepro.audits.paper import table_name
from leukorepro.config.study.answers import By

STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
ANSWERS: dict[By, str] = {
    "item": "an item",
    "tie": "an item elsewhere",
    "count": "a count",
    "quoted": "quoted",
    "description": "not comparable",
    "nothing": "nothing",
}
"""What answers a printed number, as the heading of a column."""
SHOWN = 4
"""Runs of consistent sizes that are written out."""


def summary(audit: dict[str, Any]) -> Iterator[Table]:
    """Three tables per study: its tables with their sizes and rows, what answers its numbers, and what was found.

    Parameters
    ----------
    audit : dict
        As `leukorepro.audits.published.audit` gives it.
    """
    for key, study in audit["studies"].items():
        yield _tables(key, study)
        yield _answers(key, study)
        yield _findings(key, study)


def _tables(key: str, study: dict[str, Any]) -> Table:
    impossible = Counter(number["table"] for number in study["impossible"])
    shown = Table(title=f"{key}: printed numbers", title_justify="left", header_style="bold", show_footer=True)
    shown.add_column("table", "total")
    shown.add_column("numbers", str(sum(table["n_values"] for table in study["tables"].values())), justify="right")
    shown.add_column("impossible", str(sum(impossible.values())), justify="right")
    shown.add_column("test images that all accuracies allow")
    shown.add_column("rows, by their confusion matrices")
    for name, table in study["tables"].items():
        statuses = Counter(item["status"] for item in table["items"].values())
        rows = ", ".join(f"{count} {status}" for status, count in statuses.items())
        shown.add_row(
            capital(table_name(name)), str(table["n_values"]), str(impossible[name] or ""), _sizes(table), rows
        )
    return shown


def _answers(key: str, study: dict[str, Any]) -> Table:
    """How many numbers of each table are answered by what."""
    kinds = [kind for kind in get_args(By) if any(answer["by"] == kind for answer in study["answers"])]
    shown = Table(
        title=f"{key}: what answers the printed numbers", title_justify="left", header_style="bold", show_footer=True
    )
    shown.add_column("table", "total")
    for kind in kinds:
        total = sum(answer["by"] == kind for answer in study["answers"])
        shown.add_column(ANSWERS[kind], str(total), justify="right", style="bold red" if kind == "nothing" else "")
    for name in study["tables"]:
        found = Counter(answer["by"] for answer in study["answers"] if answer["table"] == name)
        shown.add_row(capital(table_name(name)), *(str(found[kind] or "") for kind in kinds))
    return shown


def _sizes(table: dict[str, Any]) -> str:
    """Consistent sizes in a few words."""
    if not table["n_accuracies"]:
        return ""
    low, high = table["searched"]
    several = runs(table["consistent_n"]).split(", ") if table["consistent_n"] else ["none"]
    told = ", ".join(several[:SHOWN])
    more = f", ... ({len(table['consistent_n']):,} in all)" if len(several) > SHOWN else ""
    return f"{told}{more} of {low:,} to {high:,}"


def _findings(key: str, study: dict[str, Any]) -> Table:
    shown = Table(title=f"{key}: findings", title_justify="left", header_style="bold", show_lines=True)
    shown.add_column("severity")
    shown.add_column("where", max_width=30)
    shown.add_column("finding")
    for finding in study["findings"]:
        severity = Text(finding["severity"], style=STYLES[finding["severity"]])
        shown.add_row(severity, Text(finding["where"]), Text(finding["text"]))
    return shown
