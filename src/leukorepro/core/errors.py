"""The one error that a user is meant to read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")

_NO_MEMORY = re.compile(r"out of memory|can(not|'t) allocate memory|failed to map segment|bad_alloc", re.IGNORECASE)
"""How PyTorch, of a processor's memory and of a GPU's, and the loader of libraries tell that there is none left."""


class UserError(Exception):
    """Bad input, told in one sentence: the file, row or key, what was expected, how to mend it.

    The command line prints the message without a traceback and exits with status 2.
    """


def as_told(sentence: object) -> str:
    """A sentence as a person is told it, in one line; what it quotes of a file may break lines, or steer a terminal."""
    return "leukorepro: " + "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(sentence))


def no_memory(error: BaseException) -> str | None:
    """The sentence on memory that was refused, whichever library tells it; None where the error is another one."""
    told = " ".join(str(error).split())
    if not isinstance(error, MemoryError) and not _NO_MEMORY.search(told):
        return None
    return f"out of memory ({told}); ask for less at a time, or use a larger machine."


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known name closest to `given`, or an empty string.

    Parameters
    ----------
    given : str
        What a user wrote.
    known : iterable of str
        Names that there are; one that differs in upper and lower case alone is the closest.
    """
    names = list(known)
    same = [name for name in names if name.casefold() == given.casefold()]
    close = same or difflib.get_close_matches(given, names, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def some(values: Iterable[str], most: int = 5) -> str:
    """Name a few of many, for a sentence: ``a, b and 3 more``.

    Parameters
    ----------
    values : iterable of str
        All of them.
    most : int
        How many are named at most; of the rest the number is told.
    """
    given = list(values)
    return ", ".join(given[:most]) + (f" and {len(given) - most:,} more" if len(given) > most else "")


def unknown(what: str, given: str, known: Iterable[str]) -> str:
    """Return the sentence on a name that is not among the known ones.

    Parameters
    ----------
    what : str
        What kind of thing is named, as a noun in the singular: ``metric``.
    given : str
        The name that is not known.
    known : iterable of str
        Names that there are, in the order in which they are listed.
    """
    names = list(known)
    return f"unknown {what} '{given}'. Known: {', '.join(names) or 'none'}.{did_you_mean(given, names)}"


def look_up(known: Mapping[str, T], name: str, what: str, where: str) -> T:
    """Return the value of a name that a user gave.

    Parameters
    ----------
    known : mapping of str
        The value of every name.
    name : str
        The name that was given.
    what : str
        What kind of thing it names, as a noun in the singular.
    where : str
        File and key where it was given, or the option.

    Raises
    ------
    UserError
        If there is none of that name; the message begins with `where` and says what there is.
    """
    if name not in known:
        raise UserError(f"{where}: {unknown(what, name, known)}")
    return known[name]
