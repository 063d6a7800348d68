"""An estimate in words, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from leukorepro.core.phrases import listed
from leukorepro.costs.estimate import Estimate, estimate
from leukorepro.costs.jobs import jobs_of_run
from leukorepro.costs.machine import Machine, known_machine
from leukorepro.costs.measured import duration, memory
from leukorepro.costs.model import Model, read_model
from leukorepro.costs.operations import NotCounted
from leukorepro.costs.schedule import Planned
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun

if TYPE_CHECKING:
    from rich.table import Table

WORTH_MEASURING = 0.25
"""Hours that a run takes on the machine of the measurements, from which on a start measures this one, for seconds."""

MEASURED_THREADS = 2
"""Threads that jobs had at most where they were measured."""


def table(told: Estimate) -> Table:
    """A row for each rule."""
    from rich.table import Table

    shown = Table(title=f"What the run '{told.run}' will take", title_justify="left", header_style="bold")
    shown.add_column("rule")
    for column in ("jobs", "threads", "longest", "all", "memory", "disk"):
        shown.add_column(column, justify="right")
    shown.add_column("measured")
    for rule in told.rules:
        shown.add_row(
            rule.rule,
            f"{rule.jobs:,}",
            str(rule.threads),
            duration(3600 * rule.longest_hours),
            duration(3600 * rule.hours),
            memory(1024 * rule.peak_memory_gib),
            memory(1024 * rule.disk_gib),
            rule.measured,
        )
    return shown


def total(told: Estimate) -> str:
    """All of it in one line."""
    if told.places:
        room, each = f"with {told.places:,} of them at a time and no waiting in a queue", " for a job"
    else:
        room, each = "on 1 core" if told.cores == 1 else f"on {told.cores:,} cores", ""
    return (
        f"{told.jobs:,} jobs, about {duration(3600 * told.hours)} {room}, {memory(1024 * told.peak_memory_gib)} of "
        f"memory{each} at most, {memory(1024 * told.disk_gib)} of disk"
    )


def sentences(told: Estimate, download_gib: float, model: Model, machine: Machine, *, gpu: bool) -> Iterator[str]:
    """The total, what it assumes and what it rests on.

    Parameters
    ----------
    told : Estimate
        Of the whole run.
    download_gib : float
        Weights that have still to be downloaded.
    model : Model
        What the estimate was made by.
    machine : Machine
        What it was made for.
    gpu : bool
        Whether a GPU will compute networks, which no measured job had.
    """
    yield f"In all: {total(told)}, {memory(1024 * download_gib)} to download."
    if gpu:
        yield without_gpu(told)
    runs = listed([f"{name} ({count:,})" for name, count in model.runs.items()])
    yield (
        f"Fitted to {sum(model.runs.values()):,} measured jobs, of the runs {runs}; none had a GPU, or more than "
        f"{MEASURED_THREADS} threads."
    )
    threads = max((rule.threads for rule in told.rules), default=1)
    if threads > MEASURED_THREADS:
        yield f"Jobs of {threads} threads are taken to share their work evenly, which was not measured."
    yield (
        f"This machine beside that of the measurements: networks {machine.network / model.machine.network:.2g}, all "
        f"else {machine.core / model.machine.core:.2g} times as fast; a job starts in "
        f"{machine.start / model.machine.start:.2g} times the time."
    )
    beyond = [rule.rule for rule in told.rules if rule.measured.startswith("extrapolated")]
    if beyond:
        yield f"Extrapolated beyond what was measured: {listed(beyond)}."
    unknown = [rule.rule for rule in told.rules if rule.measured == "not measured"]
    if unknown:
        yield f"Partly or wholly without a measurement, and taken for the start of a job: {listed(unknown)}."
    yield "Other work of the machine, waiting in a cluster's queue and downloads add to the time."


def without_gpu(told: Estimate) -> str:
    """What can honestly be said of a run with a GPU."""
    return (
        f"No GPU was measured. With one the run takes at least {duration(3600 * told.hours_without_networks)}, which "
        "is all but the arithmetic of networks, and hardly more than on cores alone."
    )


def as_json(told: Estimate, download_gib: float, model: Model, *, gpu: bool) -> dict[str, Any]:
    """What a script reads.

    Parameters
    ----------
    told : Estimate
        Of the whole run.
    download_gib : float
        Weights that have still to be downloaded.
    model : Model
        What the estimate was made by.
    gpu : bool
        Whether a GPU will compute networks; `hours` are then those without networks' arithmetic, the least that it can
        take.
    """
    return {
        "run": told.run,
        "cores": told.cores,
        "gpu": gpu,
        "jobs": told.jobs,
        "hours": told.hours_without_networks if gpu else told.hours,
        "hours_are": "at least" if gpu else "about",
        "hours_without_gpu": told.hours,
        "peak_memory_gib": told.peak_memory_gib,
        "disk_gib": told.disk_gib,
        "download_gib": download_gib,
        "rules": [asdict(rule) for rule in told.rules],
        "fitted_to": model.runs,
    }


class Start(NamedTuple):
    """What a run that starts says of itself."""

    line: str
    """For people."""
    expected: dict[str, Planned]
    """For the display of what is left: of each job, by its rule and name with a slash between, what is expected of it;
    empty where that is not known."""
    worth_measuring: bool
    """Whether this machine is not known and the run a long one: machines differ by several times, most of all in
    bfloat16."""


def at_start(run: ResolvedRun, cores: int, places: int | None = None, machine: Machine | None = None) -> Start:
    """What the start of a run says, which must not wait for a calibration or for torch.

    Parameters
    ----------
    run : ResolvedRun
        About to be started.
    cores : int
        That Snakemake is given; on a cluster those that one job gets at most.
    places : int or None
        Jobs that it hands to a cluster at a time, where it does.
    machine : Machine or None
        That the jobs run on, measured by now; by default as it was measured before, if it was.
    """
    model, machine = read_model(), machine or known_machine()
    try:
        told = estimate(run, cores, model, machine or model.machine, Results(), count=False, places=places)
    except NotCounted:
        line = (
            f"The whole run: {len(jobs_of_run(run)):,} jobs; `leukorepro estimate --run {run.name}` tells their time."
        )
        return Start(line, {}, worth_measuring=False)
    on = "" if machine else ", if this machine is as fast as the one that jobs were measured on"
    name: dict[Hashable, str] = {job: f"{job.rule}/{job.name}" for job in told.planned}
    expected = {
        name[job]: one._replace(after=[name[other] for other in one.after]) for job, one in told.planned.items()
    }
    line = f"The whole run: {total(told)}{on} (`leukorepro estimate` says more)."
    return Start(line, expected, worth_measuring=machine is None and told.hours > WORTH_MEASURING)
