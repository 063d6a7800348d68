"""How several words become one phrase."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERED = re.compile(r"(?i:(?P<table>tab(?:le)?)|fig(?:ure)?)[\s._]*(?P<number>[A-Z]?\.?\d\S*|[IVXLC]+)")
MISSING = "\N{EN DASH}"
"""What is written where a number is not known."""


def listed(words: Sequence[str], joint: str = "and") -> str:
    """Words in a row: ``a``, ``a and b``, ``a, b and c``.

    Parameters
    ----------
    words : sequence of str
        In their order; without any the phrase is empty.
    joint : str
        What stands in front of the last word of several.
    """
    return f" {joint} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def span(low: int, high: int) -> str:
    """Numbers from one to another: ``90 to 110``, or ``100`` alone.

    Parameters
    ----------
    low, high : int
        The least and the greatest one.
    """
    return f"{low:,} to {high:,}" if low < high else f"{low:,}"


def table_or_figure(key: str) -> str:
    """The name of a table or figure by its key: ``Table II`` by ``II`` or ``table II``, ``Figure 7`` by ``fig7``."""
    numbered = _NUMBERED.fullmatch(key)
    if numbered is None:
        return f"Table {key}"
    return f"{'Table' if numbered['table'] else 'Figure'} {numbered['number']}"
