"""What arithmetic says of the numbers that one paper prints, for a reader who has no data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leukorepro.config.study.answers import QUOTED
from leukorepro.config.study.study import Citation
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.report.numbers import wording
from leukorepro.report.pages.audit import words as audit_words
from leukorepro.report.pages.audit.size_strip import SizeStrip, size_strip

SCHEMA_VERSION = 1

SEVERITIES = {
    "error": ("contradiction", "cannot all be true"),
    "warning": ("doubt", "hard to reconcile"),
    "note": ("remark", "worth knowing"),
}
"""Of findings, the gravest first: what the page calls them, and what that means."""


@dataclass(frozen=True)
class PrintedValue:
    """One number as the paper prints it."""

    metric: str
    text: str
    """Every digit that is printed; shares as fractions of 1."""
    impossible: str
    """Why no count gives it; empty where one does."""


@dataclass(frozen=True)
class ItemRow:
    """One row of a table: its printed numbers, and the confusion matrices behind them."""

    name: str
    values: list[PrintedValue]
    words: str
    """How many confusion matrices give these numbers; empty where none was looked for."""
    matrices: list[dict[str, int]]
    """They themselves, where they are few enough to show."""
    why: str
    """What does not fit, or of which images they are where the table's rows differ in that."""


@dataclass(frozen=True)
class Block:
    """Rows that print the same metrics."""

    metrics: list[str]
    rows: list[ItemRow]
    has_matrices: bool
    """Whether confusion matrices were looked for behind some row."""


@dataclass(frozen=True)
class Remark:
    """A note of the transcription, and the numbers that it is on."""

    where: str
    text: str


@dataclass(frozen=True)
class TableAudit:
    """One of the paper's tables."""

    key: str
    name: str
    title: str
    n_values: int
    sizes: str
    """Which numbers of test images its accuracies, or its rows, allow, in words; empty where that was not asked."""
    strip: SizeStrip | None
    """The same drawn; None where none or every one fits."""
    agrees: bool | None
    """Whether the number of images that the rows are held against is one of them; None without one, or accuracies."""
    tested: str
    """Images that the confusion matrices of all its rows are of; empty where they differ, or there are none."""
    blocks: list[Block]
    quoted: list[Block]
    """Rows that the paper quotes from others, and from whom (`ItemRow.why`)."""
    impossible: list[Remark]
    """Numbers that no count gives, and why."""
    unasked: list[Remark]
    """Rows behind which no confusion matrix was looked for, and why."""
    remarks: list[Remark]


@dataclass(frozen=True)
class Finding:
    """Something that does not agree, or that a reader should know."""

    id: str
    text: str
    where: list[tuple[str, str]]
    """Parts of its place, each with the key of the table that it names, or nothing."""


@dataclass(frozen=True)
class Severity:
    """Findings of one severity."""

    key: str
    noun: str
    meaning: str
    findings: list[Finding]


@dataclass(frozen=True)
class PrintedNumbers:
    """Everything that the page of one paper lays out."""

    key: str
    name: str
    citation: str
    n_values: int
    """The paper's own numbers."""
    n_quoted: int
    """Those that it quotes from others."""
    n_impossible: int
    told: list[str]
    """How many tables fit the number of test images, and how many rows have one confusion matrix."""
    severities: list[Severity]
    tables: list[TableAudit]

    @property
    def summary(self) -> str:
        """How much was found, in a sentence."""
        found = [wording.count(len(s.findings), s.noun) for s in self.severities if s.findings]
        impossible = f"{self.n_impossible} impossible" if self.n_impossible else ""
        parts = [*filter(None, [impossible]), *found]
        return wording.sentence(wording.listed(parts) if parts else "nothing contradicts anything")


def read_audit(path: Path, key: str) -> dict[str, Any]:
    """Read what the audit of one paper's printed numbers found.

    Parameters
    ----------
    path : Path
        As ``leukorepro audit published`` writes it.
    key : str
        The study's.

    Raises
    ------
    UserError
        If the file is missing, of another version, or of another study.
    """
    again = f"leukorepro audit published {key} --out {path}"
    if not path.is_file():
        raise UserError(f"{path}: there is no audit of the numbers that '{key}' prints; make it with `{again}`.")
    whole = read_json(path)
    if not isinstance(whole, dict) or whole.get("schema_version") != SCHEMA_VERSION:
        raise UserError(f"{path}: not an audit of version {SCHEMA_VERSION}; make it again with `{again}`.")
    if key not in whole["studies"]:
        raise UserError(f"{path}: holds no audit of '{key}'; make it with `{again}`.")
    audit: dict[str, Any] = whole["studies"][key]
    return audit


def read_printed_numbers(path: Path, key: str, citation: Citation) -> PrintedNumbers:
    """Read what the audit of one paper's printed numbers found, as `read_audit` does, and put it together.

    Parameters
    ----------
    path : Path
        The JSON file of the audit.
    key : str
        Of the study.
    citation : Citation
        Of its paper, which names the page.
    """
    return printed_numbers(read_audit(path, key), key, wording.short_citation(citation))


def printed_numbers(audit: dict[str, Any], key: str, name: str) -> PrintedNumbers:
    """Put together what there is to say of one paper's printed numbers.

    Parameters
    ----------
    audit : dict
        As `read_audit` gives it.
    key, name : str
        The study's key, and what it is called.
    """
    impossible = {(v["table"], v["item"], v["metric"]): v["reason"] for v in audit["impossible"]}
    tables = [_table(number, table, impossible) for number, table in audit["tables"].items()]
    return PrintedNumbers(
        key=key,
        name=name,
        citation=audit.get("citation", ""),
        n_values=sum(table.n_values for table in tables),
        n_quoted=sum(len(row.values) for table in tables for block in table.quoted for row in block.rows),
        n_impossible=len(impossible),
        told=audit_words.totals(
            [table.agrees for table in tables if table.agrees is not None],
            [audit_words.n_known(item) for table in audit["tables"].values() for item in _asked(table).values()],
        ),
        severities=[
            Severity(
                severity, noun, meaning, [_finding(f, tables) for f in audit["findings"] if f["severity"] == severity]
            )
            for severity, (noun, meaning) in SEVERITIES.items()
        ],
        tables=tables,
    )


def _finding(found: dict[str, str], tables: Sequence[TableAudit]) -> Finding:
    keys = {table.name.lower(): table.key for table in tables}
    return Finding(found["id"], wording.sentence(found["text"]), audit_words.places(found["where"], keys))


def _table(number: str, table: dict[str, Any], impossible: dict[tuple[str, str, str], str]) -> TableAudit:
    items, asked = table["items"], _asked(table)
    values = [v for v in table["values"] if not v["note"].startswith(QUOTED)]
    printed: dict[str, list[PrintedValue]] = {}
    for v in values:
        reason = impossible.get((number, v["item"], v["metric"]), "")
        printed.setdefault(v["item"], []).append(PrintedValue(v["metric"], v["value"], reason))
    quoted: dict[tuple[str, str], list[PrintedValue]] = {}
    for v in table["values"]:
        if v["note"].startswith(QUOTED):
            source = v["note"].removeprefix(QUOTED).strip()
            quoted.setdefault((v["item"], source), []).append(PrintedValue(v["metric"], v["value"], ""))
    assumed = sorted({item["n"] for item in items.values() if item["n"] is not None})
    fits = audit_words.ranges(table["consistent_n"])
    has_accuracy = table["n_accuracies"] > 0
    given = audit_words.accuracies(table["n_accuracies"]) if has_accuracy else ""
    if (rows := table.get("rows_sized")) is not None:  # asked of whole rows, and held against no number of images
        assumed, given = [], audit_words.rows(*rows) if rows[1] else ""
    low, high = table["searched"]
    tested = {name: audit_words.tested(item) for name, item in asked.items() if item["confusion"]}
    common = next(iter(tested.values())) if len(set(tested.values())) == 1 else ""
    why = {name: item["why"] for name, item in asked.items() if not item["confusion"]}
    whys = why if common else why | tested
    return TableAudit(
        key=number,
        name=wording.table_name(number),
        title=table["title"],
        n_values=len(values),
        sizes=audit_words.sizes(fits, table["searched"], given, assumed) if given else "",
        strip=size_strip(fits, table["searched"], assumed) if fits not in ([], [(low, high)]) else None,
        agrees=set(assumed) <= set(table["consistent_n"]) if has_accuracy and assumed else None,
        tested=common,
        blocks=_blocks([_row(name, of, asked.get(name), whys.get(name, "")) for name, of in printed.items()]),
        quoted=_blocks([ItemRow(name, of, "", [], source) for (name, source), of in quoted.items()]),
        impossible=_together(
            (_place(item, metric), reason) for (where, item, metric), reason in impossible.items() if where == number
        ),
        unasked=_together(
            ((name, item["why"]) for name, item in items.items() if name not in asked and item["why"]), len(items)
        ),
        remarks=_together((_place(v["item"], v["metric"]), v["note"]) for v in values if v["note"]),
    )


def _row(name: str, values: list[PrintedValue], item: dict[str, Any] | None, why: str) -> ItemRow:
    if item is None:
        return ItemRow(name, values, "", [], "")
    return ItemRow(name, values, audit_words.confusion(audit_words.n_known(item)), audit_words.shown(item), why)


def _place(item: str, metric: str) -> str:
    return item if metric == "size" else f"{item}, {wording.in_a_sentence(metric)}"


def _asked(table: dict[str, Any]) -> dict[str, Any]:
    """Items of a table behind whose numbers confusion matrices were looked for."""
    return {name: item for name, item in table["items"].items() if item["status"] in ("possible", "impossible")}


def _blocks(rows: Sequence[ItemRow]) -> list[Block]:
    """Rows that print the same metrics stand together, in the order of their first."""
    found: dict[tuple[str, ...], list[ItemRow]] = {}
    for row in rows:
        found.setdefault(tuple(value.metric for value in row.values), []).append(row)
    return [Block(list(metrics), part, any(row.words for row in part)) for metrics, part in found.items()]


def _together(notes: Iterable[tuple[str, str]], n_places: int = 0) -> list[Remark]:
    """Equal texts once, with all the places that they stand at; in short where these are all that there are."""
    found: dict[str, list[str]] = {}
    for where, text in notes:
        found.setdefault(text, []).append(where)
    return [
        Remark("Every row" if len(where) == n_places > 1 else "; ".join(where), wording.sentence(text))
        for text, where in found.items()
    ]
