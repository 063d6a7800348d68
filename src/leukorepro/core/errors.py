"""The one error that a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class UserError(Exception):
    """Bad input, told in one sentence: the file, row or key, what was expected, how to mend it.

    The command line prints the message without a traceback and exits with status 2.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known name closest to `given`, or an empty string."""
    names = list(known)
    same = [name for name in names if name.casefold() == given.casefold()]
    close = same or difflib.get_close_matches(given, names, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def some(values: Iterable[str], most: int = 5) -> str:
    """Name a few of many, for a sentence: ``a, b and 3 more``."""
    given = list(values)
    return ", ".join(given[:most]) + (f" and {len(given) - most:,} more" if len(given) > most else "")


def unknown(what: str, given: str, known: Iterable[str]) -> str:
    """Return the sentence on a name that is not among the known ones."""
    names = list(known)
    return f"unknown {what} '{given}'. Known: {', '.join(names) or 'none'}.{did_you_mean(given, names)}"


def look_up(known: Mapping[str, T], name: str, what: str, where: str) -> T:
    """Return the value of a name that a user gave.

    Raises
    ------
    UserError
        If there is none of that name; the message begins with `where` and says what there is.
    """
    if name not in known:
        raise UserError(f"{where}: {unknown(what, name, known)}")
    return known[name]
