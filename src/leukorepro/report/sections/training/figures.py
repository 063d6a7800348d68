"""The report's figures of trainings, each from plain values; none reads a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from leukorepro.core.tables.predictions import RECONSTRUCTION
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording

FEW_EPOCHS = 12
"""Curves of no more epochs have a mark at each: one epoch has no line."""

TILE = 128
"""Largest side of a picture, in pixels; more would make the report large."""

GAP = 0.06
"""Between pictures, as a share of their side."""

PART_DASHES: dict[str, Any] = {"train": (0, (3, 1.2)), "test": "solid"}
PART_NAMES = {"train": "training part", "test": "test part"}


@dataclass(frozen=True)
class Losses:
    """Training loss of every fit of one reducer on one rung."""

    rung: Rung
    fits: Sequence[Sequence[float]]
    first_epoch: int
    """Epoch of the first loss: 0 where it is that at the start."""


@dataclass(frozen=True)
class Learning:
    """What one network reached after each epoch on one rung."""

    rung: Rung
    values: Mapping[tuple[str, str], NDArray[np.float64]]
    """By part (`train`, `test`) and measure (`loss`, `accuracy`), shape (n_fits, n_epochs)."""


@dataclass(frozen=True)
class Pairs:
    """Images and their reconstructions on one rung."""

    rung: Rung
    images: NDArray[np.uint8]
    """Shape (k, 2, size, size, 3), originals first."""
    correlation: Sequence[float]


@dataclass(frozen=True)
class Distribution:
    """How many images have a correlation in which bin."""

    title: str
    edges: NDArray[np.float64]
    """Of the bins, shape (n_bins + 1,)."""
    counts: Mapping[Rung, NDArray[np.int64]]
    """Shape (n_bins,)."""
    published: float | None
    """What the paper prints."""


@style.styled
def losses(panels: Sequence[tuple[str, Sequence[Losses]]], conditions: Sequence[str]) -> Figure:
    """Training loss over epochs, one panel per reducer, one line per fit.

    Parameters
    ----------
    panels : sequence of (str, sequence of Losses)
        Title of each panel, and the losses of each rung.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    """
    figure, grid = style.panels(len(panels), 3, 2.0, sharey=True)
    for axes, (title, groups) in zip(grid, panels, strict=True):
        for group in groups:
            look = LADDER[group.rung]
            for fit in group.fits:
                x = np.arange(len(fit)) + group.first_epoch
                marker = look.marker if len(fit) <= FEW_EPOCHS else ""
                axes.plot(x, fit, color=look.colour, linestyle=look.dash, linewidth=0.9, marker=marker, markersize=2.5)
        _over_epochs(axes)
        _logarithmic(axes)
        axes.set_title(title)
    grid[0].set_ylabel("loss")
    _rung_legend(figure, [group.rung for _, groups in panels for group in groups])
    style.note(figure, conditions)
    return figure


@style.styled
def learning(networks: Sequence[tuple[str, Sequence[Learning]]], conditions: Sequence[str]) -> Figure:
    """Loss and accuracy over epochs, a row of two panels per network: means of its fits, and their range.

    Parameters
    ----------
    networks : sequence of (title, curves)
        Title of each network, and what it reached on each rung.
    conditions : sequence of str
        Written under the figure.
    """
    figure, grid = style.panels(2 * len(networks), 2, 1.75)
    for place, (title, curves) in enumerate(networks):
        for axes, measure in zip(grid[2 * place : 2 * place + 2], ("loss", "accuracy"), strict=True):
            for curve in curves:
                for part in PART_DASHES:
                    _mean_and_range(axes, curve.rung, part, curve.values[part, measure])
            _over_epochs(axes)
        left, right = grid[2 * place : 2 * place + 2]
        _logarithmic(left)
        right.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        left.set_ylabel("cross-entropy (nats)")
        right.set_ylabel("accuracy (%)")
        left.set_title(title)
    _rung_legend(figure, [curve.rung for _, curves in networks for curve in curves], parts=True)
    style.note(figure, conditions)
    return figure


@style.styled
def reconstructions(groups: Sequence[Pairs], conditions: Sequence[str]) -> Figure:
    """Images above their reconstructions, a pair of rows per rung, the correlation under each pair.

    Parameters
    ----------
    groups : sequence of Pairs
        Of one autoencoder, at least one rung.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    """
    figure = Figure(layout="constrained")
    grid = np.ravel(figure.subplots(2 * len(groups), 1))
    for place, group in enumerate(groups):
        for part, axes in enumerate(grid[2 * place : 2 * place + 2]):
            axes.imshow(_side_by_side(group.images[:, part]), interpolation="none")
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0)
            axes.set_yticks([])
            axes.set_xticks([])
            axes.set_ylabel(("original", "reconstruction")[part], fontsize=6.5)
        size = _tile(group.images)
        step = size + round(GAP * size)
        below = grid[2 * place + 1]
        below.set_xticks(
            [size / 2 + step * k for k in range(len(group.correlation))],
            [wording.number(RECONSTRUCTION, value) for value in group.correlation],
        )
        style.rung_title(grid[2 * place], group.rung)
    n_columns = max(len(group.images) for group in groups)
    side = (style.WIDTH - 0.25) / (n_columns + GAP * (n_columns - 1))
    figure.set_size_inches(style.WIDTH, len(groups) * (2 * side + 0.42) + 0.25)
    style.note(figure, conditions)
    return figure


@style.styled
def correlations(panels: Sequence[Distribution], conditions: Sequence[str]) -> Figure:
    """How alike images and their reconstructions are: shares of the tested images, one panel per autoencoder.

    Parameters
    ----------
    panels : sequence of Distribution
        One for each autoencoder, with its rungs.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    """
    figure, grid = style.panels(len(panels), 2, 2.0)
    for axes, panel in zip(grid, panels, strict=True):
        for rung, counts in panel.counts.items():
            look = LADDER[rung]
            shares = 100 * counts / max(int(counts.sum()), 1)
            axes.stairs(shares, panel.edges, fill=True, color=look.colour, alpha=0.15)
            axes.stairs(shares, panel.edges, color=look.colour, linestyle=look.dash, linewidth=1.1)
        axes.set_ylim(bottom=0)
        if panel.published is not None:
            axes.axvline(panel.published, color=style.PUBLISHED, linewidth=0.9, linestyle=(0, (1, 2)))
            axes.annotate(
                f"published {wording.number(RECONSTRUCTION, panel.published)}",
                (panel.published, 1),
                xycoords=axes.get_xaxis_transform(),
                xytext=(0, 2),
                textcoords="offset points",
                ha="right",
                fontsize=6.5,
                color=style.PUBLISHED,
            )
        axes.set_xlim(panel.edges[0], panel.edges[-1])
        axes.set_title(panel.title)
        axes.set_xlabel("correlation of image and reconstruction")
        axes.grid(axis="y")
    grid[0].set_ylabel("tested images (%)")
    _rung_legend(figure, [rung for panel in panels for rung in panel.counts])
    style.note(figure, conditions)
    return figure


def _mean_and_range(axes: Axes, rung: Rung, part: str, values: NDArray[np.float64]) -> None:
    """The mean of several fits as a line, and from the lowest to the highest of them as a band."""
    look = LADDER[rung]
    x = np.arange(1, values.shape[1] + 1)
    if len(values) > 1:
        axes.fill_between(x, values.min(0), values.max(0), color=look.colour, alpha=0.15, linewidth=0)
    marker = look.marker if len(x) <= FEW_EPOCHS else ""
    face = "white" if part == "train" else look.colour
    axes.plot(
        x,
        values.mean(0),
        color=look.colour,
        linestyle=PART_DASHES[part],
        linewidth=1.2,
        marker=marker,
        markersize=3,
        markerfacecolor=face,
    )


def _over_epochs(axes: Axes) -> None:
    low, high = axes.dataLim.intervalx
    margin = max(0.5 if high == low else 0.0, 0.03 * (high - low))
    axes.set_xlim(low - margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.grid(axis="y")


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _rung_legend(figure: Figure, rungs: Sequence[Rung], *, parts: bool = False) -> None:
    """Over a figure: the rungs that it shows, and how it draws the two parts of a split."""
    shown = list(dict.fromkeys(rungs))
    lines = [
        Line2D([], [], color=LADDER[rung].colour, linestyle="solid" if parts else LADDER[rung].dash) for rung in shown
    ]
    names = [LADDER[rung].name for rung in shown]
    if parts:
        lines += [Line2D([], [], color=style.MUTED, linestyle=dash) for dash in PART_DASHES.values()]
        names += list(PART_NAMES.values())
    figure.legend(lines, names, loc="outside upper left", ncols=5)


def _tile(images: NDArray[np.uint8]) -> int:
    """Side of the pictures of some images, in pixels."""
    return min(TILE, int(images.shape[-2]))


def _side_by_side(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images in a row on white, shape (side, width, 3)."""
    size = _tile(images)
    small = [np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)) for image in images]
    gap = np.full((size, round(GAP * size), 3), 255, dtype=np.uint8)
    return np.concatenate([piece for image in small for piece in (image, gap)][:-1], axis=1)
