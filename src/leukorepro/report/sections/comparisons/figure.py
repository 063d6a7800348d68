"""Items of a table less the best one, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.sections.ladder.ladder import Difference

DRAWN = 24
"""Of more items than this, those closest to the best are drawn."""


class Panel(NamedTuple):
    """What is compared on one rung."""

    rung: Rung
    best: str
    others: list[tuple[str, Difference]]
    """Items less the best one, the closest first."""


@style.styled
def differences_to_best(panels: Sequence[Panel], metric: str, conditions: Sequence[str]) -> Figure:
    """Dots with their intervals, a panel for each rung; the best item stands at 0.

    Parameters
    ----------
    panels : sequence of Panel
        Rungs, each with its differences.
    metric : str
        Its name in the table of metrics.
    conditions : sequence of str
        Written under the figure.
    """
    rows = 1 + min(DRAWN, max(len(panel.others) for panel in panels))
    figure, grid = style.panels(len(panels), len(panels), 0.45 + 0.17 * rows)
    for axes, panel in zip(grid, panels, strict=True):
        _panel(axes, panel, metric, rows)
    style.note(figure, conditions)
    return figure


def _panel(axes: Axes, panel: Panel, metric: str, rows: int) -> None:
    scale, look = 100.0 if wording.in_per_cent(metric) else 1.0, LADDER[panel.rung]
    shown = panel.others[:DRAWN]
    axes.axvline(0, color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    axes.plot([0], [0], marker="D", color="white", markeredgecolor=style.INK, markersize=5, zorder=3)
    for place, (_, difference) in enumerate(shown, start=1):
        if difference.low is not None and difference.high is not None:
            ends = [scale * difference.low, scale * difference.high]
            axes.plot(ends, [place, place], color=look.colour, linewidth=1.5, solid_capstyle="butt", zorder=1)
        face = look.colour if difference.is_clear else "white"
        x = wording.scaled(difference.value, scale)
        axes.plot([x], [place], marker=look.marker, color=face, markeredgecolor=look.colour, markersize=4.5, zorder=2)
    names = [f"best: {panel.best}", *(item for item, _ in shown)]
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(rows - 0.4, -0.6)
    unit = "points" if wording.in_per_cent(metric) else wording.metric_name(metric)
    axes.set_xlabel(f"difference to the best ({unit})")
    axes.grid(axis="x")
    style.rung_title(axes, panel.rung)
