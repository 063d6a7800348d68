"""Colours and sizes of images as a figure, from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import shortened

LANE = 0.32
"""How far below its row's middle the median and quartiles of a row are drawn, beside its dots."""

LONGEST = 24
"""Characters of a row's name."""


@style.styled
def draw_colours(
    rows: Sequence[str],
    row_of: NDArray[np.intp],
    measures: Mapping[str, NDArray[np.float64]],
    colours: NDArray[np.float64],
    conditions: Sequence[str],
) -> Figure:
    """A panel for each measure and in it a row for each class or part: a dot for each image, median and quartiles.

    Parameters
    ----------
    rows : sequence of str
        Names of classes or parts.
    row_of : array of int, shape (n_images,)
        Row of each image.
    measures : mapping of str to array of float, shape (n_images,)
        Values by the panel's title.
    colours : array of float, shape (n_images, 3)
        Of the dots: red, green and blue, in [0, 1].
    conditions : sequence of str
        Written under the figure.
    """
    figure, grid = style.panels(len(measures), len(measures), 0.55 + 0.34 * len(rows), sharey=True)
    up = np.random.default_rng(0).uniform(-0.36, 0.16, len(row_of))  # so that equal values are seen side by side
    for axes, (title, values) in zip(grid, measures.items(), strict=True):
        axes.scatter(values, row_of + up, s=9, c=colours, edgecolors="#9ca3af", linewidths=0.25)
        for row in range(len(rows)):
            own = values[row_of == row]
            if len(own):
                low, middle, high = np.quantile(own, [0.25, 0.5, 0.75])
                axes.plot([low, high], [row + LANE, row + LANE], color=style.INK, linewidth=1.0)
                axes.plot(middle, row + LANE, marker="|", markersize=6, markeredgewidth=1.8, color=style.INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), [shortened(name, LONGEST) for name in rows])
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(title)
        axes.grid(axis="x")
    style.note(figure, conditions)
    return figure
