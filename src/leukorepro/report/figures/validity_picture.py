"""The figure of the validity study: what every rung says beside the truth, and how often its intervals cover it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from leukorepro.checks.validity.population import RANDOM
from leukorepro.checks.validity.summary import COVERAGE
from leukorepro.config.validity import SIMULATED
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures import style


@style.styled
def validity_figure(summary: pd.DataFrame) -> Figure:
    """Draw a summary of repetitions, as `leukorepro.checks.validity.summary.summarise` gives it."""
    settings = list(summary["setting"].unique())
    figure = Figure(figsize=(style.WIDTH, 1.2 + 0.42 * len(settings)), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True)
    places = np.arange(len(settings), dtype=float)
    for axes, metric in ((left, "accuracy"), (middle, "auroc")):
        _estimates(axes, summary[summary["metric"] == metric], settings, scale=100 if metric == "accuracy" else 1)
        axes.set_title("Accuracy (%)" if metric == "accuracy" else "AUROC")
    _coverage(right, summary[summary["metric"] == "accuracy"], settings)
    for axes in (left, middle, right):
        axes.grid(axis="x")
        axes.set_ylim(len(settings) - 0.5, -0.5)
    left.set_yticks(places, [_label(summary, setting) for setting in settings])
    handles = [_marker(rung) for rung in dict.fromkeys(summary["rung"])]
    truth = Line2D([], [], color=style.INK, marker="|", markersize=9, linestyle="none", label="truth, fresh subjects")
    figure.legend(handles=[truth, *handles], loc="outside upper center", ncols=len(handles) + 1)
    style.note(figure, _conditions(summary))
    return figure


def _conditions(summary: pd.DataFrame) -> list[str]:
    """Which of the rows are of simulated images, and whether a network had random weights."""
    real = [name for name in summary["dataset"].unique() if name != SIMULATED]
    conditions = []
    if (summary["dataset"] == SIMULATED).any():
        conditions.append(f"simulated images, but for {', '.join(real)}" if real else "simulated images")
    if summary["features"].str.contains(RANDOM, regex=False).any():
        conditions.append(RANDOM)
    return conditions


def _label(summary: pd.DataFrame, setting: str) -> str:
    row = summary[summary["setting"] == setting].iloc[0]
    if row["dataset"] != SIMULATED:
        return f"{row['dataset']} (real)\n{row['n_subjects']:.0f} subjects"
    effects = f"classes {row['class_effect']:g}, subjects {row['subject_effect']:g}"
    return f"{setting.replace('_', ' ')}\n{row['n_subjects']:.0f} subjects; {effects}"


def _marker(rung: Rung) -> Line2D:
    look = LADDER[rung]
    return Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", label=LADDER[rung].name)


def _rows(summary: pd.DataFrame, rung: Rung, settings: list[str]) -> pd.DataFrame:
    return summary[summary["rung"] == rung].set_index("setting").reindex(settings)


def _places(number: int, count: int, settings: list[str]) -> np.ndarray:
    """Heights of a rung's marks, one below the other within a setting."""
    return np.arange(len(settings)) + (number - (count - 1) / 2) * 0.19


def _estimates(axes: Axes, summary: pd.DataFrame, settings: list[str], scale: float) -> None:
    rungs = list(dict.fromkeys(summary["rung"]))
    for number, rung in enumerate(rungs):
        rows, heights = _rows(summary, rung, settings), _places(number, len(rungs), settings)
        look, truth, estimate = LADDER[rung], scale * rows["truth"], scale * rows["estimate"]
        axes.hlines(heights, truth, estimate, color=look.colour, linewidth=1)
        axes.plot(truth, heights, color=style.INK, marker="|", markersize=5, linestyle="none")
        axes.plot(estimate, heights, color=look.colour, marker=look.marker, linestyle="none")


def _coverage(axes: Axes, summary: pd.DataFrame, settings: list[str]) -> None:
    rungs = list(dict.fromkeys(summary["rung"]))
    axes.axvspan(100 * COVERAGE[0], 100 * COVERAGE[1], color=style.GRID, zorder=0)
    for number, rung in enumerate(rungs):
        rows, heights = _rows(summary, rung, settings), _places(number, len(rungs), settings)
        look = LADDER[rung]
        axes.hlines(heights, 100 * rows["coverage_low"], 100 * rows["coverage_high"], color=look.colour, linewidth=1)
        axes.plot(100 * rows["coverage"], heights, color=look.colour, marker=look.marker, linestyle="none")
    axes.set_xlim(-3, 103)
    axes.set_title("Accuracy: coverage (%)")
