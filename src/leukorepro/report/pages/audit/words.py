"""What arithmetic says of printed numbers, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from leukorepro.config.audit_facts import TableFacts
from leukorepro.core.phrases import span
from leukorepro.report.numbers import wording

MANY_RANGES = 12
"""Of numbers of test images; of more, the first are told."""

MANY_MATRICES = 3
"""Confusion matrices that give one row; more are counted, not shown."""

BASES = {
    "positive": "; metrics of the positive class",
    "negative": "; metrics of the negative class",
    "macro": "; metrics as means over both classes",
    "mixed": "; metrics of either class or means over both",
    None: "",
}
"""Whose precision, recall and F1 are printed."""

AVERAGINGS = {
    "pooled": "numbers of one confusion matrix",
    "mean_over_folds": "numbers that are means over the folds",
    "macro": "plain means over the classes",
    "weighted": "means over the classes, weighted by their sizes",
    "micro": "numbers of all classes together",
}
"""Over what a paper says that its numbers are averaged."""

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

Range = tuple[int, int]
"""First and last of consecutive whole numbers."""


def ranges(numbers: Sequence[int]) -> list[Range]:
    """Ascending whole numbers as ranges of consecutive ones.

    Examples
    --------
    >>> ranges([532, 1064, 1065])
    [(532, 532), (1064, 1065)]
    """
    found: list[Range] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def in_words(number: int) -> str:
    """A small count in words, a large one in digits."""
    return WORDS[number] if number < len(WORDS) else f"{number:,}"


def accuracies(number: int) -> str:
    """A table's accuracies, of which there are some, in the middle of a sentence."""
    return {1: "the accuracy", 2: "both accuracies"}.get(number, f"all {in_words(number)} accuracies")


def rows(fitting: int, asked: int) -> str:
    """Those of a table's rows that a number of images gives, in the middle of a sentence; for none, all of them.

    Parameters
    ----------
    fitting : int
        Rows that are given.
    asked : int
        Rows of the table that were looked at.
    """
    if 0 < fitting < asked:
        return f"{in_words(fitting)} of {in_words(asked)} rows"
    return {1: "the row", 2: "both rows"}.get(asked, f"all {in_words(asked)} rows")


def sizes(fits: Sequence[Range], searched: Sequence[int], whose: str, assumed: Sequence[int]) -> str:
    """Which numbers of test images give what a table prints.

    Parameters
    ----------
    fits : sequence of (first, last)
        Numbers of images that give it.
    searched : (low, high)
        Least and greatest number that was tried.
    whose : str
        What they give, as `accuracies` or `rows` words it.
    assumed : sequence of int
        Numbers of test images that the table's rows are held against: those that the paper states, or that follow.
    """
    low, high = searched
    tried = f"{'Of ' if low < high else ''}{span(low, high)} test images"
    number = sum(last - first + 1 for first, last in fits)
    if low == high:
        told = f"{tried} {'give' if fits else 'do not give'} {whose}."
    elif number == 0:
        told = f"No number of test images from {low:,} to {high:,} gives {whose}."
    elif number == high - low + 1:
        told = f"Every number of test images from {low:,} to {high:,} gives {whose}: too few digits to tell."
    elif number == 1:
        told = f"{tried}, only {fits[0][0]:,} give {whose}."
    else:
        told = f"{tried}, {number:,} numbers give {whose}: {_listed(fits)}."
    return " ".join([told, *(_assumed(size, fits) for size in assumed)])


def unconfirmed(audit: dict[str, Any]) -> str:
    """The sentence on numbers that were read by machine and that nobody has confirmed; empty where there are none.

    Parameters
    ----------
    audit : dict
        As `leukorepro.audits.any_table.audit_table` gives it.
    """
    count = audit["n_unconfirmed"]
    if not count:
        return ""
    n_values = sum(table["n_values"] for table in audit["tables"].values())
    of_them, each = ("number is", "it") if n_values == 1 else ("numbers are", "each")
    return (
        f"{count:,} of {n_values:,} {of_them} not confirmed: compare what was read by machine with the paper, and put "
        f"yes behind {each}."
    )


def n_known(item: dict[str, Any]) -> int | None:
    """How many confusion matrices give the printed numbers of a row; None where it is known only that some do.

    Parameters
    ----------
    item : dict
        As the audit has it, of a row that is possible or impossible.
    """
    count: int = item["n_confusion"]
    return None if item["status"] == "possible" and not count else count


def confusion(n_confusion: int | None) -> str:
    """How many confusion matrices give the printed numbers of a row; None where it is known only that some do."""
    if n_confusion is None:
        return "Some."
    if n_confusion == 0:
        return "None."
    return "Only one:" if n_confusion == 1 else f"{n_confusion:,} fit{':' if n_confusion <= MANY_MATRICES else '.'}"


def tested(item: dict[str, Any]) -> str:
    """Images that a row's confusion matrices are of, and whose metrics its numbers are.

    Parameters
    ----------
    item : dict
        As the audit has it, with at least one confusion matrix.
    """
    positives = {matrix["tp"] + matrix["fn"] for matrix in item["confusion"]}
    few = f"{min(positives):,}" if len(positives) == 1 else f"{min(positives):,} to {max(positives):,}"
    return f"{item['n']:,} images ({few} positive){BASES[item['basis']]}"


def totals(agreeing: Sequence[bool], n_matrices: Sequence[int | None]) -> list[str]:
    """What was found in all tables together, in sentences.

    Parameters
    ----------
    agreeing : sequence of bool
        Of each table with accuracies and a known number of test images, whether the two agree.
    n_matrices : sequence of int or None
        Confusion matrices behind each row for which they were looked for, as `n_known` counts them.
    """
    told = []
    if agreeing:
        told.append(
            f"Tables with accuracies and a known number of test images: {len(agreeing)}. "
            f"Those whose accuracies are all shares of that number: {sum(agreeing)}."
        )
    if n_matrices:
        none, single, some = (n_matrices.count(number) for number in (0, 1, None))
        several = len(n_matrices) - none - single - some
        found = {"exactly one": single, "several": several, "some": some, "none": none}
        rows = [f"{number} {'has' if number == 1 else 'have'} {what}" for what, number in found.items() if number]
        told.append(
            f"Rows whose confusion matrices were looked for: {len(n_matrices)}. Of them {wording.listed(rows)}."
        )
    return told


def of_facts(facts: TableFacts) -> str:
    """What a paper says of how a table was made, in a phrase; empty where it says nothing."""
    told = []
    test, folds = facts.test, facts.folds
    if test is not None and test.total is not None:
        told.append(f"{span(*test.total)} test images of two classes")
    elif test is not None and test.sizes is not None:
        names = test.names or ([] if test.positive is None else ["positive", "negative"])
        sizes = [f"{size:,}" for size in test.sizes]
        counts = [f"{size} {name}" for size, name in zip(sizes, names, strict=True)] if names else sizes
        told.append(f"{wording.listed(counts)} test images" if names else f"classes of {wording.listed(counts)} images")
    if folds is not None:
        told.append(f"{folds.n} folds of {'known' if folds.known else 'unknown'} classes")
        for metric, (low, high) in folds.bounds.items():
            told.append(f"{wording.in_a_sentence(metric)} from {low} to {high} in every fold")
    if facts.averaging is not None:
        told.append(AVERAGINGS[facts.averaging])
    return "; ".join(told)


def places(where: str, keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """A place in parts, each with the key of the table that it names, or nothing.

    Parameters
    ----------
    where : str
        Such as ``Table 1, ESet`` or ``Tables 3, 4 and 5``.
    keys : mapping from name to key
        Of all tables, their names in small letters.
    """
    parts, kind = [], ""
    for part in re.split(r"(\b(?:table|figure) \w+|\w+)", where, flags=re.IGNORECASE):
        word = part.lower()
        kind = word.removesuffix("s") if word in ("tables", "figures") else kind
        parts.append((part, keys.get(word) or keys.get(f"{kind} {word}", "")))
    return parts


def shown(item: dict[str, Any]) -> list[dict[str, int]]:
    """The confusion matrices behind an item's numbers, if they are few."""
    matrices: list[dict[str, int]] = item["confusion"]
    return matrices if item["n_confusion"] <= MANY_MATRICES else []


def _listed(fits: Sequence[Range]) -> str:
    told = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in fits[:MANY_RANGES]]
    more = len(fits) - MANY_RANGES
    return wording.listed([*told, f"{more:,} more ranges"] if more > 0 else told)


def _assumed(size: int, fits: Sequence[Range]) -> str:
    told = f"Its rows are compared with {size:,} test images"
    if not fits:
        return f"{told} all the same."
    among = any(first <= size <= last for first, last in fits)
    return f"{told}, which is {'' if among else 'not '}one of these."
