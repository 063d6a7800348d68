"""How several words become one phrase."""

from __future__ import annotations

from collections.abc import Sequence


def listed(words: Sequence[str], joint: str = "and") -> str:
    """Words in a row: ``a``, ``a and b``, ``a, b and c``."""
    return f" {joint} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
