"""How suspicions begin."""

from __future__ import annotations

from collections.abc import Collection

from leukorepro.core.errors import some


def these(names: Collection[str], what: str) -> str:
    """A sentence's beginning: ``2 folders ('a', 'b') look``.

    Parameters
    ----------
    names : collection of str
        What is suspected; three are named.
    what : str
        What they are, as a noun in the singular.
    """
    one = len(names) == 1
    return f"{len(names):,} {what}{'' if one else 's'} ({some(map(repr, names), 3)}) {'looks' if one else 'look'}"
