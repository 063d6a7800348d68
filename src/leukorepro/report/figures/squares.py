"""The report's figures of numbers in squares: heat maps and confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate

CHARACTERS = 28
"""Of class names that have room along one side of a confusion matrix."""


@style.styled
def heat_map(
    panels: Sequence[tuple[str, Rung | None, Sequence[Sequence[Estimate]]]],
    rows: Sequence[str],
    columns: Sequence[str],
    metric: str,
    conditions: Sequence[str],
) -> Figure:
    """Every classifier on every feature set, side by side on one scale of colours.

    Parameters
    ----------
    panels : sequence of (title, rung, estimates)
        `rung` is None for published values; estimates are indexed by row, then column.
    rows, columns : sequence of str
        Names of classifiers and of feature sets.
    metric : str
        Its name in the table of metrics, which says whether it is told in per cent.
    conditions : sequence of str
        Written under the figure.
    """
    height = 0.75 + 0.24 * len(rows) + 0.055 * max(map(len, columns))
    figure, grid = style.panels(len(panels), len(panels), height, sharey=True)
    scale = 100.0 if wording.in_per_cent(metric) else 1.0
    values = [
        np.array([[wording.scaled(e.value, scale) for e in row] for row in estimates]) for _, _, estimates in panels
    ]
    known = np.concatenate([panel[~np.isnan(panel)] for panel in values])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    middle = low + 0.55 * (high - low)
    for axes, (title, rung, estimates), panel in zip(grid, panels, values, strict=True):
        image = axes.imshow(panel, cmap="cividis", vmin=low, vmax=high, aspect="auto")
        for (row, column), value in np.ndenumerate(panel):
            colour = "white" if value < middle else style.INK
            text = estimates[row][column].text
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=6.5)
        axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"    {title}")
        colour = style.PUBLISHED if rung is None else LADDER[rung].colour
        corner: Any = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 8}
        axes.annotate("\N{BLACK SQUARE}", xytext=(0, 6), color=colour, **corner)
    bar = figure.colorbar(image, ax=grid, fraction=0.03, aspect=12, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label(wording.metric_heading(metric))
    style.note(figure, conditions)
    return figure


@style.styled
def confusion(
    panels: Sequence[tuple[str, Rung, np.ndarray]], classes: Sequence[str], conditions: Sequence[str]
) -> Figure:
    """Confusion matrices: counts, shaded by their share of the true class.

    Parameters
    ----------
    panels : sequence of (title, rung, counts)
        `counts` has shape (n_classes, n_classes), true classes in rows.
    classes : sequence of str
        Names of rows and columns.
    conditions : sequence of str
        Written under the figure.
    """
    columns = 4 if len(classes) <= 3 else 2
    side = style.WIDTH / columns
    figure, grid = style.panels(len(panels), columns, side * (0.86 if len(classes) <= 3 else 0.9))
    size = 8.0 if len(classes) <= 3 else 6.5
    for axes, (title, rung, counts) in zip(grid, panels, strict=True):
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="equal")
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.75 else style.INK
            text = f"{count}\n{100 * shares[row, column]:.0f} %" if len(classes) <= 5 else f"{count}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
        fits = max(map(len, classes)) * len(classes) <= CHARACTERS  # else names are slanted
        turned: dict[str, Any] = {} if fits else {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(classes)), classes, fontsize=6.5, **turned)
        upright: dict[str, Any] = {"rotation": 90, "va": "center"} if fits else {}
        axes.set_yticks(range(len(classes)), classes, fontsize=6.5, **upright)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"{title}\n", fontsize=7.5)
        style.rung_title(axes, rung)
        axes.set_xlabel("predicted", fontsize=6.5, color=style.MUTED)
        axes.set_ylabel("true", fontsize=6.5, color=style.MUTED)
    style.note(figure, conditions)
    return figure


def confusion_counts(frame: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Counts of one confusion matrix.

    Parameters
    ----------
    frame : DataFrame
        Columns y_true, y_pred and count; rows of one pair are added up.
    classes : sequence of str
        In the order of rows and columns.

    Returns
    -------
    ndarray of int, shape (n_classes, n_classes)
        True classes down, predicted ones across.
    """
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    index = {name: number for number, name in enumerate(classes)}
    for true, predicted, count in zip(frame["y_true"], frame["y_pred"], frame["count"], strict=True):
        counts[index[str(true)], index[str(predicted)]] += int(count)
    return counts
