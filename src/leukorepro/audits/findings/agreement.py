"""Places that print the same result: whether they agree, under the same name, and with what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from leukorepro.audits.arithmetic.confusion import ENTRIES
from leukorepro.audits.finding import Finding, Severity, capital
from leukorepro.audits.paper import Paper, Value, place_name, table_name
from leukorepro.config.study.audits import Statement
from leukorepro.core.phrases import listed
from leukorepro.metrics.names import named

Results = dict[str, list[Value]]
"""Printed numbers by item."""


def disagreements(paper: Paper) -> Iterator[Finding]:
    """Numbers that two places print differently, and equal numbers that they call differently.

    Raises
    ------
    UserError
        If a declared place is not printed.
    """
    for number, group in enumerate(paper.audit.same_results):
        results = [_results(paper, place, f"same_results[{number}]") for place in group]
        for (first, a), (second, b) in combinations(results, 2):
            renamed = _renamed(a, b)
            if renamed:
                yield _label(first, second, renamed, a)
            told = renamed[0][1].phase if renamed else None
            for item in a:
                for value, other in _pairs(a[item], b.get(item, [])):
                    if value.phase != told and not value.agrees(other):
                        yield _disagreement(paper, value, other)


def statements(paper: Paper) -> Iterator[Finding]:
    """Sentences on an item that its own table contradicts.

    Raises
    ------
    UserError
        If a declared place is not printed.
    """
    for number, statement in enumerate(paper.audit.statements):
        yield from _statement(paper, statement, f"statements[{number}]")


def _results(paper: Paper, place: str, key: str) -> tuple[str, Results]:
    """Name of a table or place, and its numbers by item; of a place under no item's name."""
    if place in paper.tables:
        items = {item: list(values.values()) for item, values in paper.items(place).items()}
        return place, {item: [*values, *_accuracy_of_entries(values)] for item, values in items.items()}
    table, item = paper.split(place, key)
    return table, {"": list(paper.items(table)[item].values())}


def _accuracy_of_entries(values: list[Value]) -> list[Value]:
    """The accuracy that a printed confusion matrix has."""
    entries = {named(value.metric).metric: value for value in values if named(value.metric).metric in ENTRIES}
    if len(entries) < len(ENTRIES):
        return []
    total = sum(value.number for value in entries.values())
    accuracy = (entries["tp"].number + entries["tn"].number) / total
    return [
        Value(entries["tp"].table, entries["tp"].item, "accuracy", round(accuracy, 4), 5e-5, f"of {round(total):,}")
    ]


def _pairs(values: list[Value], others: list[Value]) -> Iterator[tuple[Value, Value]]:
    """Numbers of the same metric, of the same part of the images."""
    for value in values:
        for other in others:
            if (value.phase, value.share) == (other.phase, other.share):
                yield value, other


def _disagreement(paper: Paper, value: Value, other: Value) -> Finding:
    text = f"{value.item}: {_told(value)}; {_told(other)}."
    for one in (value, other):
        twins = [v for v in paper.values if (v.number, v.share) == (one.number, one.share) and v.item != one.item]
        twins = [twin for twin in twins if twin.table not in (value.table, other.table) and 0 < twin.number < 1]
        if len(twins) == 1:
            text += f" {capital(table_name(twins[0].table))} prints {one.text} for {twins[0].item}."
    means = {one.table: paper.about(one.table).means_of for one in (value, other)}
    for table, of in means.items():
        if of is not None:
            text += f" Those of {table_name(table)} are means of {of}."
    where = f"{place_name(value.table, value.item)}; {table_name(other.table)}"
    severity: Severity = "warning" if any(means.values()) else "error"
    return Finding(f"disagree/{value.table}/{other.table}/{value.item}/{value.metric}", severity, text, where)


def _told(value: Value) -> str:
    if value.note.startswith("of ") and value.metric == "accuracy":
        return f"the counts of {table_name(value.table)} make an accuracy of {value.text} {value.note} images"
    return f"{table_name(value.table)} has {value.words} {value.text}"


def _renamed(first: Results, second: Results) -> list[tuple[Value, Value]]:
    """Pairs of equal accuracies that are of different parts by their names, if all shared items have one."""
    shared = [item for item in first if item in second]
    found = []
    for item in shared:
        pairs = [
            (a, b)
            for a in first[item]
            for b in second[item]
            if a.share == b.share == "accuracy" and a.phase != b.phase and a.number == b.number
        ]
        found += pairs[:1]
    with_accuracy = [i for i in shared if all(any(v.share == "accuracy" for v in r[i]) for r in (first, second))]
    return found if len(found) > 1 and len(found) == len(with_accuracy) else []


def _label(first: str, second: str, pairs: list[tuple[Value, Value]], results: Results) -> Finding:
    """Equal numbers under two names; worse, where the first table has other numbers under the second's name."""
    a, b = pairs[0]
    text = (
        f"{capital(table_name(first))} and {table_name(second)} print the same {len(pairs)} numbers for "
        f"{listed([value.item for value, _ in pairs])}: as {a.words} and as {b.words}."
    )
    others = [v for value, _ in pairs for v in results[value.item] if (v.phase, v.share) == (b.phase, b.share)]
    if others:
        text += f" The {others[0].words} of {table_name(first)} is {listed([value.text for value in others])}."
    where = f"{capital(table_name(first))}; {table_name(second)}"
    return Finding(f"label/{first}/{second}", "error" if others else "warning", text, where)


def _statement(paper: Paper, statement: Statement, key: str) -> Iterator[Finding]:
    table, item = paper.split(statement.item, key)
    places = statement.than or [f"{table}/{other}" for other in paper.items(table) if other != item]
    for metric in statement.metrics:
        own = paper.value(statement.item, metric, key)
        others = [paper.value(place, metric, key) for place in places]
        sign = 1 if statement.says == "highest" else -1
        against = [other for other in others if sign * (other.number - own.number) >= 0]
        if against:
            named = [
                f"{v.text} for {v.item}" + ("" if v.table == table else f" in {table_name(v.table)}") for v in against
            ]
            where = capital(statement.where)
            text = (
                f"{where} calls the {own.words} of {item} the {statement.says}; it is {own.text}, and {listed(named)} "
                f"{'is' if len(named) == 1 else 'are'} printed too."
            )
            ties = all(other.number == own.number for other in against)
            yield Finding(
                f"statement/{table}/{item}/{metric}",
                "note" if ties else "warning",
                text,
                f"{where}; {table_name(table)}",
            )
