"""The figure of the start page: a row for each paper, from the printed number to what an honest split leaves of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.sections.ladder.ladder import Difference

NAME = 40
"""Letters of a paper's name that have room."""


class Row(NamedTuple):
    """One paper: its headline number, a share."""

    name: str
    printed: Estimate
    measured: dict[Rung, Estimate]
    """Ours, on the published rung and on the honest one."""
    change: Difference
    """From one to the other, paired."""


@style.styled
def draw_headlines(rows: Sequence[Row], conditions: Sequence[str]) -> Figure:
    """Draw a row for each paper: printed, ours as published, ours honest, with 95 % intervals; beside it the change.

    Parameters
    ----------
    rows : sequence of Row
        Of the papers, from the top down.
    conditions : sequence of str
        Written under the figure.
    """
    figure = Figure(figsize=(style.WIDTH, 0.55 + 0.2 * max(len(rows), 3)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        _row(axes, place, row)
    axes.set_yticks(range(len(rows)), [wording.shortened(row.name, NAME) for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.04)
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= 100])
    axes.set_xlabel("headline number (%); on the right, its change in points", fontsize=6.5)
    axes.grid(axis="x")
    rungs = dict.fromkeys(rung for row in rows for rung in row.measured)
    printed = Line2D([], [], **_printed(), label="printed in the paper")
    ours = [_marker(rung) for rung in rungs]
    figure.legend(handles=[printed, *ours], loc="outside upper center", ncols=1 + len(ours))
    style.note(figure, conditions)
    return figure


def _row(axes: Axes, place: int, row: Row) -> None:
    """Values of one paper, the honest one a little lower, so that both intervals are seen."""
    shown = [100 * e.value for e in (row.printed, *row.measured.values()) if e.value is not None]
    if shown:
        axes.plot([min(shown), max(shown)], [place, place], color=style.GRID, linewidth=3, zorder=0)
    if row.printed.value is not None:
        axes.plot([100 * row.printed.value], [place], **_printed(), zorder=4)
    for rung, estimate in row.measured.items():
        height = place + (-0.13 if rung == PUBLISHED else 0.13)
        if estimate.low is not None and estimate.high is not None:
            ends = [100 * estimate.low, 100 * estimate.high]
            axes.plot(ends, [height, height], color=LADDER[rung].colour, linewidth=1.6, zorder=2)
        if estimate.value is not None:
            look = LADDER[rung]
            dot: dict[str, Any] = {
                "marker": look.marker,
                "color": look.colour,
                "markeredgecolor": "white",
                "markersize": 6,
            }
            axes.plot([100 * estimate.value], [height], **dot, zorder=3)
    told = row.change.told if row.change.value is not None else "no change measured"
    weight = "bold" if row.change.is_clear else "normal"
    axes.text(1.01, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=7, fontweight=weight)


def _printed() -> dict[str, Any]:
    return {
        "marker": "D",
        "color": "white",
        "markeredgecolor": style.PUBLISHED,
        "markersize": 5,
        "linestyle": "none",
    }


def _marker(rung: Rung) -> Line2D:
    look = LADDER[rung]
    name = f"ours, {look.name.lower()}"
    return Line2D([], [], color=look.colour, marker=look.marker, linestyle="-", linewidth=1.6, label=name)
