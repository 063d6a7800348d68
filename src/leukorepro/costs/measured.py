"""What a run's jobs cost: the time and memory that each was measured at.

Snakemake writes a table for every job that it runs, at the place that the job's rule names under `benchmark:`. These
tables are read here and are no inputs of the report: they hold other times whenever a job runs, whatever it makes, so
that a report that depended on them would never be up to date; and a job whose results came from elsewhere has none.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.phrases import MISSING
from leukorepro.costs.jobs import STEPS, Job
from leukorepro.run.paths import Results

UNKNOWN = ("NA", "-", "")
"""What Snakemake writes where a job was over before it was looked at."""


@dataclass(frozen=True)
class Cost:
    """What a job was measured at when it last ran; NaN where it was over before it could be."""

    seconds: float
    cpu_seconds: float
    memory: float
    """Largest resident memory, in MiB."""


def read_costs(jobs: Iterable[Job], results: Results) -> dict[Job, Cost | None]:
    """What each job was measured at; None where there is no measurement: its results were there already, or copied.

    Parameters
    ----------
    jobs : iterable of Job
        Each is looked up once, however often it comes.
    results : Results
        Where Snakemake's tables of measurements lie.

    Raises
    ------
    UserError
        If a table of Snakemake's is not what it should be.
    """
    return {job: _read(results.benchmark(job.rule, job.name)) for job in dict.fromkeys(jobs)}


def _read(path: Path) -> Cost | None:
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    try:
        (row,) = rows
        values = [math.nan if row[name] in UNKNOWN else float(row[name]) for name in ("s", "cpu_time", "max_rss")]
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path}: expected one row of numbers under s, cpu_time and max_rss, as Snakemake writes them; remove the "
            "file, or run its job again."
        ) from None
    return Cost(*values)


@dataclass(frozen=True)
class StepCost:
    """The jobs of a step, summed up."""

    key: str
    title: str
    n_jobs: int
    n_measured: int
    seconds: float
    """Of all measured jobs, one after another."""
    cpu_seconds: float
    memory: float
    """Of the job that needed most, in MiB; NaN where none is known."""


def by_step(costs: dict[Job, Cost | None]) -> list[StepCost]:
    """The steps that have jobs, in the order of the workflow."""
    rows = []
    for key, step in STEPS.items():
        measured = [cost for job, cost in costs.items() if job.step == key]
        if measured:
            known = [cost for cost in measured if cost is not None]
            rows.append(
                StepCost(
                    key,
                    step.title,
                    len(measured),
                    len(known),
                    _sum([cost.seconds for cost in known]),
                    _sum([cost.cpu_seconds for cost in known]),
                    max((cost.memory for cost in known if not math.isnan(cost.memory)), default=math.nan),
                )
            )
    return rows


def _sum(values: Sequence[float]) -> float:
    """Of what is known."""
    return math.fsum(value for value in values if not math.isnan(value))


def duration(seconds: float) -> str:
    """A time as a person says it: ``0.4 s``, ``3 min 5 s``, ``2 h 40 min``; a dash where it is not known."""
    if math.isnan(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def memory(mebibytes: float) -> str:
    """Memory as a person says it: ``310 MiB``, ``2.4 GiB``; a dash where it is not known."""
    if math.isnan(mebibytes):
        return MISSING
    return f"{mebibytes:.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.1f} GiB"
