"""How classes are told apart in a dataset's figures, and what they are called where room is short."""

from __future__ import annotations

from typing import Any

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#6b7280")
"""Okabe and Ito's, and grey."""

HATCHES = ("", "/////", ".....", "xxxxx")
"""Of classes beyond the first eight, eight at a time."""


def fills(n_classes: int) -> list[dict[str, Any]]:
    """Colour and hatching of every class, as matplotlib takes them."""
    return [
        {
            "facecolor": COLOURS[number % len(COLOURS)],
            "hatch": HATCHES[number // len(COLOURS) % len(HATCHES)],
            "edgecolor": "white",
            "linewidth": 0,
        }
        for number in range(n_classes)
    ]
