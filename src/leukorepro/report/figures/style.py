"""One look for every figure: Okabe and Ito's colours, one font, one way of saving."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leukorepro.core.store import write_text
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.numbers.wording import sentence

WIDTH = 7.2
"""Width of a figure in inches: two columns of a journal's page."""

NOTE_CHARACTERS = 138
"""Of the note under a figure, that have room in a line."""

INK = "#1f2430"
MUTED = "#6b7280"
GRID = "#e5e7eb"
PUBLISHED = "#4b5563"
NOTE = "#9a3412"
"""Colour of what a reader must know of a picture's numbers."""

RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9ca3af",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "leukorepro",
    "svg.fonttype": "path",
}

styled = mpl.rc_context(RC)
"""Decorator: draw in this style."""


def panels(count: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels in rows.

    Parameters
    ----------
    count : int
        Panels, at least 1.
    columns : int
        Panels in a row, at most.
    height : float
        Of each, inches.
    **options : Any
        For `matplotlib.figure.Figure.subplots`, such as ``sharey=True``.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, rows * height + 0.35), layout="constrained")
    grid = np.asarray(figure.subplots(rows, columns, squeeze=False, **options)).ravel()
    for spare in grid[count:]:
        spare.remove()
    return figure, list(grid[:count])


def rung_title(axes: Axes, rung: Rung) -> None:
    """Write over the left corner of a panel which rung it shows, behind a square of the rung's colour.

    Parameters
    ----------
    axes : Axes
        The panel.
    rung : Rung
        Its name and colour are taken from the ladder.
    """
    corner: Any = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 7}
    axes.annotate("\N{BLACK SQUARE}", xytext=(0, 4), color=LADDER[rung].colour, **corner)
    axes.annotate(LADDER[rung].name, xytext=(9, 4), **corner)


def note(figure: Figure, conditions: Sequence[str]) -> None:
    """Write under the figure what sets its numbers apart from the paper's, so that a copy of it carries the wording.

    Parameters
    ----------
    figure : Figure
        With nothing below its panels yet.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    """
    if conditions:
        lines = textwrap.fill(sentence(conditions), NOTE_CHARACTERS)
        figure.supxlabel(lines, fontsize=6.5, color=NOTE, x=0.995, ha="right")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, atomically; equal figures give equal bytes.

    Parameters
    ----------
    figure : Figure
        Laid out as it is written.
    path : Path
        The SVG file, which is replaced as a whole.
    """
    drawing = io.StringIO()
    with mpl.rc_context(RC):
        _lay_out(figure)
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    write_text(_compact(drawing.getvalue()), path)


def _lay_out(figure: Figure) -> None:
    """Give the parts of a figure their places, once and for all.

    Left to itself, Matplotlib does so each time that a figure is drawn, and draws in vain before it saves.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        square = any(axes.get_aspect() != "auto" for axes in figure.axes)
        for _ in range(1 + square):  # square panels need a second pass: after one, titles are cut
            engine.execute(figure)
        figure.set_layout_engine(None)


def _compact(svg: str) -> str:
    """The same drawing in fewer bytes: positions to a hundredth of a point, short names of glyphs, no indentation."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("DejaVuSans-Bold-", "b").replace("DejaVuSans-", "g")
    svg = re.sub(r"scale\([^)]*\)|-?\d+\.\d{3,}", lambda m: m[0] if m[0][0] == "s" else f"{float(m[0]):.2f}", svg)
    return re.sub(r"\n\s*", "\n", svg)
