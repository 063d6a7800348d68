"""The short form of an audit of printed numbers: one printed page that can be attached to a review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import shorten
from typing import Any

from leukorepro.report.numbers import wording
from leukorepro.report.pages.audit.audit import PrintedNumbers

LINE = 95
"""Characters that surely fit a printed line."""

LONGEST = 280
"""Characters of an entry, after which it is cut."""

PARTS = (
    ("Impossible numbers", "No counts of images give them.", 12),
    ("Contradictions", "These cannot all be true.", 12),
    ("Doubts", "These are hard to reconcile.", 9),
    ("Numbers of test images that fit", "An accuracy is a number of right answers divided by the number of images.", 6),
)
"""Of the page, the gravest first: heading, what it means, printed lines. What one leaves free, the next may fill."""


@dataclass(frozen=True)
class Entry:
    """Something that was found."""

    where: str
    text: str

    @property
    def n_lines(self) -> int:
        """Printed lines that it takes at most."""
        return ceil(len(f"{self.where}: {self.text}") / LINE)


@dataclass(frozen=True)
class Part:
    """What was found of one kind."""

    title: str
    meaning: str
    entries: list[Entry]
    n_more: int
    """Entries that found no room."""


@dataclass(frozen=True)
class ShortForm:
    """Everything that the page lays out."""

    name: str
    citation: str
    audited: str
    """How much was audited, and how many rows can be."""
    parts: list[Part]
    remarks: str
    """How many remarks there are, which stand in the whole audit alone; empty for none."""


def short_form(audit: dict[str, Any], content: PrintedNumbers) -> ShortForm:
    """Put together what is told of an audit on one page.

    Parameters
    ----------
    audit : dict
        As `leukorepro.report.pages.audit.audit.read_audit` gives it.
    content : PrintedNumbers
        Made of it.
    """
    severity = {severity.key: severity.findings for severity in content.severities}
    errors = [found for found in severity["error"] if not found.id.startswith("impossible/")]  # those have a part
    printed = {
        (number, value["item"], value["metric"]): value["value"]
        for number, table in audit["tables"].items()
        for value in table["values"]
    }
    impossible = [
        _entry(
            f"{wording.table_name(one['table'])}, {one['item']}, {wording.in_a_sentence(one['metric'])} "
            f"{printed[one['table'], one['item'], one['metric']]}",
            one["reason"],
        )
        for one in audit["impossible"]
    ]
    contradictions, doubts = (
        [_entry("".join(part for part, _ in found.where), found.text) for found in of_one]
        for of_one in (errors, severity["warning"])
    )
    sizes = [_entry(table.name, table.sizes) for table in content.tables if table.sizes]
    parts, free = [], 0
    for (title, meaning, lines), entries in zip(PARTS, (impossible, contradictions, doubts, sizes), strict=True):
        taken, free = _that_fit(entries, lines + free)
        parts.append(Part(title, meaning, taken, len(entries) - len(taken)))
    n_remarks = len(severity["note"])
    return ShortForm(
        name=content.name,
        citation=shorten(content.citation, LONGEST, placeholder=" \N{HORIZONTAL ELLIPSIS}"),
        audited=_audited(audit, content),
        parts=parts,
        remarks=wording.count(n_remarks, "remark") if n_remarks else "",
    )


def _entry(where: str, text: str) -> Entry:
    where = wording.shortened(where, LONGEST // 3)
    return Entry(where, shorten(wording.sentence(text), LONGEST - len(where), placeholder=" \N{HORIZONTAL ELLIPSIS}"))


def _that_fit(entries: Sequence[Entry], lines: int) -> tuple[list[Entry], int]:
    """The first entries that a number of lines has room for, and the lines that are left."""
    for n, entry in enumerate(entries):
        if entry.n_lines > lines:
            return list(entries[:n]), lines
        lines -= entry.n_lines
    return list(entries), lines


def _audited(audit: dict[str, Any], content: PrintedNumbers) -> str:
    """How many printed values and rows there are, and how many rows are possible, impossible, undecided."""
    statuses = Counter(item["status"] for table in audit["tables"].values() for item in table["items"].values())
    n_rows = statuses.total()
    told = f"{wording.count(content.n_values, 'printed number')} in {len(content.tables)} tables, figures and the text"
    if not n_rows:
        return f"{told}; no row of a classifier's results is among them."
    decided = {status: statuses.pop(status, 0) for status in ("possible", "impossible")}
    rows = [f"{number} {status}" for status, number in {**decided, "undecided": statuses.total()}.items()]
    return f"{told}; {wording.count(n_rows, 'row')} of results: {wording.listed(rows)}."
