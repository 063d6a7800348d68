"""`leukorepro estimate`: what a run will take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import file_to_write, show, tell_not_run
from leukorepro.cli.run_options import RunOption

MOST_CORES = 100_000


def estimate(
    run_file: RunOption,
    cores: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_CORES, help="Cores that Snakemake is given; default: those of this machine."),
    ] = None,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Tell what a GPU could change at most; none was measured.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(callback=file_to_write, help="File to write the same into, as JSON.")
    ] = None,
) -> None:
    """Tell what a run will take before anything of it starts: jobs, time, memory, disk, downloads.

    This machine is measured first, which takes a few seconds; that is kept in `results/benchmarks/machine.json`.

    Example: `leukorepro estimate --run simulated --cores 8`
    """
    from leukorepro.core.store import write_json
    from leukorepro.costs.estimate import downloads_gib
    from leukorepro.costs.estimate import estimate as estimate_run
    from leukorepro.costs.machine import this_machine
    from leukorepro.costs.model import read_model
    from leukorepro.costs.operations import Operations
    from leukorepro.costs.told import as_json, sentences, table
    from leukorepro.run.paths import Results
    from leukorepro.run.resolve import resolve

    resolved = resolve(run_file)
    tell_not_run(resolved)
    model, machine = read_model(), this_machine()
    told = estimate_run(resolved, cores or len(os.sched_getaffinity(0)), model, machine, Results(), count=True)
    download = downloads_gib(resolved, Operations(count=True))
    show(table(told))
    for sentence in sentences(told, download, model, machine, gpu=gpu):
        print(sentence)
    if out is not None:
        write_json(as_json(told, download, model, gpu=gpu), out)
