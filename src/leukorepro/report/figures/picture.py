"""A figure as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A figure of a page."""

    address: str
    alt: str
    caption: str
    data: str = ""
    """Address of a CSV table with the figure's numbers; empty where the page's tables hold them."""
