"""Findings on single tables: impossible numbers, and the images that a table can or cannot be about."""

from __future__ import annotations

import math
from collections.abc import Iterator

from leukorepro.audits.arithmetic.sizes import runs
from leukorepro.audits.finding import Finding, capital
from leukorepro.audits.items import ItemAudit
from leukorepro.audits.paper import Paper, place_name, table_name, table_names
from leukorepro.audits.tables import TableAudit, TablesAudit
from leukorepro.core.phrases import listed

FEW = 10
"""Numbers of positive images that are worth telling."""
TELLING = 0.01
"""Chance below which a table of random accuracies fits a number of images: then that it fits is worth a word."""


def of_tables(paper: Paper, audits: TablesAudit) -> Iterator[Finding]:
    """What the tables of a paper say about their images and items.

    Parameters
    ----------
    paper : Paper
        With its printed numbers.
    audits : TablesAudit
        What its tables allow.
    """
    for table, audit in audits.tables.items():
        yield from _sizes(audit)
        yield from _sets(audits, audit)
        for item, found in audit.items.items():
            yield from _item(audits, table, item, found)
    yield from _classes(paper, audits)


def reason(found: ItemAudit, metric: str) -> str:
    """Why a number of an item is impossible, in a sentence.

    Parameters
    ----------
    found : ItemAudit
        Of an item that is impossible.
    metric : str
        One of its odd numbers.
    """
    if not found.instead:
        return found.why
    rest = "the other numbers of its row" if metric in found.instead else "the row"
    return f"No confusion matrix of {found.words} has it beside {rest}, which leave {found.instead[metric]}."


def _item(audits: TablesAudit, table: str, item: str, found: ItemAudit) -> Iterator[Finding]:
    values = {value.metric: value for value in audits.tested[table][item]}
    where = place_name(table, item)
    if found.status == "impossible":
        for metric in found.odd:
            text = f"The {values[metric].words} of {item} is printed as {values[metric].text}. {reason(found, metric)}"
            yield Finding(f"impossible/{table}/{item}/{metric}", "error", text, where)
    if found.images is not None and found.status == "possible" and found.conflict is not None:
        others = table_names(audits.joined(table, found.images.name))
        text = f"No confusion matrix of {found.images.words} fits {item} in both {table_name(table)} and {others}."
        if found.conflict.instead:
            words = {number.name: number.words for number in audits.joint(table, item, found.images)}
            told = [f"{words[name]} would be {value}" for name, value in found.conflict.instead.items()]
            text += f" By the others, {listed(told, 'or')}."
        yield Finding(f"together/{table}/{item}", "error", text, where)


def _sizes(audit: TableAudit) -> Iterator[Finding]:
    """Whether one number of images has all accuracies of a table."""
    where, n = capital(table_name(audit.name)), len(audit.accuracies)
    name, (low, high) = table_name(audit.name), audit.searched
    if n > 1 and not audit.sizes:
        text = (
            f"No number of images from {low:,} to {high:,} has all {n} accuracies of {name} as shares, to their "
            "printed digits. Means over folds or repetitions need not be such shares."
        )
        yield Finding(f"sizes/{audit.name}", "warning", text, where)
    if audit.images is not None and audit.cut:
        text = (
            f"The {n} accuracies of {name} are shares of {audit.images.total:,} images only if further digits were cut "
            "off instead of rounded."
        )
        yield Finding(f"cut/{audit.name}", "note", text, where)
    total = audit.images.total if audit.images is not None else (audit.sizes[0] if len(audit.sizes) == 1 else None)
    if total in audit.sizes and total is not None:
        chance = math.prod(min(1.0, total / value.per_one) for value in audit.accuracies)
        if chance < TELLING:
            others = "" if len(audit.sizes) > 1 else f", the only such number from {low:,} to {high:,}"
            text = f"All {n} accuracies of {name} are shares of {total:,} images{others}."
            yield Finding(f"size/{audit.name}", "note", text, where)


def _sets(audits: TablesAudit, audit: TableAudit) -> Iterator[Finding]:
    """Which of the images that a table might be about it does not fit."""
    name, where = table_name(audit.name), capital(table_name(audit.name))
    unfit = {key: told for key, told in audit.unfit.items() if not _is_wider(audits, audit, key)}
    if audit.images is None:
        if unfit and audit.sizes:
            totals = listed(
                [f"{total:,}" for total in dict.fromkeys(images.total for images, _ in unfit.values())], "or"
            )
            text = f"The accuracies of {name} are not all shares of {totals} images, of whatever classes."
            yield Finding(f"sets/{audit.name}", "warning", text, where)
        return
    impossible = {item for item, found in audit.items.items() if found.status == "impossible"}
    for key, (images, items) in unfit.items():
        earlier = list(audits.tables)[: list(audits.tables).index(audit.name)]
        told = any(key in audits.tables[table].unfit for table in audits.joined(audit.name, key) if table in earlier)
        if set(items) <= impossible or told:
            continue
        rows = f"None of the {len(items)} rows" if len(items) == len(audit.items) else listed(list(items))
        fits = "fits" if len(items) == len(audit.items) else "do not fit" if len(items) > 1 else "does not fit"
        origin = "which are what the paper's sizes give" if images.stated else "which is another reading"
        text = f"{rows} of {name} {fits} {images.words}, {origin}; {audit.images.words} fit."
        yield Finding(f"set/{audit.name}/{key}", "warning" if images.stated else "note", text, where)


def _is_wider(audits: TablesAudit, audit: TableAudit, key: str) -> bool:
    """Whether a set has as many images as the table's own, of any classes."""
    images = audit.unfit[key][0]
    return key in audits.open_sets and audit.images is not None and images.total == audit.images.total


def _classes(paper: Paper, audits: TablesAudit) -> Iterator[Finding]:
    """How many images of each class the rows of tables leave, of all numbers."""
    for name in audits.open_sets:
        images = audits.sets[name]
        about = [table for table, audit in audits.tables.items() if name in paper.about(table).sets and audit.images]
        about = [table for table in about if name not in audits.tables[table].unfit or _same(audits, table, name)]
        if images is None or not about or len(images.positives) > FEW:
            continue
        tables = table_names(about)
        text = (
            f"Of all ways to share {images.total:,} images between two classes, the rows of {tables} fit "
            f"{runs(images.positives).replace(', ', ' or ')} of the positive class alone."
        )
        yield Finding(f"classes/{name}", "note", text, capital(tables))


def _same(audits: TablesAudit, table: str, name: str) -> bool:
    """Whether what a table does not fit of a set is impossible anyway."""
    audit = audits.tables[table]
    impossible = {item for item, found in audit.items.items() if found.status == "impossible"}
    return set(audit.unfit[name][1]) <= impossible
