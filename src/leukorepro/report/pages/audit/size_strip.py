"""Numbers of test images that fit a table's accuracies, as a strip that a template can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1000.0
"""Of the strip, in units of its drawing."""

THINNEST = 1.5
"""Width of a single number's bar, so that it is seen."""


@dataclass(frozen=True)
class Mark:
    """A number of test images that the rows are held against."""

    x: float
    label: str
    fits: bool


@dataclass(frozen=True)
class SizeStrip:
    """A strip from the least to the greatest number that was tried."""

    low: int
    high: int
    path: str
    """Bars of the numbers that fit: an SVG path between 0 and 1 in height."""
    marks: list[Mark]


def size_strip(fits: Sequence[tuple[int, int]], searched: Sequence[int], assumed: Sequence[int]) -> SizeStrip:
    """Lay a strip out.

    Parameters
    ----------
    fits : sequence of (first, last)
        Ranges of numbers that fit.
    searched : (low, high)
        Least and greatest number that was tried.
    assumed : sequence of int
        Numbers that the rows are held against; those outside of what was tried are left out.
    """
    low, high = searched
    unit = WIDTH / (high - low + 1)
    bars = []
    for first, last in fits:
        width = max((last - first + 1) * unit, THINNEST)
        start = min((first - low) * unit, WIDTH - width)
        bars.append(f"M{start:.1f} 0h{width:.1f}v1h-{width:.1f}z")
    marks = [
        Mark(
            round((size - low + 0.5) * unit, 1),
            f"{size:,}",
            any(first <= size <= last for first, last in fits),
        )
        for size in assumed
        if low <= size <= high
    ]
    return SizeStrip(low, high, "".join(bars), marks)
