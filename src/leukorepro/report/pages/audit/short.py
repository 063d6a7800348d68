"""The short form of an audit of printed numbers: one printed page that can be attached to a review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import shorten
from typing import Any

from leukorepro.config.audit_facts import AuditFacts
from leukorepro.report.numbers import wording
from leukorepro.report.pages.audit.audit import PrintedNumbers
from leukorepro.report.pages.audit.words import of_facts, unconfirmed

LINE = 95
"""Characters that surely fit a printed line."""

LONGEST = 280
"""Characters of an entry, after which it is cut."""

LONGEST_NAME = 60
"""Characters of what a person called a file, after which it is cut."""

IMPOSSIBLE = ("Impossible numbers", "No counts of images give them.")
SIZES = ("Numbers of test images that fit", "An accuracy is a number of right answers divided by the number of images.")
OF_STUDY = (
    (*IMPOSSIBLE, 12),
    ("Contradictions", "These cannot all be true.", 12),
    ("Doubts", "These are hard to reconcile.", 9),
    (*SIZES, 6),
)
"""Parts of a study's page, the gravest first: heading, what it means, printed lines. What one leaves free, the next
may fill."""
OF_TABLES = (
    ("Facts taken from the paper", "The rows are held against them.", 8),
    (*IMPOSSIBLE, 16),
    ("Undecided rows", "They may be possible or not.", 6),
    (*SIZES, 6),
)
"""The same of the page of single tables."""
MOST_LISTED = 3
"""Numbers of one row that are named one by one."""


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
    count: int
    """How much was found: more than entries where some are told together."""


@dataclass(frozen=True)
class ShortForm:
    """Everything that the page lays out."""

    name: str
    citation: str
    audited: str
    """How much was audited, how many rows can be, and how many numbers nobody has compared with the paper."""
    parts: list[Part]
    remarks: str
    """How many remarks there are, which stand in the whole audit alone; empty for none."""
    command: str = ""
    """That gives the whole audit, where no page does."""


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
    contradictions, doubts = (
        [(1, _entry("".join(part for part, _ in found.where), found.text)) for found in of_one]
        for of_one in (errors, severity["warning"])
    )
    n_remarks = len(severity["note"])
    return ShortForm(
        name=content.name,
        citation=shorten(content.citation, LONGEST, placeholder=" \N{HORIZONTAL ELLIPSIS}"),
        audited=_audited(audit, content, f"{len(content.tables)} tables, figures and the text"),
        parts=_parts(OF_STUDY, (_impossible(audit), contradictions, doubts, _sizes(content))),
        remarks=wording.count(n_remarks, "remark") if n_remarks else "",
    )


def short_form_of_tables(audit: dict[str, Any], content: PrintedNumbers, command: str) -> ShortForm:
    """The same of tables that a person typed.

    Parameters
    ----------
    audit : dict
        As `leukorepro.audits.any_table.audit_table` gives it.
    content : PrintedNumbers
        Made of it.
    command : str
        That gives the whole audit.
    """
    told = AuditFacts.model_validate(audit["facts"])
    audited = _audited(audit, content, wording.count(len(content.tables), "table"))
    return ShortForm(
        name=wording.shortened(content.name, LONGEST_NAME),
        citation="",
        audited=f"{audited} {unconfirmed(audit)}".rstrip(),
        parts=_parts(OF_TABLES, (_told(told, content), _impossible(audit), _undecided(audit), _sizes(content))),
        remarks="",
        command=wording.shortened(command, 2 * LONGEST_NAME),
    )


Entries = list[tuple[int, Entry]]
"""How much each entry tells, and the entry."""


def _parts(kinds: Sequence[tuple[str, str, int]], found: Sequence[Entries]) -> list[Part]:
    parts, free = [], 0
    for (title, meaning, lines), counted in zip(kinds, found, strict=True):
        entries = [entry for _, entry in counted]
        taken, free = _that_fit(entries, lines + free)
        if entries or title != SIZES[0]:  # nothing to tell of sizes does not mean that none fits
            parts.append(Part(title, meaning, taken, len(entries) - len(taken), sum(count for count, _ in counted)))
    return parts


def _told(facts: AuditFacts, content: PrintedNumbers) -> Entries:
    """What is told of the tables, those of which the same is told together."""
    tables: dict[str, list[str]] = {}
    for table in content.tables:
        if words := of_facts(facts.of(table.key)):
            tables.setdefault(words, []).append(table.name)
    return [(len(names), _entry(wording.listed(names), words)) for words, names in tables.items()]


def _impossible(audit: dict[str, Any]) -> Entries:
    """Numbers that no counts give, those of one row with the same reason together."""
    printed = {
        (number, value["item"], value["metric"]): value["value"]
        for number, table in audit["tables"].items()
        for value in table["values"]
    }
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in audit["impossible"]:
        table, item, metric = (one[key] for key in ("table", "item", "metric"))
        value = f"{wording.in_a_sentence(metric)} {printed[table, item, metric]}"
        rows.setdefault((table, item, one["reason"]), []).append(value)
    return [
        (
            len(values),
            _entry(
                f"{wording.table_name(table)}, {item}, "
                f"{wording.listed(values) if len(values) <= MOST_LISTED else f'{len(values)} numbers'}",
                reason,
            ),
        )
        for (table, item, reason), values in rows.items()
    ]


def _undecided(audit: dict[str, Any]) -> Entries:
    """Rows of which it is open whether they can be, those for the same reason together."""
    rows: dict[tuple[str, str], list[str]] = {}
    for table, audited in audit["tables"].items():
        for item, row in audited["items"].items():
            if row["status"] not in ("possible", "impossible"):
                rows.setdefault((table, row["why"]), []).append(item)
    return [
        (len(items), _entry(f"{wording.table_name(table)}, {wording.listed(items)}", why))
        for (table, why), items in rows.items()
    ]


def _sizes(content: PrintedNumbers) -> Entries:
    return [(1, _entry(table.name, table.sizes)) for table in content.tables if table.sizes]


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


def _audited(audit: dict[str, Any], content: PrintedNumbers, places: str) -> str:
    """How many printed values and rows there are in some places, and how many rows can be, cannot, or may be."""
    statuses = Counter(item["status"] for table in audit["tables"].values() for item in table["items"].values())
    n_rows = statuses.total()
    told = f"{wording.count(content.n_values, 'printed number')} in {places}"
    if not n_rows:
        return f"{told}; no row of a classifier's results is among them."
    decided = {status: statuses.pop(status, 0) for status in ("possible", "impossible")}
    rows = [f"{number:,} {status}" for status, number in {**decided, "undecided": statuses.total()}.items()]
    return f"{told}; {wording.count(n_rows, 'row')} of results: {wording.listed(rows)}."
