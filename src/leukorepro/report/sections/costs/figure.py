"""What the steps of a workflow cost, as a figure."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from leukorepro.costs.measured import StepCost, duration
from leukorepro.report.figures import style

ROW = 0.19
"""Height of a bar with its gap, in inches."""


@style.styled
def draw_costs(steps: Sequence[StepCost], conditions: Sequence[str]) -> Figure:
    """Seconds of every step, the jobs of a step one after another.

    Parameters
    ----------
    steps : sequence of StepCost
        Those with a measurement, from first to last.
    conditions : sequence of str
        Written under the figure.
    """
    figure = Figure(figsize=(style.WIDTH, ROW * len(steps) + 0.75), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([step.title for step in steps], [step.seconds for step in steps], color="#0072B2", height=0.7)
    axes.bar_label(bars, [duration(step.seconds) for step in steps], padding=3, fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("Seconds, the jobs of a step one after another")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    style.note(figure, conditions)
    return figure
