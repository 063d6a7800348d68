"""What a run will take before anything of it starts: jobs, time, memory, disk and downloads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from leukorepro.costs.jobs import Job, jobs_of_run, threads_of
from leukorepro.costs.machine import Machine
from leukorepro.costs.model import Cost, Model
from leukorepro.costs.operations import Operations
from leukorepro.costs.schedule import Planned, schedule
from leukorepro.costs.sizes import Sizes
from leukorepro.costs.work import Works
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import weights_status
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.weights import weights_of_run

EXTRAPOLATED = 1.5
"""From so many times the largest measured amount on, an estimate is told to lie beyond what was measured."""

ENGINE_MIB = 300.0
"""What Snakemake itself takes."""


@dataclass(frozen=True)
class RuleEstimate:
    """The jobs of a rule."""

    rule: str
    jobs: int
    threads: int
    """That each is given."""
    hours: float
    """Of all of them, one after another."""
    longest_hours: float
    """Of the one that takes longest."""
    peak_memory_gib: float
    """Of the one that needs most."""
    disk_gib: float
    """That all of them write."""
    measured: str
    """`within` what was measured, `extrapolated` by how much, or `not measured`."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take."""

    run: str
    cores: int
    """Of the machine; on a cluster those that one job gets at most."""
    places: int | None
    """Jobs at a time on a cluster; None on one machine, whose cores they share."""
    jobs: int
    """As many as Snakemake counts, the goal itself among them."""
    hours: float
    """On the clock, with so many cores or places."""
    hours_without_networks: float
    """The same if networks' arithmetic took no time, which no GPU can undercut."""
    peak_memory_gib: float
    """Of all jobs that run at the same time; on a cluster of the largest."""
    disk_gib: float
    rules: list[RuleEstimate]
    planned: dict[Job, Planned]
    """Of each job what is expected of it."""


def estimate(
    run: ResolvedRun,
    cores: int,
    model: Model,
    machine: Machine,
    results: Results,
    *,
    count: bool,
    places: int | None = None,
) -> Estimate:
    """Estimate a run from its configuration.

    Parameters
    ----------
    run : ResolvedRun
    cores : int
        That Snakemake is given; on a cluster those that one job gets at most.
    model : Model
    machine : Machine
        That it will run on.
    results : Results
        Where manifests of datasets that were scanned before lie.
    count : bool
        Whether torch may be imported for networks whose operations are not known.
    places : int or None
        Jobs that Snakemake hands to a cluster at a time, where it does.

    Returns
    -------
    Estimate
        Jobs, hours, memory and disk of the whole run, and the same of each rule.

    Raises
    ------
    NotCounted
        If there are such networks, and it may not.
    UserError
        If a dataset's folder breaks the rules of its adapter.
    """
    works = Works(run, Sizes(run, results, Operations(count=count)))
    waits = jobs_of_run(run)
    threads = {job: min(threads_of(run, job), cores) for job in waits}
    costs = {job: _cost(job, threads[job], works, model, machine) for job in waits}
    places = places and min(places, len(waits))
    room = places or cores
    plan = {
        job: Planned(costs[job].seconds, 1 if places else threads[job], costs[job].memory, after)
        for job, after in waits.items()
    }
    without = {
        job: planned._replace(seconds=planned.seconds - costs[job].network_seconds) for job, planned in plan.items()
    }
    all_of_it = schedule(plan, room)
    memory = max(cost.memory for cost in costs.values()) if places else all_of_it.memory + ENGINE_MIB
    return Estimate(
        run=run.name,
        cores=cores,
        places=places,
        jobs=len(waits),
        hours=all_of_it.seconds / 3600,
        hours_without_networks=schedule(without, room).seconds / 3600,
        peak_memory_gib=memory / 1024,
        disk_gib=math.fsum(cost.written for cost in costs.values()) / 1024,
        rules=[
            _of_rule(rule, [job for job in waits if job.rule == rule], costs, threads)
            for rule in dict.fromkeys(job.rule for job in waits)
            if rule != "all"
        ],
        planned=plan,
    )


def _cost(job: Job, threads: int, works: Works, model: Model, machine: Machine) -> Cost:
    if job.rule == "all":
        return Cost(0.0, 0.0, 0.0, 0.0, 1.0)
    return model.cost(job.rule, threads, works.of(job), machine)


def _of_rule(rule: str, jobs: list[Job], costs: dict[Job, Cost], threads: dict[Job, int]) -> RuleEstimate:
    own = [costs[job] for job in jobs]
    beyond = max(cost.beyond for cost in own)
    return RuleEstimate(
        rule=rule,
        jobs=len(jobs),
        threads=max(threads[job] for job in jobs),
        hours=math.fsum(cost.seconds for cost in own) / 3600,
        longest_hours=max(cost.seconds for cost in own) / 3600,
        peak_memory_gib=max(cost.memory for cost in own) / 1024,
        disk_gib=math.fsum(cost.written for cost in own) / 1024,
        measured=_beyond(beyond),
    )


def _beyond(times: float) -> str:
    if math.isinf(times):
        return "not measured"
    return "within" if times <= EXTRAPOLATED else f"extrapolated, {times:,.3g} times"


def downloads_gib(run: ResolvedRun, operations: Operations) -> float:
    """Weights that have still to be downloaded, in GiB: four bytes for each parameter of their networks.

    No datasets: a study whose dataset is absent is no part of the run, which says how to get it.

    Parameters
    ----------
    run : ResolvedRun
        What its studies need is looked up on this machine.
    operations : Operations
        Knows the parameters of networks.
    """
    return math.fsum(_missing(run, operations)) * 4e6 / 2**30


def _missing(run: ResolvedRun, operations: Operations) -> Iterable[float]:
    """Millions of parameters of every network whose weights are nowhere on this machine."""
    extractors = {part.backbone: part for study in run.studies for part in study.extractors.values()}
    for backbone in weights_of_run(run).values():
        if weights_status(find_backbone(backbone)).state == "missing":
            yield operations.of_extractor(extractors[backbone]).mparameters
