"""What a study cost: time and memory of every step of the workflow, as far as they were measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from leukorepro.costs.jobs import STEPS, Job
from leukorepro.costs.measured import Cost, StepCost, by_step, duration, memory
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.sections.costs.figure import draw_costs


@dataclass(frozen=True)
class CostRow:
    """The jobs of one step."""

    title: str
    does: str
    jobs: str
    seconds: float
    time: str
    cpu_time: str
    memory: float
    most_memory: str


@dataclass(frozen=True)
class CostsPage:
    """Everything that the template lays out of costs."""

    rows: list[CostRow]
    """Steps with a measurement."""
    total: str
    """Time of all measured jobs, one after another; empty where there is none."""
    not_measured: list[str]
    """Steps with jobs that have no measurement, a few words each."""
    picture: Picture | None
    """None where nothing was measured."""
    csv: str
    """Every job; empty where nothing was measured."""


def costs_page(costs: dict[Job, Cost | None], conditions: Sequence[str], output: Output, *place: str) -> CostsPage:
    """Put the costs of some jobs together, draw them and write them as a table.

    Parameters
    ----------
    costs : dict
        Each job, and what it was measured at.
    conditions : sequence of str
        Written under the figure.
    output : Output
        The report's folder.
    *place : str
        Folder below `figures` and `data`, such as the study's key.
    """
    steps = by_step(costs)
    measured = [step for step in steps if step.n_measured]
    total = math.fsum(step.seconds for step in measured)
    csv = output.table(_table(costs), "data", *place, "costs.csv") if measured else ""
    return CostsPage(
        rows=[_row(step) for step in measured],
        total=duration(total) if measured else "",
        not_measured=[_not_measured(step) for step in steps if step.n_measured < step.n_jobs],
        picture=_picture(measured, total, conditions, output, place, csv) if measured else None,
        csv=csv,
    )


def _row(step: StepCost) -> CostRow:
    return CostRow(
        step.title,
        STEPS[step.key].does,
        str(step.n_jobs) if step.n_measured == step.n_jobs else f"{step.n_measured} of {step.n_jobs}",
        step.seconds,
        duration(step.seconds),
        duration(step.cpu_seconds),
        step.memory,
        memory(step.memory),
    )


def _not_measured(step: StepCost) -> str:
    missing = step.n_jobs - step.n_measured
    return f"{step.title.lower()} ({wording.count(missing, 'job')})"


def _table(costs: dict[Job, Cost | None]) -> pd.DataFrame:
    """A row for every job, those without a measurement too."""
    rows = []
    for job, cost in costs.items():
        seconds, cpu, most = (math.nan,) * 3 if cost is None else (cost.seconds, cost.cpu_seconds, cost.memory)
        row = {"step": job.step, "rule": job.rule, "job": job.name}
        rows.append({**row, "seconds": seconds, "cpu_seconds": cpu, "max_rss_mib": most})
    return pd.DataFrame(rows)


def _picture(
    steps: Sequence[StepCost], total: float, conditions: Sequence[str], output: Output, place: Sequence[str], csv: str
) -> Picture:
    told = ", ".join(f"{step.title.lower()} {duration(step.seconds)}" for step in steps)
    return Picture(
        output.figure(partial(draw_costs, steps, conditions), "figures", *place, "costs.svg"),
        f"Time of the workflow's steps: {told}; {duration(total)} in all.",
        "Time of each step of the workflow when its jobs last ran.",
        csv,
    )
