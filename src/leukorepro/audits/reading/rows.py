"""Rows of printed numbers from the grids of a paper: which columns are metrics, which words name an item.

What is not understood is left out and named, never guessed at silently; a number is taken digit by digit, and per cent
are divided by moving the decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations, pairwise

from leukorepro.audits.reading.grid import Grid, Paper
from leukorepro.metrics.headings import UNSURE, average_of, class_of, metric_of, of_classes, simple
from leukorepro.metrics.kinds import Kind
from leukorepro.metrics.names import named

NUMBER = r"\d[\d,]*(?:\.\d+)?|\.\d+"
_VALUE = re.compile(
    rf"^[<>~\N{{ALMOST EQUAL TO}}]?\s*(?P<number>-?(?:{NUMBER}))\s*(?P<percent>%)?\s*"
    r"(?P<rest>(?:±|\+/-|\(|\[|[*†‡§]).*)?$"
)
_WITH_METRIC = re.compile(rf"^(?P<number>{NUMBER})\s*(?P<percent>%)?\s+(?P<words>[A-Za-z].*)$")
_REFERENCES = {"reference", "references", "ref", "refs", "paper", "study", "author", "authors", "work", "method source"}
_CITED = re.compile(r"\[[\d,\s\N{EN DASH}-]+\]")


@dataclass(frozen=True)
class Value:
    """A printed number that was taken."""

    table: str
    item: str
    metric: str
    value: str
    """As a share where it was printed per cent."""
    note: str
    page: str
    heading: str
    """Of its column, as printed."""
    printed: str
    """Its cell, as printed."""


@dataclass
class TableRead:
    """What was taken of one table, and what was not."""

    table: str
    page: int | None
    caption: str
    values: list[Value] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Columns and cells that were not understood, in words."""


@dataclass(frozen=True)
class _Cell:
    """A printed number, where it stands."""

    row: int
    column: int
    text: str
    number: str
    percent: bool
    metric: str
    rest: str


def read_tables(paper: Paper) -> list[TableRead]:
    """Take the numbers of all tables of a paper.

    Returns
    -------
    list of TableRead
        In the paper's order; a table that goes on after a break is one. Every number stands in the paper's text.
    """
    stand = set(re.findall(NUMBER, paper.text))
    found: dict[str, TableRead] = {}
    for n, grid in enumerate(paper.grids, 1):
        key = grid.number or f"unnamed {n}"
        table = found.setdefault(key, TableRead(key, grid.page, grid.caption))
        _read_grid(grid, table, stand)
    for table in found.values():
        _keep_apart(table)
    return list(found.values())


def _read_grid(grid: Grid, table: TableRead, stand: set[str]) -> None:
    header, body = _divided(grid.rows)
    if not header or not body:
        table.left_out.append("a block of cells without a row of headings above numbers")
        return
    headings = _headings(header)
    if not any(_metric(parts) for parts in headings):
        turned = _turned(grid.rows)
        header, body = _divided(turned)
        turned_headings = _headings(header) if header and body else []
        if any(_metric(parts) for parts in turned_headings):
            headings = turned_headings
        else:
            table.left_out.append(f"columns: {'; '.join(_words(parts) for parts in headings if parts)}")
            return
    _read_body(grid, headings, body, table, stand)


def _read_body(grid: Grid, headings: list[list[str]], body: list[list[str]], table: TableRead, stand: set[str]) -> None:
    labels = [n for n in range(len(headings)) if _is_label(n, body)]
    metrics: dict[int, tuple[str, bool]] = {}
    for n, parts in enumerate(headings):
        meant = None if n in labels else _metric(parts)
        if meant is not None:
            metrics[n] = meant
    for n, parts in enumerate(headings):
        if n not in metrics and n not in labels and any(row[n] for row in body):
            table.left_out.append(f"column '{_words(parts) or n + 1}'")
    parts_told = {name.split("_")[0] for name, _ in metrics.values() if name.startswith(("train_", "val_"))}
    names, hints = _names(labels, body)
    groups = {n: _group(headings[n]) for n in metrics}
    only = set(groups.values())
    for n, (metric, unsure) in metrics.items():
        if metric.startswith("test_") and not parts_told and not metric.endswith("loss"):
            metric = metric.removeprefix("test_")
        group = groups[n] if len(only) > 1 else ""
        of_class = of_classes(metric, group) if group else None
        cells = []
        for place, row in enumerate(body):
            cell = _cell(place, n, row[n], of_class or metric)
            if cell is not None:
                cells.append(cell)
            elif re.search(r"\d", row[n]):
                table.left_out.append(f"'{row[n]}' of {names[place]}, {_words(headings[n])}")
        of_column = [cell for cell in cells if cell.metric == (of_class or metric)]
        told = "%" in _words(headings[n])
        per_cent = told or any(cell.percent or _number(cell.number, True) > 1 for cell in of_column)
        for cell in cells:
            name, hint = names[cell.row], hints[cell.row]
            of_row = of_classes(cell.metric, hint) if hint else None
            item = "/".join(filter(None, ["" if of_class else _tidy(group), name or ("" if of_row else hint)]))
            is_per_cent = per_cent if cell in of_column else cell.percent
            _take(
                cell,
                of_row or cell.metric,
                item or _item_of_caption(grid.caption, table.table),
                is_per_cent,
                (_words(headings[n]), unsure, _quoted(labels, headings, body[cell.row])),
                (table, grid.page, stand),
                told=told,
            )


def _take(
    cell: _Cell,
    metric: str,
    item: str,
    per_cent: bool,
    about: tuple[str, bool, str],
    into: tuple[TableRead, int | None, set[str]],
    *,
    told: bool,
) -> None:
    """Put a number among the table's values, or say why it is left out."""
    heading, unsure, quoted = about
    table, page, stand = into
    kind = named(metric).spec.kind
    where = f"'{cell.text}' of {item}, {heading}"
    number = _number(cell.number, not kind.whole)
    if cell.number.lstrip("-") not in stand:
        table.left_out.append(f"{where}: its digits do not stand so in the text")
        return
    notes = [quoted] if quoted else []
    if kind.is_share and per_cent:
        if number <= 1 and not cell.percent and not told:
            table.left_out.append(f"{where}: at most 1 in a column of per cent")
            return
        number = number.scaleb(-2)
        notes.append(f"printed per cent: {cell.text}")
    elif cell.rest:
        notes.append(f"printed: {cell.text}")
    if unsure:
        notes.append(f"headed '{heading}', taken for accuracy")
    why = _refused(number, kind)
    if why:
        table.left_out.append(f"{where}: {why}")
        return
    table.values.append(
        Value(
            table.table,
            item,
            metric,
            str(number) if kind.is_share else format(number, "f"),
            "; ".join(notes),
            str(page or ""),
            heading,
            cell.text,
        )
    )


def _refused(number: Decimal, kind: Kind) -> str:
    """Why a number cannot be one of its kind with the digits that it has; empty where it can."""
    if not kind.holds(float(number)):
        return f"not {kind.expected}"
    if kind.is_share and int(number.as_tuple().exponent) > -2:
        return "a share of fewer than two decimals; enter it by hand with the digits that its table rounds to"
    return ""


def _number(text: str, decimal_comma: bool) -> Decimal:
    """The number as it is printed; a comma divides decimals of shares and thousands of counts."""
    if decimal_comma and "." not in text and text.count(",") == 1:
        return Decimal(text.replace(",", "."))
    return Decimal(text.replace(",", ""))


def _cell(row: int, column: int, text: str, metric: str) -> _Cell | None:
    """The number of a cell that holds nothing else, or one and the metric's name."""
    found = _VALUE.match(text)
    if found:
        number, rest = found["number"].rstrip(","), found["rest"] or ""
        return _Cell(row, column, text, number, bool(found["percent"]), metric, rest)
    found = _WITH_METRIC.match(text)
    own = metric_of(found["words"]) if found else None
    if found and own:
        return _Cell(row, column, text, found["number"], bool(found["percent"]), own, found["words"])
    return None


# The shape of a grid


def _divided(rows: list[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of headings and rows of numbers, all of one width.

    A row that is wider than the headings has a first heading that spans several columns; where a row of a text is
    shorter, its blanks at the end were lost.
    """
    start = next((n for n, row in enumerate(rows) if any(map(_are_values, row[1:]))), len(rows))
    header = [_stripped(row) for row in rows[:start]]
    width = max(map(len, header), default=0)
    body = []
    for row in rows[start:]:
        cells = list(row)
        while len(cells) > width and not cells[-1]:
            cells.pop()
        while len(cells) > width > 0:
            cells[:2] = ["/".join(filter(None, cells[:2]))]
        if any(cells):
            body.extend(_split([*cells, *[""] * (width - len(cells))]))
    repeated = {tuple(_stripped(row)) for row in header}
    body = [row for row in body if tuple(_stripped(row)) not in repeated]
    return [[*row, *[""] * (width - len(row))] for row in header], body


def _are_values(cell: str) -> bool:
    """Whether a cell holds a number, or several and nothing else."""
    return bool(_VALUE.match(cell)) or (bool(cell) and all(map(_VALUE.match, cell.split())))


def _stripped(row: Sequence[str]) -> list[str]:
    cells = list(row)
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _split(row: list[str]) -> list[list[str]]:
    """Rows that were run together in one: cells of as many numbers each, beside a cell of as many names."""
    numbers = {n: cell.split() for n, cell in enumerate(row) if cell and all(map(_VALUE.match, cell.split()))}
    counts = {len(values) for values in numbers.values()}
    if len(numbers) < 2 or len(counts) != 1 or (count := counts.pop()) < 2:
        return [row]
    names = {n: _names_of(cell) for n, cell in enumerate(row) if n not in numbers}
    rows = []
    for place in range(count):
        cells = []
        for n, cell in enumerate(row):
            if n in numbers:
                cells.append(numbers[n][place])
            elif len(names[n]) == count:
                cells.append(names[n][place])
            else:
                cells.append(cell if place == 0 else "")
        rows.append(cells)
    return rows


def _names_of(cell: str) -> list[str]:
    """Words of a cell, a number with the word before it."""
    return re.findall(r"\S*[A-Za-z]\S*(?: \d+\b)*", cell)


def _turned(rows: list[list[str]]) -> list[list[str]]:
    """The grid with its rows as columns."""
    width = max(map(len, rows))
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    return [list(column) for column in zip(*filled, strict=True)]


def _headings(header: list[list[str]]) -> list[list[str]]:
    """Headings of every column, from the widest to its own; a wide one is that of the columns after it, too."""
    above = []
    for row in header[:-1]:
        filled = list(row)
        for n in range(1, len(filled)):
            filled[n] = filled[n] or (filled[n - 1] if n > 1 else "")
        above.append(filled)
    return [[row[n] for row in [*above, header[-1]] if row[n]] for n in range(len(header[-1]))]


def _words(parts: Sequence[str]) -> str:
    return " / ".join(parts)


def _metric(parts: Sequence[str]) -> tuple[str, bool] | None:
    """The metric of a column by its headings, and whether that is unsure."""
    for part in reversed(parts):
        if metric := metric_of(part):
            return metric, False
    if len(parts) > 1 and (metric := metric_of(" ".join(parts))):
        return metric, False
    unsure = UNSURE.get(simple(parts[-1])) if parts else None
    return (unsure, True) if unsure else None


def _group(parts: Sequence[str]) -> str:
    """What a column's headings say beside its metric."""
    return "/".join(part for part in parts if not metric_of(part) and simple(part) not in UNSURE)


def _is_label(column: int, body: list[list[str]]) -> bool:
    """Whether most of a column's cells are words."""
    cells = [row[column] for row in body if row[column]]
    return 2 * sum(bool(_CITED.match(cell)) or _is_word(cell) for cell in cells) > len(cells)


def _is_word(cell: str) -> bool:
    """Whether a cell has letters, and not for being a number with the name of its metric."""
    return bool(re.search("[A-Za-z]", cell)) and _cell(0, 0, cell, "") is None


# Items


def _names(labels: list[int], body: list[list[str]]) -> tuple[list[str], list[str]]:
    """An item's name for every row, and the class that a row is of where all rows are of classes or their means.

    The name is that of the first column whose words differ in every row, else of the first columns that do together.
    """
    columns = {n: _filled(n, labels, body) for n in labels}
    hints = [""] * len(body)
    for n in labels:
        if all(class_of(cell) or average_of(cell) or metric_of(cell) for cell in columns[n]):
            hints = columns[n]
            labels = [other for other in labels if other != n]
            break
    for size in range(1, len(labels) + 1):
        for chosen in combinations(labels, size):
            names = ["/".join(filter(None, (columns[n][row] for n in chosen))) for row in range(len(body))]
            if all(names) and len(set(zip(names, hints, strict=True))) == len(names):
                return [_tidy(name) for name in names], hints
    names = ["/".join(filter(None, (columns[n][row] for n in labels))) for row in range(len(body))]
    return [_tidy(name) if name else "" for name in names], hints


def _tidy(name: str) -> str:
    """A name without blanks around the signs that join its parts."""
    return re.sub(r"\s*([/=+])\s*", r"\1", name)


def _filled(column: int, labels: list[int], body: list[list[str]]) -> list[str]:
    """A column of words whose blanks are filled by the words of a cell that spans several rows.

    Papers print such a cell's words in its first row or in the middle. Where words of the other columns come again
    before the next, a new block has begun.
    """
    words = [row[column] for row in body]
    places = [n for n, word in enumerate(words) if word]
    if len(places) in (0, len(words)):
        return words
    others = [next((body[n][other] for other in labels if other != column), "") for n in range(len(words))]
    starts = [0]
    for before, after in pairwise(places):
        seen, start = set(others[starts[-1] : before + 1]), after
        for n in range(before + 1, after):
            if others[n] and others[n] in seen:
                start = n
                break
            seen.add(others[n])
        starts.append(start)
    filled = []
    for place, start, end in zip(places, starts, [*starts[1:], len(words)], strict=True):
        filled += [words[place]] * (end - start)
    return filled


def _quoted(labels: list[int], headings: list[list[str]], row: list[str]) -> str:
    """A note where a column of references says that the row is another paper's."""
    for n in labels:
        cited = _CITED.search(row[n])
        if cited and headings[n] and simple(headings[n][-1]) in _REFERENCES:
            return f"quoted: {cited[0]}"
    return ""


def _item_of_caption(caption: str, table: str) -> str:
    """What a table is about by its caption, where its rows name classes only."""
    last = re.split(r"\b(?:of|for|using|with|by)\b", caption)[-1].strip(" .")
    return re.sub(r"^(?:the|an?)\s+", "", last) or f"table {table}"


def _keep_apart(table: TableRead) -> None:
    """Number items of one name, so that no number is given twice."""
    seen: dict[tuple[str, str], int] = {}
    for place, value in enumerate(table.values):
        times = seen[value.item, value.metric] = seen.get((value.item, value.metric), 0) + 1
        if times > 1:
            changed = {"item": f"{value.item} ({times})", "note": _joined(value.note, "a further row of this name")}
            table.values[place] = Value(**(vars(value) | changed))


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
