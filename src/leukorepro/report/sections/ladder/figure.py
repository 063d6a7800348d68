"""The leakage ladder as a figure: the values rung by rung, and below them a waterfall of their paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Headline, Step
from leukorepro.report.sections.controls.cells import CellControl
from leukorepro.report.sections.ladder.ladder import Climb, Difference, Ladder

OTHERS = "#c7ccd4"
"""Colour of the table's other items."""

SEED: dict[str, Any] = {"marker": ".", "alpha": 0.45, "markersize": 5}
"""How the value of a single seed is drawn."""

CONTROL_DASHES = ((5, 2), (1, 1.5))
"""Dashes of the lines of the cell's size and colour."""


class _Bar(NamedTuple):
    """A row of the waterfall."""

    name: str
    difference: Difference
    start: float
    """Where the bar begins: the sum of the differences above it."""
    colour: str
    is_sum: bool = False


@style.styled
def draw_ladder(
    ladder: Ladder,
    others: Sequence[Sequence[Step]],
    chance: float | None,
    conditions: Sequence[str],
    controls: Sequence[CellControl] = (),
) -> Figure:
    """The headline item's value on every rung, the table's other items behind it; below, what every rung takes away.

    Parameters
    ----------
    ladder : Ladder
    others : sequence of ladders
        Those of the table's other items.
    chance : float or None
        Accuracy of always answering the largest class, drawn as a line.
    conditions : sequence of str
        Written under the figure.
    controls : sequence of CellControl, optional
        What the size and the colour of the cell alone give, drawn as grey lines.
    """
    bars = _bars(ladder)
    heights = [2.9, 0.75 + 0.27 * len(bars)] if bars else [2.9]
    figure = Figure(figsize=(style.WIDTH, sum(heights) + 0.2), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
    _values(parts[0].subplots(), ladder.top, others, chance, controls)
    if bars:
        unclear = not all(bar.difference.is_clear for bar in bars)
        title = f"What each closed leak takes away{' (outlined: not distinguishable from 0)' * unclear}"
        parts[1].suptitle(title, x=0.01, ha="left", fontsize=8, fontweight="bold")
        _waterfall(parts[1].subplots(), ladder, bars)
    style.note(figure, conditions)
    return figure


def _values(
    axes: Axes,
    top: Headline,
    others: Sequence[Sequence[Step]],
    chance: float | None,
    controls: Sequence[CellControl],
) -> None:
    scale = _scale(top.metric)
    x = np.arange(1, len(top.steps) + 1)
    for other in others:
        y = [wording.scaled(step.estimate.value, scale) for step in other]
        axes.plot(x, y, color=OTHERS, linewidth=0.9, marker="o", markersize=2, zorder=1)
    controlled: dict[str, Line2D] = {}
    for control, dashes in zip(controls, CONTROL_DASHES, strict=False):
        y = [wording.scaled(control.on(step.rung).value, scale) for step in top.steps]
        (controlled[control.name],) = axes.plot(
            x, y, color=style.MUTED, linewidth=1, linestyle=(0, dashes), marker=".", zorder=1, label=control.name
        )
    y = [wording.scaled(step.estimate.value, scale) for step in top.steps]
    axes.plot(x, y, color=style.INK, linewidth=1.3, zorder=2)
    for place, step in zip(x, top.steps, strict=True):
        _point(axes, float(place), step, scale)
    if top.published.value is not None:
        value = scale * top.published.value
        axes.plot([0], [value], marker="D", color="white", markeredgecolor=style.PUBLISHED, markersize=6, zorder=3)
        axes.axhline(value, color=style.PUBLISHED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
        _value_label(axes, 0, value, top.published.text)
    if chance is not None:
        axes.axhline(scale * chance, color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            "always the largest class",
            (0, scale * chance),
            xycoords=axes.get_yaxis_transform(),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=6.5,
            color=style.MUTED,
        )
    names = ["Published\n(paper)", *(f"{step.name}\n(ours)" for step in top.steps)]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.45)
    axes.margins(y=0.16)
    if wording.in_per_cent(top.metric):
        low, high = axes.get_ylim()
        axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= 100])
        axes.set_ylim(low, high)
    axes.set_ylabel(wording.metric_heading(top.metric))
    axes.set_title(f"{wording.table_name(top.table)}, {top.item}")
    axes.grid(axis="y")
    legend: dict[str, Line2D] = {}
    if others:
        legend["the table's other items"] = Line2D([], [], color=OTHERS, linewidth=0.9, marker="o", markersize=2)
    if any(len(step.estimate.seeds) > 1 for step in top.steps):
        legend["single seeds"] = Line2D([], [], color=style.MUTED, linewidth=0, **SEED)
    legend |= controlled
    if legend:
        columns = len(legend) if len(legend) < 4 else 2  # beside the title
        axes.legend(legend.values(), legend.keys(), loc="lower right", bbox_to_anchor=(1, 1.0), ncols=columns)


def _bars(ladder: Ladder) -> list[_Bar]:
    """Rung by rung to the honest one, their sum, and what lies beyond."""
    bars: list[_Bar] = []
    level = 0.0

    def add(climbs: Sequence[Climb]) -> None:
        nonlocal level
        for climb in climbs:
            name = climb.removes[:1].upper() + climb.removes[1:]
            bars.append(_Bar(name, climb.from_above, level, LADDER[climb.step.rung].colour))
            level += climb.from_above.value or 0.0

    add(ladder.to_honest)
    if len(bars) > 1:
        whole = ladder.to_honest[-1].from_first
        bars.append(_Bar(f"All of these:\n{ladder.whole}", whole, 0.0, style.MUTED, is_sum=True))
    add(ladder.beyond)
    return bars


def _waterfall(axes: Axes, ladder: Ladder, bars: Sequence[_Bar]) -> None:
    """Bars that begin where the one above ends; outlined where the interval holds 0."""
    metric = ladder.top.metric
    scale = _scale(metric)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    for place, bar in enumerate(bars):
        start, difference = scale * bar.start, bar.difference
        if difference.value is not None:
            fill = bar.colour if difference.is_clear else "white"
            axes.barh(
                place,
                scale * difference.value,
                left=start,
                height=0.62,
                facecolor=fill,
                edgecolor=bar.colour,
                linewidth=1,
            )
        if difference.low is not None and difference.high is not None:
            ends = [start + scale * difference.low, start + scale * difference.high]
            axes.plot(ends, [place, place], color=style.INK, linewidth=1, marker="|", markersize=5, zorder=3)
        axes.plot([start, start], [place - 0.45, place + 0.45], color=style.MUTED, linewidth=0.8, zorder=3)
        weight = "bold" if difference.is_clear else "normal"
        right = axes.get_yaxis_transform()
        axes.text(1.01, place, difference.told, transform=right, va="center", fontsize=7, fontweight=weight)
        if bar.is_sum:
            for edge in (place - 0.5, place + 0.5):
                axes.axhline(edge, color=style.MUTED, linewidth=0.6)
            axes.get_yticklabels()[place].set_fontweight("bold")
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.04)
    unit = " (points)" if wording.in_per_cent(metric) else ""
    axes.set_xlabel(f"{wording.metric_name(metric)}, difference to {ladder.top.steps[0].name.lower()}{unit}")
    axes.grid(axis="x")


def _point(axes: Axes, place: float, step: Step, scale: float) -> None:
    estimate = step.estimate
    if estimate.value is None:
        return
    look = LADDER[step.rung]
    value = scale * estimate.value
    if estimate.low is not None and estimate.high is not None:
        axes.plot(
            [place, place], [scale * estimate.low, scale * estimate.high], color=look.colour, linewidth=2, zorder=3
        )
    if len(estimate.seeds) > 1:
        x = place + np.linspace(0.07, 0.15, len(estimate.seeds))
        axes.plot(x, scale * np.array(estimate.seeds), color=look.colour, linewidth=0, zorder=3, **SEED)
    axes.plot([place], [value], marker=look.marker, color=look.colour, markersize=7, markeredgecolor="white", zorder=4)
    _value_label(
        axes, place, value if estimate.high is None else scale * max(estimate.high, estimate.value), estimate.text
    )


def _value_label(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=9, fontweight="bold")


def _scale(metric: str) -> float:
    return 100.0 if wording.in_per_cent(metric) else 1.0
