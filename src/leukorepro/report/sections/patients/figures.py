"""Figures of what classifiers would mean for patients, each from plain values; none reads a file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style

COLUMNS = 3
POSITIVE, OTHER = "#a2498a", "#4b5563"
"""Colours of subjects of the positive class, filled, and of others, open; no rung has them."""
FEW_COLUMNS = 0.45
"""What a panel is higher by for each column that there are fewer."""
TITLE = 28
"""Characters of a title that have room over one of three panels."""
STEP = 0.025
"""Shares within it are stacked."""


class Panel(NamedTuple):
    """Rows of a table that one item has, by rung."""

    title: str
    rows: dict[Rung, pd.DataFrame]


@style.styled
def reliability(panels: Sequence[Panel], conditions: Sequence[str]) -> Figure:
    """Reliability curves, and below each the share of the rows that every bin holds.

    Parameters
    ----------
    panels : sequence of Panel
        Rows with `low`, `high`, `n_rows`, `mean_score`, `observed`, `ci_low` and `ci_high`.
    conditions : sequence of str
        Written under the figure.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(style.WIDTH, (2.9 + FEW_COLUMNS * (COLUMNS - columns)) * rows + 0.45), layout="constrained"
    )
    grid = np.asarray(
        figure.subplots(2 * rows, columns, squeeze=False, sharex=True, gridspec_kw={"height_ratios": [4, 1] * rows})
    )
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        curve, counts = grid[2 * row, column], grid[2 * row + 1, column]
        curve.plot([0, 1], [0, 1], color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
        for offset, (rung, bins) in enumerate(panel.rows.items()):
            _reliability(curve, counts, rung, bins, (offset - (len(panel.rows) - 1) / 2))
        curve.set_title(textwrap.fill(panel.title, TITLE, break_on_hyphens=False))
        curve.set_xlim(-0.03, 1.03)
        curve.set_ylim(-0.03, 1.03)
        counts.set_ylim(0, 1)
        counts.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
        counts.set_yticks([0, 1])
        counts.set_xlabel("stated probability")
        counts.tick_params(labelbottom=True)
        if column == 0:
            curve.set_ylabel("share in which it came true")
            counts.set_ylabel("rows")
    for place in range(len(panels), rows * columns):
        row, column = divmod(place, columns)
        grid[2 * row, column].remove()
        grid[2 * row + 1, column].remove()
    _legend(figure, panels)
    style.note(figure, conditions)
    return figure


@style.styled
def decision(panels: Sequence[Panel], conditions: Sequence[str]) -> Figure:
    """Decision curves: net benefit of the classifier and of treating all, on every rung.

    Parameters
    ----------
    panels : sequence of Panel
        Rows with `threshold`, `net_benefit`, `ci_low`, `ci_high` and `treat_all`.
    conditions : sequence of str
        Written under the figure.
    """
    few = FEW_COLUMNS * max(COLUMNS - len(panels), 0)
    figure, grid = style.panels(len(panels), COLUMNS, 2.2 + few)
    for place, (axes, panel) in enumerate(zip(grid, panels, strict=True)):
        axes.axhline(0, color=style.MUTED, linewidth=0.7)
        top = 0.1
        for rung, rows in panel.rows.items():
            look = LADDER[rung]
            axes.fill_between(rows["threshold"], rows["ci_low"], rows["ci_high"], color=look.colour, alpha=0.12, lw=0)
            axes.plot(rows["threshold"], rows["net_benefit"], color=look.colour, linestyle=look.dash, linewidth=1.3)
            axes.plot(rows["threshold"], rows["treat_all"], color=look.colour, linewidth=0.7, alpha=0.8)
            top = max(top, *(rows[name].max() for name in ("ci_high", "net_benefit", "treat_all")))
        axes.set_ylim(-0.35 * top, 1.08 * top)
        axes.set_xlim(0, 1)
        axes.set_title(textwrap.fill(panel.title, TITLE, break_on_hyphens=False))
        axes.set_xlabel("threshold probability" if place + COLUMNS >= len(panels) else "")
        axes.set_ylabel("net benefit" if place % COLUMNS == 0 else "")
    _legend(figure, panels, Line2D([], [], color=style.MUTED, linewidth=0.7, label="thin: treat all; zero: treat none"))
    style.note(figure, conditions)
    return figure


@style.styled
def dots(panels: Sequence[Panel], positive: str, other: str, conditions: Sequence[str]) -> Figure:
    """A dot for each subject at the share of its cells that were called positive, stacked where shares are equal.

    Parameters
    ----------
    panels : sequence of Panel
        Rows with `positive` (whether the subject is of the positive class) and `share_positive`; a row of axes for
        each panel, a column for each rung.
    positive, other : str
        What the classes are called.
    conditions : sequence of str
        Written under the figure.
    """
    rungs = list(dict.fromkeys(rung for panel in panels for rung in panel.rows))
    figure = Figure(figsize=(style.WIDTH, 1.2 * len(panels) + 0.7), layout="constrained")
    grid = figure.subplots(len(panels), len(rungs), squeeze=False, sharex=True, sharey=True)
    for number, (row, panel) in enumerate(zip(grid, panels, strict=True)):
        first = number == 0  # over which the rungs are named
        for axes, rung in zip(row, rungs, strict=True):
            axes.axvline(0.5, color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
            if rung in panel.rows:
                _dots(axes, panel.rows[rung])
            axes.set_title((panel.title if axes is row[0] else "") + "\n" * first)
            if first:
                style.rung_title(axes, rung)
            axes.set_yticks([0, 1], [other, positive])
            axes.tick_params(axis="y", length=0)
            axes.set_ylim(-0.55, 1.55)
            axes.set_xlim(-0.04, 1.04)
            axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    for axes in grid[-1]:
        axes.set_xlabel(f"share of a subject's cells called {positive}")
    style.note(figure, conditions)
    return figure


def _reliability(curve: Axes, counts: Axes, rung: Rung, bins: pd.DataFrame, offset: float) -> None:
    look = LADDER[rung]
    curve.vlines(bins["mean_score"], bins["ci_low"], bins["ci_high"], color=look.colour, linewidth=0.8, alpha=0.7)
    curve.plot(bins["mean_score"], bins["observed"], color=look.colour, linestyle=look.dash, linewidth=0.8, alpha=0.7)
    shares = bins["n_rows"] / bins["n_rows"].sum()
    sizes = 4 + 60 * shares
    curve.scatter(
        bins["mean_score"], bins["observed"], s=sizes, marker=look.marker, color=look.colour, clip_on=False, zorder=3
    )
    width = 0.04
    counts.bar((bins["low"] + bins["high"]) / 2 + offset * width, shares, width=width, color=look.colour)


def _dots(axes: Axes, rows: pd.DataFrame) -> None:
    for lane, (of_class, colour, face) in enumerate(((False, OTHER, "none"), (True, POSITIVE, POSITIVE))):
        shares = rows.loc[rows["positive"] == of_class, "share_positive"]
        stacks = (shares / STEP).round()
        number, size = stacks.groupby(stacks).cumcount(), stacks.map(stacks.value_counts())
        distance = min(0.16, 0.76 / max(size.max() - 1, 1)) if len(size) else 0
        y = lane + distance * (number - (size - 1) / 2)
        axes.scatter(shares, y, s=16, edgecolor=colour, facecolor=face, linewidth=0.9, clip_on=False, zorder=3)


def _legend(figure: Figure, panels: Sequence[Panel], *more: Line2D) -> None:
    rungs = list(dict.fromkeys(rung for panel in panels for rung in panel.rows))
    lines = []
    for rung in rungs:
        look = LADDER[rung]
        lines.append(Line2D([], [], color=look.colour, linestyle=look.dash, linewidth=1.3, label=LADDER[rung].name))
    figure.legend(handles=[*lines, *more], loc="outside upper left", ncols=4)
