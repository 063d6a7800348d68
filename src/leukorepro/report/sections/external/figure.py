"""The figure of what is held out: its classes, its colours, and what the loss of accuracy is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leukorepro.ladder.rungs import EXTERNAL, LADDER
from leukorepro.report.figures import style
from leukorepro.report.numbers.tables import Estimate

COLOURS = (style.MUTED, LADDER[EXTERNAL].colour)
"""Of the dataset, and of what is held out."""

MARKERS = ("o", LADDER[EXTERNAL].marker)


class Lost(NamedTuple):
    """A part of the loss."""

    name: str
    loss: Estimate


@style.styled
def draw_external(
    parts: Sequence[str],
    classes: Sequence[str],
    shares: Mapping[str, pd.Series[float]],
    colours: Mapping[str, pd.DataFrame],
    lost: Sequence[Lost],
    conditions: Sequence[str],
) -> Figure:
    """Shares of the classes, colours and the loss, side by side.

    Parameters
    ----------
    parts : sequence of str
        The dataset, and what is held out.
    classes : sequence of str
        In the order in which they are drawn.
    shares : mapping of str to Series
        Share of each class, by part.
    colours : mapping of str to DataFrame
        Mean colour of images, a row each, by part.
    lost : sequence of Lost
        What the loss is made of, with intervals.
    conditions : sequence of str
        Written under the figure.
    """
    figure, (bars, points, losses) = style.panels(3, 3, 2.3)
    width = 0.38
    for place, (name, colour, marker) in enumerate(zip(parts, COLOURS, MARKERS, strict=True)):
        x = np.arange(len(classes)) + (place - 0.5) * width
        bars.bar(x, [100 * shares[name].get(label, 0.0) for label in classes], width, color=colour, label=name)
        own = colours[name]
        points.scatter(own["green_red"], own["blue_yellow"], s=9, color=colour, marker=marker, alpha=0.7, linewidths=0)
    bars.set_xticks(range(len(classes)), classes)
    bars.set_ylabel("Images (%)")
    bars.set_title("Classes")
    points.set_xlabel("a*, green to red")
    points.set_ylabel("b*, blue to yellow")
    points.set_title("Mean colours")
    for place, (_, estimate) in enumerate(lost):
        if estimate.value is None:
            continue
        losses.barh(place, -100 * estimate.value, height=0.55, color=COLOURS[1])
        if estimate.low is not None and estimate.high is not None:
            ends = [-100 * estimate.low, -100 * estimate.high]
            losses.plot(ends, [place, place], color=style.INK, linewidth=1, marker="|", markersize=5)
    losses.set_yticks(range(len(lost)), [one.name for one in lost])
    losses.set_ylim(len(lost) - 0.5, -0.5)
    losses.axvline(0, color=style.MUTED, linewidth=0.8)
    losses.set_xlabel("Change of accuracy (points)")
    losses.set_title("Loss and its parts")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    style.note(figure, conditions)
    return figure
