"""Numbers of images, subjects, features and learnables that others must make."""

from __future__ import annotations

from collections.abc import Iterator

from leukorepro.audits.finding import Finding, capital
from leukorepro.audits.paper import Paper, place_name, table_name
from leukorepro.config.study.audits import Sum
from leukorepro.core.phrases import listed

LAYER, TOTAL = "learnables", "learnables_total"


def sums(paper: Paper) -> Iterator[Finding]:
    """Totals that do not add up: the declared ones, and lists of layers whose table has a total.

    Raises
    ------
    UserError
        If a declared number is not printed.
    """
    for number, declared in enumerate(paper.audit.sums):
        yield from _sum(paper, declared, f"sums[{number}]")
    for table in paper.tables:
        values = [value for of_item in paper.items(table).values() for value in of_item.values()]
        layers = round(sum(value.number for value in values if value.metric == LAYER))
        for total in (value for value in values if value.metric == TOTAL and layers):
            fits = abs(layers - total.number) <= total.half_unit
            text = f"The learnables of the layers of {table_name(table)} make {layers:,}, "
            text += "as printed." if fits else f"not the {total.text} printed."
            where = place_name(table, total.item)
            yield Finding(f"sum/{table}/{total.item}", "note" if fits else "error", text, where)


def _sum(paper: Paper, declared: Sum, key: str) -> Iterator[Finding]:
    whole = paper.count(declared.whole, key)
    parts = [paper.count(part, key) for part in declared.parts]
    made = declared.times * sum(parts)
    if made == whole:
        return
    table, item = paper.split(declared.whole, key)
    named = [f"{count:,} ({_item(paper, part, key)})" for count, part in zip(parts, declared.parts, strict=True)]
    times = "" if declared.times == 1 else f"{declared.times} times "
    if len(named) == 1 and declared.times == 1:
        text = (
            f"{_item(paper, declared.whole, key)} is {whole:,} and {_item(paper, declared.parts[0], key)} is {made:,}: "
        )
        text += "one number, printed in two ways."
    else:
        text = f"{times}{listed(named)} make {made:,}, not {whole:,} ({_item(paper, declared.whole, key)})."
    if len(parts) > 1 and declared.times == 1:
        instead = [f"{part + whole - made:,} for {count}" for part, count in zip(parts, named, strict=True)]
        text += f" It would add up with {listed(instead, 'or')}."
    tables = dict.fromkeys(table_name(paper.split(place, key)[0]) for place in (declared.whole, *declared.parts))
    where = capital(listed(list(tables)))
    yield Finding(f"sum/{table}/{item}/{'+'.join(declared.parts)}", "error", text, where)


def _item(paper: Paper, place: str, key: str) -> str:
    return paper.split(place, key)[1]
