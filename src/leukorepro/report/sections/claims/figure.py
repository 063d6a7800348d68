"""The differences that claims rest on, as a figure: right of the line is what the paper says."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from leukorepro.evaluation.resampling.claims import CANNOT_BE_TOLD
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import scaled
from leukorepro.report.sections.ladder.ladder import Difference

CHARACTERS = 44
"""Of a claim, that have room in a line."""


class Dots(NamedTuple):
    """A claim, as it is drawn."""

    says: str
    on: Mapping[Rung, tuple[Difference, str]]
    """By rung, the difference that decides, and the verdict."""
    others: Sequence[tuple[Rung, Difference]]
    """All differences."""


@style.styled
def draw_claims(claims: Sequence[Dots], rungs: Sequence[Rung], conditions: Sequence[str]) -> Figure:
    """A row for each claim, with a dot and its interval for each rung.

    Parameters
    ----------
    claims : sequence of Dots
        Of metrics in per cent.
    rungs : sequence of rung
        Which are drawn, the first one on top.
    conditions : sequence of str
        Written under the figure.
    """
    figure, (axes,) = style.panels(1, 1, 0.6 + 0.42 * len(claims))
    axes.axvline(0, color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    for place, claim in enumerate(claims):
        for number, rung in enumerate(rungs):
            if rung in claim.on:
                _dot(axes, place + 0.3 * (number - (len(rungs) - 1) / 2), rung, claim)
    axes.set_yticks(range(len(claims)), [textwrap.fill(claim.says, CHARACTERS) for claim in claims])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(claims) - 0.4, -0.6)
    axes.set_xlabel("difference (points); to the right, as the paper says")
    axes.grid(axis="x")
    handles = [
        Line2D([], [], color=LADDER[rung].colour, marker=LADDER[rung].marker, label=LADDER[rung].name) for rung in rungs
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(rungs))
    style.note(figure, conditions)
    return figure


def _dot(axes: Axes, y: float, rung: Rung, claim: Dots) -> None:
    look, (difference, verdict) = LADDER[rung], claim.on[rung]
    for other, further in claim.others:
        if other == rung and further.value is not None:
            axes.plot([100 * further.value], [y], marker=".", color=look.colour, markersize=2, alpha=0.6, zorder=1)
    if difference.low is not None and difference.high is not None:
        ends = [100 * difference.low, 100 * difference.high]
        axes.plot(ends, [y, y], color=look.colour, linewidth=1.5, solid_capstyle="butt", zorder=2)
    face = "white" if verdict == CANNOT_BE_TOLD else look.colour
    x = scaled(difference.value, 100)
    axes.plot([x], [y], marker=look.marker, color=face, markeredgecolor=look.colour, markersize=4.5, zorder=3)
