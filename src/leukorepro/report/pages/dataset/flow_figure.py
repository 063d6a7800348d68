"""The way of images and subjects as a diagram, from plain values."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import count, listed
from leukorepro.report.pages.dataset.flow import ROLE_WORDS, Files, SplitFlow, images_of

# In points, of which an inch has 72.
LINE = 9.6
SIZE = 7.0
PAD = 5.0
STEP = 17.0
CLOSE = 3.0
SPACE = 8.0
CHARACTER = 3.75
"""Mean width of a character."""

SIDE = 0.25
"""Width of the box at the side, as a share of the figure's."""

PARTS = 2
"""Boxes of a column above those of its parts, which lie beside one another in a fold."""


@style.styled
def draw_flow(files: Files, flows: Sequence[SplitFlow], conditions: Sequence[str]) -> Figure:
    """Boxes from the files that were found down to the parts of a split, one column for each rung.

    Parameters
    ----------
    files : Files
    flows : sequence of SplitFlow
        One split of a study, on the rungs that it ran on.
    conditions : sequence of str
        Written under the figure.
    """
    width = 72 * style.WIDTH
    column = (width - (len(flows) + 1) * SPACE) / len(flows)
    middle, wide = width / 2, 0.42 * width
    found = [f"Image files found: {images_of(files.images, files.subjects)}"]
    if files.excluded:
        found = _lines([*found, f"left out by configuration: {listed(files.excluded)}"], wide)
    readable = [f"Readable: {images_of(files.readable, files.readable_subjects)}"]
    if files.photographs < files.readable:
        readable.append(f"from {count(files.photographs, 'photograph')}")
    lost = [f"{n:,} {status.replace('_', ' ')}" for status, n in files.unreadable.items()]
    unread = _lines([f"Unreadable, left out: {listed(lost)}" if lost else "Unreadable: none"], SIDE * width)
    levels = [[_lines(level, column) for level in _levels(flow)] for flow in flows]
    deep = max(map(len, levels))
    heights = [max(_height(of[level]) if level < len(of) else 0.0 for of in levels) for level in range(deep)]
    top = 2 * SPACE + _height(found) + STEP + _height(readable)
    steps = [STEP if level <= PARTS else CLOSE for level in range(1, deep)]
    below = top + 1.6 * STEP + sum(heights) + sum(steps) + SPACE
    noted = 12.0 if conditions else 0.0
    figure = Figure(figsize=(style.WIDTH, (below + noted) / 72))
    axes = figure.add_axes((0, noted / (below + noted), 1, below / (below + noted)))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(below, 0)
    end = _box(axes, middle, SPACE, wide, found)
    y = end + STEP
    side = 0.74 * width
    _box(axes, side + SIDE * width / 2, end + STEP / 2 - _height(unread) / 2, SIDE * width, unread, quiet=True)
    _line(axes, [middle, side], [end + STEP / 2] * 2)
    _arrow(axes, middle, end, y)
    end = _box(axes, middle, y, wide, readable)
    fork = end + 0.6 * STEP
    centres = [SPACE + column / 2 + number * (column + SPACE) for number in range(len(flows))]
    _line(axes, [middle, middle], [end, fork])
    _line(axes, [min(middle, *centres), max(middle, *centres)], [fork, fork])
    for centre, flow, column_lines in zip(centres, flows, levels, strict=True):
        y, end = fork + STEP, fork
        for level, lines in enumerate(column_lines):
            if level <= PARTS:
                _arrow(axes, centre, end, y)
            end = _box(axes, centre, y, column, lines, colour=LADDER[flow.rung].colour if level == 0 else None)
            y += heights[level] + (steps[level] if level < deep - 1 else 0)
    style.note(figure, conditions)
    return figure


def _levels(flow: SplitFlow) -> list[list[str]]:
    """What stands in the boxes of a rung, from above."""
    whole = [LADDER[flow.rung].name, flow.taking_part]
    whole += [f"left out: {n:,} {reason}" for reason, n in flow.left_out.items()]
    levels = [whole, [f"Divided: {flow.folds}"]]
    for part in flow.parts:
        first, *others = part.told
        levels.append([f"{ROLE_WORDS[part.role].capitalize()}: {first}", *others])
    return levels


def _lines(texts: Sequence[str], width: float) -> list[str]:
    room = int((width - 2 * PAD) / CHARACTER)
    return [line for text in texts for line in textwrap.wrap(text, room)]


def _height(lines: Sequence[str]) -> float:
    return LINE * len(lines) + 2 * PAD


def _box(
    axes: Axes,
    centre: float,
    y: float,
    width: float,
    lines: Sequence[str],
    *,
    colour: str | None = None,
    quiet: bool = False,
) -> float:
    """Draw a box whose upper edge is at `y`; a colour marks it at its left; returns where it ends."""
    height = _height(lines)
    look: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=3", "linewidth": 0.7}
    edge, face = ("#d1d5db", "#f9fafb") if quiet else ("#9ca3af", "white")
    axes.add_patch(FancyBboxPatch((centre - width / 2, y), width, height, edgecolor=edge, facecolor=face, **look))
    for number, line in enumerate(lines):
        weight = "bold" if colour and number == 0 else "normal"
        place = (centre, y + PAD + LINE * (number + 0.5))
        axes.text(*place, line, ha="center", va="center", fontsize=SIZE, weight=weight)
    if colour:
        axes.plot([centre - width / 2 + 4, centre + width / 2 - 4], [y + 0.8] * 2, color=colour, linewidth=2.2)
    return y + height


def _line(axes: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    axes.plot(x, y, color="#9ca3af", linewidth=0.8)


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    look = {"arrowstyle": "-|>,head_width=0.18,head_length=0.3", "color": "#9ca3af", "linewidth": 0.8}
    axes.annotate("", xy=(x, end), xytext=(x, start), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
