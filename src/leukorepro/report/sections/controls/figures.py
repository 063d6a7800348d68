"""The figure of a study's controls, from plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate

HALF_WIDTH = 0.32
"""Of the line that marks the chance of a rung."""


@dataclass(frozen=True)
class Point:
    """Accuracy on one rung, and what chance gives there in per cent."""

    rung: Rung
    accuracy: Estimate
    chance: float


@dataclass(frozen=True)
class Panel:
    """A way of dealing out labels, rung by rung."""

    title: str
    points: Sequence[Point]


@style.styled
def shuffled(panels: Sequence[Panel], conditions: Sequence[str]) -> Figure:
    """Accuracy on shuffled labels, one panel for each way of dealing them out.

    Parameters
    ----------
    panels : sequence of Panel
        Ways of dealing labels out, each with its accuracies.
    conditions : sequence of str
        Written under the figure.
    """
    figure, grid = style.panels(len(panels), 2, 2.1, sharey=True)
    for axes, panel in zip(grid, panels, strict=True):
        for place, point in enumerate(panel.points):
            look = LADDER[point.rung]
            axes.plot([place - HALF_WIDTH, place + HALF_WIDTH], [point.chance] * 2, color=style.MUTED, linewidth=1)
            estimate = point.accuracy
            value, low, high = (wording.scaled(n, 100) for n in (estimate.value, estimate.low, estimate.high))
            axes.plot([place, place], [low, high], color=look.colour, linewidth=2)
            axes.plot([place], [value], marker=look.marker, color=look.colour, markersize=6, markeredgecolor="white")
            axes.annotate(
                estimate.text,
                (place, value if math.isnan(high) else high),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontweight="bold",
            )
        names = [LADDER[point.rung].name.replace("-", "-\n").replace(" ", "\n", 1) for point in panel.points]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.margins(y=0.15)
        axes.set_title(panel.title)
        axes.grid(axis="y")
    grid[0].set_ylabel(wording.metric_heading("accuracy"))
    figure.legend([Line2D([], [], color=style.MUTED, linewidth=1)], ["chance"], loc="outside upper right")
    style.note(figure, conditions)
    return figure
