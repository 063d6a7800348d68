"""The workflow as a graph: its steps, what each takes from which, how many jobs each had and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from leukorepro.costs.jobs import STEPS
from leukorepro.costs.measured import StepCost, duration
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording

WIDTH, HEIGHT = 0.92, 0.5
"""Of a box, where boxes stand 1 apart."""


def layers(after: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Steps by how many others must come before them at least, first to last.

    Parameters
    ----------
    after : mapping
        What each step follows, those before it in front.
    """
    depth: dict[str, int] = {}
    for name, earlier in after.items():
        depth[name] = max((depth[before] + 1 for before in earlier), default=0)
    return [[name for name in after if depth[name] == level] for level in range(max(depth.values(), default=-1) + 1)]


def arrows(after: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """What follows what directly: an arrow that a longer way implies is left out."""
    reached: dict[str, set[str]] = {}
    for name, earlier in after.items():
        reached[name] = {*earlier, *(far for before in earlier for far in reached[before])}
    return [
        (before, name)
        for name, earlier in after.items()
        for before in earlier
        if not any(before in reached[other] for other in earlier)
    ]


@style.styled
def draw_workflow(costs: Sequence[StepCost], conditions: Sequence[str]) -> Figure:
    """Boxes from left to right, an arrow from each step to those that take its results.

    Parameters
    ----------
    costs : sequence of StepCost
        Of the steps that have jobs; the report's own cost is not known before it is done.
    conditions : sequence of str
        Written under the figure.
    """
    known = {cost.key: cost for cost in costs}
    shown = {name: step for name, step in STEPS.items() if name in known or name == "report"}
    after = {name: [before for before in step.after if before in shown] for name, step in shown.items()}
    columns = layers(after)
    place = {
        name: (level, (len(column) - 1) / 2 - row)
        for level, column in enumerate(columns)
        for row, name in enumerate(column)
    }
    tallest = max(len(column) for column in columns)
    figure = Figure(figsize=(style.WIDTH, 0.72 * tallest + 0.4), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(-tallest / 2, tallest / 2)
    for before, name in arrows(after):
        (x, y), (start, level) = place[name], place[before]
        look = {"arrowstyle": "-|>", "color": style.MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x - WIDTH / 2, y), (start + WIDTH / 2, level), arrowprops=look, zorder=1)
    for name, (x, y) in place.items():
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        box = FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0,rounding_size=0.06", fc="white", ec="#0072B2", lw=0.9)
        box.set_zorder(2)
        axes.add_patch(box)
        axes.text(x, y + 0.09, STEPS[name].title, ha="center", va="center", fontweight="bold", fontsize=6, zorder=3)
        axes.text(
            x, y - 0.12, _told(known.get(name)), ha="center", va="center", fontsize=5.5, color=style.MUTED, zorder=3
        )
    style.note(figure, conditions)
    return figure


def _told(cost: StepCost | None) -> str:
    if cost is None:
        return "this report"
    jobs = wording.count(cost.n_jobs, "job")
    return f"{jobs}, {duration(cost.seconds)}" if cost.n_measured else jobs
