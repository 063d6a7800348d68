"""How far a laboratory's images lie from those that a model was fitted on, as a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style


@style.styled
def distances(
    training: NDArray[np.float64], here: NDArray[np.float64], rung: Rung, conditions: Sequence[str]
) -> Figure:
    """Shares of images that lie no further than a distance.

    Parameters
    ----------
    training : array of float
        Distances of training images.
    here : array of float
        Distances of the laboratory's images.
    rung : Rung
        Whose look the latter have.
    conditions : sequence of str
        Written under the figure.
    """
    figure = Figure(figsize=(style.WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.ecdf(training, color=style.PUBLISHED, label="training images, left out of the fit")
    axes.ecdf(here, color=LADDER[rung].colour, label="these images")
    axes.axvline(1, color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate("unlike \N{RIGHTWARDS ARROW}", (1, 0.02), xytext=(4, 0), textcoords="offset points", fontsize=7)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("distance from the training images, in units of the limit")
    axes.set_ylabel("share that lies nearer")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.legend(loc="upper left")
    style.note(figure, conditions)
    return figure
