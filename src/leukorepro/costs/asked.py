"""What a job asks a cluster for: memory and minutes, by the model of `leukorepro estimate`; more with each attempt.

A cluster ends a job that takes more than it asked for, so that what is asked for is what the model expects times a
margin, and never less than a floor. A job that was ended all the same, or failed, is submitted again by its profile
(`retries`) and then asks for twice, at the third attempt for three times as much.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from leukorepro.costs.estimate import ENGINE_MIB
from leukorepro.costs.jobs import STEP_OF, Job
from leukorepro.costs.machine import known_machine
from leukorepro.costs.model import Cost, Model, read_model
from leukorepro.costs.operations import NotCounted, Operations
from leukorepro.costs.sizes import Sizes
from leukorepro.costs.work import Works
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun

MEMORY_MARGIN = 1.5
"""Estimates lie within this factor of what jobs were measured at."""
TIME_MARGIN = 3.0
"""Beside that, a node may be slower than the machine that jobs were measured on, and busy with others' jobs."""
ENGINES_MIB = 2 * ENGINE_MIB
"""On a cluster Snakemake itself starts twice in every job."""
LEAST_MB, LEAST_MINUTES = 1024, 20
UNMEASURED_MB, UNMEASURED_MINUTES = 4096, 720
"""Of jobs whose rule, or a part of whose work, was never measured; more where what is known of it comes to more."""
STEP_MB = 1024
"""Some schedulers of clouds take nothing between."""
MOST_MINUTES = 7 * 24 * 60
"""Partitions seldom allow more, and refuse what asks for it; a training that was ended goes on at its last epoch."""


class Asked(NamedTuple):
    """What a job asks a cluster for."""

    mem_mb: int
    """Memory, in whole multiples of 1024 units of a million bytes, as Snakemake counts it."""
    minutes: int


class Requests:
    """What the jobs of a run ask a cluster for; looked up when the first of them is.

    Parameters
    ----------
    run : ResolvedRun
    results : Results
        Where manifests of datasets that were scanned before lie, and what jobs are measured into.
    """

    def __init__(self, run: ResolvedRun, results: Results) -> None:
        self._run = run
        self._results = results
        self._costs: dict[tuple[Job, int], Cost | None] = {}

    def of(self, measured_at: Path, threads: int, attempt: int) -> Asked:
        """What a job asks for.

        Parameters
        ----------
        measured_at : Path
            The file of its rule's `benchmark:`, which tells one job from another.
        threads : int
            That it is given.
        attempt : int
            How often it is tried, this time included.
        """
        job = self._job(measured_at)
        if (job, threads) not in self._costs:
            self._costs[job, threads] = self._cost(job, threads)
        return asked_for(self._costs[job, threads], attempt)

    def _job(self, measured_at: Path) -> Job:
        rule, *name = measured_at.relative_to(self._results.root / "benchmarks").with_suffix("").parts
        return Job(rule, "/".join(name))

    def _cost(self, job: Job, threads: int) -> Cost | None:
        """What a job is expected to take; None where nothing was measured that could tell."""
        if job.rule not in STEP_OF:
            return None
        try:
            work = self._works.of(job)
        except NotCounted:
            return None
        return self._model.cost(job.rule, threads, work, known_machine() or self._model.machine)

    @cached_property
    def _works(self) -> Works:
        return Works(self._run, Sizes(self._run, self._results, Operations(count=False)))

    @cached_property
    def _model(self) -> Model:
        return read_model()


def asked_for(cost: Cost | None, attempt: int) -> Asked:
    """What a job of this cost asks for.

    Parameters
    ----------
    cost : Cost or None
        What it is expected to take; None where that is not known.
    attempt : int
        How often it is tried, this time included.
    """
    memory, minutes = float(LEAST_MB), float(LEAST_MINUTES)
    if cost is None or math.isinf(cost.beyond):
        memory, minutes = float(UNMEASURED_MB), float(UNMEASURED_MINUTES)
    if cost is not None:
        memory = max(memory, (MEMORY_MARGIN * cost.memory + ENGINES_MIB) * 2**20 / 1e6)
        minutes = max(minutes, TIME_MARGIN * cost.seconds / 60)
    return Asked(math.ceil(attempt * memory / STEP_MB) * STEP_MB, min(MOST_MINUTES, math.ceil(attempt * minutes)))
