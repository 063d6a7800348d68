"""The report's figures, each from plain values; none reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.names import named
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate


@dataclass(frozen=True)
class Curve:
    """A receiver operating characteristic: rates between 0 and 1, from (0, 0) to (1, 1), joined by straight lines."""

    rung: Rung
    fpr: Sequence[float]
    tpr: Sequence[float]

    @property
    def area(self) -> float:
        """Area under the curve."""
        return float(np.trapezoid(self.tpr, self.fpr))


@style.styled
def bars(
    items: Sequence[str],
    metrics: Sequence[str],
    groups: Sequence[tuple[str, Rung | None, Sequence[Sequence[Estimate]]]],
    conditions: Sequence[str],
) -> Figure:
    """Bars of every metric for every item, one bar per group, with intervals and printed values.

    Parameters
    ----------
    items, metrics : sequence of str
        Rows, and panels.
    groups : sequence of (name, rung, estimates)
        `rung` is None for published values; estimates are indexed by item, then metric.
    conditions : sequence of str
        Written under the figure.
    """
    height = max(1.3, 0.28 + 0.17 * (len(groups) + 0.8) * len(items))
    figure, grid = style.panels(len(metrics), min(4, len(metrics)), height, sharey=True)
    thickness = 0.84 / len(groups)
    for column, (axes, metric) in enumerate(zip(grid, metrics, strict=True)):
        scale = 100.0 if wording.in_per_cent(metric) else 1.0
        for offset, (_, rung, estimates) in enumerate(groups):
            for row in range(len(items)):
                estimate = estimates[row][column]
                place = row + (offset - (len(groups) - 1) / 2) * thickness
                _bar(axes, place, thickness, rung, estimate, scale)
        largest = _largest(groups, column)
        limit = scale if named(metric).spec.kind.is_share else largest * 1.05 or 1.0
        axes.set_xlim(0, limit)
        axes.set_ylim(len(items) - 0.5, -0.5)
        axes.set_yticks(range(len(items)), items)
        axes.tick_params(axis="y", length=0)
        axes.set_title(wording.metric_heading(metric))
        axes.grid(axis="x")
    figure.legend(
        [Patch(**_fill(rung)) for _, rung, _ in groups],
        [name for name, _, _ in groups],
        loc="outside upper left",
        ncols=3,
    )
    style.note(figure, conditions)
    return figure


@style.styled
def roc(panels: Sequence[tuple[str, Sequence[Curve]]], conditions: Sequence[str]) -> Figure:
    """Receiver operating characteristics, one panel per title, one curve per rung.

    Parameters
    ----------
    panels : sequence of (str, sequence of Curve)
        Title of each panel, and its curves; none has several of one rung.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    """
    figure, grid = style.panels(len(panels), 3, 2.35)
    for place, (axes, (title, curves)) in enumerate(zip(grid, panels, strict=True)):
        axes.plot([0, 1], [0, 1], color=style.GRID, linewidth=0.8)
        for curve in curves:
            look = LADDER[curve.rung]
            label = f"{LADDER[curve.rung].name}  {wording.number('auroc', curve.area)}"
            axes.plot(curve.fpr, curve.tpr, color=look.colour, linestyle=look.dash, linewidth=1.3, label=label)
        axes.set_title(title)
        axes.set_aspect("equal")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_xlabel("false positive rate" if place + 3 >= len(panels) else "")
        axes.set_ylabel("true positive rate" if place % 3 == 0 else "")
        if curves:
            axes.legend(
                loc="lower right", title="area under the curve", title_fontsize=6, fontsize=6, alignment="right"
            )
    style.note(figure, conditions)
    return figure


def _bar(axes: Axes, place: float, thickness: float, rung: Rung | None, estimate: Estimate, scale: float) -> None:
    if estimate.value is not None:
        axes.barh(place, scale * estimate.value, height=0.9 * thickness, **_fill(rung))
        if estimate.low is not None and estimate.high is not None:
            axes.plot([scale * estimate.low, scale * estimate.high], [place, place], color=style.INK, linewidth=0.8)
    axes.text(1.02, place, estimate.text, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)


def _largest(groups: Sequence[tuple[str, Rung | None, Sequence[Sequence[Estimate]]]], column: int) -> float:
    return max((row[column].value or 0.0 for _, _, estimates in groups for row in estimates), default=0.0)


def _fill(rung: Rung | None) -> dict[str, Any]:
    """Hatched grey for what is published, else the rung's colour."""
    if rung is None:
        return {"facecolor": "#d1d5db", "hatch": "////", "edgecolor": "#9ca3af", "linewidth": 0.3}
    return {"facecolor": LADDER[rung].colour, "edgecolor": "white", "linewidth": 0.3}
