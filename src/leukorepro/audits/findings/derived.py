"""Metrics that follow from others: F1 from precision and recall, one class's ROC area from the other's."""

from __future__ import annotations

from collections.abc import Iterator

from leukorepro.audits.finding import Finding, capital
from leukorepro.audits.paper import Paper, Value, place_name, table_name, table_names
from leukorepro.audits.tables import TablesAudit

ENOUGH = 3
"""Rows that must agree on how F1 was computed."""


def f1_of_its_parts(paper: Paper) -> Iterator[Finding]:
    """F1 of a class that is not the harmonic mean of the precision and the recall printed beside it."""
    for table in paper.tables:
        for item, values in paper.items(table).items():
            for name in paper.audit.classes:
                parts = [values.get(f"{name}_{metric}") for metric in ("precision", "recall", "f1")]
                if any(part is None for part in parts):
                    continue
                precision, recall, f1 = (part for part in parts if part is not None)
                low, high = (
                    _harmonic(precision.number + s * precision.half_unit, recall.number + s * recall.half_unit)
                    for s in (-1, 1)
                )
                if f1.number + f1.half_unit < low or f1.number - f1.half_unit > high:
                    text = (
                        f"The {f1.words} of {item}, {f1.text}, is no harmonic mean of precision "
                        f"{precision.text} and recall {recall.text}, which leave {low:.4f} to {high:.4f}."
                    )
                    yield Finding(f"f1/{table}/{item}/{name}", "error", text, place_name(table, item))


def kinds_of_f1(paper: Paper, audits: TablesAudit) -> Iterator[Finding]:
    """Tables whose F1 are harmonic means of mean precision and mean recall, beside tables with means of F1.

    Parameters
    ----------
    paper : Paper
        With its printed numbers.
    audits : TablesAudit
        What its tables allow.
    """
    means = [
        table
        for table, audit in audits.tables.items()
        if len(audit.items) >= ENOUGH
        and all({"precision", "recall", "f1"} <= values.keys() for values in paper.items(table).values())
        and sum(found.basis == "macro" for found in audit.items.values()) == len(audit.items)
    ]
    for table in paper.tables:
        rows = {item: v for item, v in paper.items(table).items() if {"precision", "recall", "f1"} <= v.keys()}
        if table in means or len(rows) < ENOUGH or not all(_is_harmonic(row) for row in rows.values()):
            continue
        name = table_name(table)
        text = f"All {len(rows)} F1 of {name} are the harmonic mean of the precision and recall printed beside them"
        if means:
            text += f"; those of {table_names(means)} are means of the F1 of both classes"
        yield Finding(f"f1/{table}", "warning" if means else "note", f"{text}.", capital(table_name(table)))


def unequal_areas(paper: Paper) -> Iterator[Finding]:
    """Areas under the ROC curves of two classes that differ, though one class's scores are 1 less the other's."""
    if not paper.audit.classes:
        return
    first, second = (f"{name}_auroc" for name in paper.audit.classes)
    for table in paper.tables:
        for item, values in paper.items(table).items():
            if first in values and second in values and not values[first].agrees(values[second]):
                where = place_name(table, item)
                text = (
                    f"The areas under the ROC curves of both classes of {item} are printed as {values[first].text} and "
                    f"{values[second].text}. Where the scores of two classes add up to 1 the areas are equal, but for "
                    "scores that are rounded to ties."
                )
                yield Finding(f"auroc/{table}/{item}", "warning", text, where)


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _is_harmonic(row: dict[str, Value]) -> bool:
    """Whether F1 has exactly the digits that come of the printed precision and recall, rounded or cut."""
    f1 = row["f1"]
    mean = _harmonic(row["precision"].number, row["recall"].number)
    return bool(f1.printed.allows(mean) or f1.printed.cut_off().allows(mean))
