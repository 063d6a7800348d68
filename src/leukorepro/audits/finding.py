"""What an audit finds, as one sentence that a reader can check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""A contradiction; what is hard to reconcile; what is worth knowing."""


@dataclass(frozen=True)
class Finding:
    """A contradiction in printed numbers, or what they fix."""

    id: str
    """Kind and place, such as ``sum/text/images``; once in a study."""
    severity: Severity
    text: str
    where: str

    def as_json(self) -> dict[str, str]:
        """With the keys of ``results/audit/<study>.json``."""
        return asdict(self)


def capital(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]
