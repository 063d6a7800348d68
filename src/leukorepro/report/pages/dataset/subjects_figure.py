"""Images of every subject as a figure, from plain values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from leukorepro.report.figures import style
from leukorepro.report.pages.dataset.fills import fills

FEW = 150
"""Subjects that have a bar each, apart from one another."""

CHARACTERS = 118
"""Of the legend, that have room in a line."""


@style.styled
def draw_subjects(images: Sequence[Sequence[int]], called: Sequence[str], conditions: Sequence[str]) -> Figure:
    """A bar for each subject, as high as its images, in the colours of their classes.

    Parameters
    ----------
    images : sequence of sequence of int
        Images of every class, of every subject in the order that they are drawn in.
    called : sequence of str
        What the legend says of each class.
    conditions : sequence of str
        Written under the figure.
    """
    counts = np.array(images)
    n = len(counts)
    number = np.arange(1, n + 1)
    figure = Figure(figsize=(style.WIDTH, 2.5), layout="constrained")
    axes = figure.subplots()
    below = np.zeros(n)
    looks = fills(len(called))
    for column, look in enumerate(looks):
        above = below + counts[:, column]
        own = above > below
        if n <= FEW:
            axes.bar(number[own], counts[own, column], bottom=below[own], width=0.8, **look)
        else:
            axes.stairs(above, np.arange(n + 1) + 0.5, baseline=below, fill=True, **look)
        below = above
    width = max(n, 4)  # else two bars were as wide as the page
    axes.set_xlim((n + 1 - width) / 2, (n + 1 + width) / 2)
    axes.set_ylim(0, max(1.0, 1.05 * below.max()))
    whole = MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10])
    axes.set_xticks(sorted({1, *(tick for tick in whole.tick_values(0, n) if 1 < tick <= n)}))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlabel("subject, numbered as in the table")
    axes.set_ylabel("images")
    axes.grid(axis="y")
    columns = max(1, CHARACTERS // (max(map(len, called)) + 9))
    figure.legend([Patch(**look) for look in looks], called, loc="outside upper left", ncols=columns)
    style.note(figure, conditions)
    return figure
