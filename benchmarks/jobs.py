"""What jobs of finished runs were measured at, and what they had to do: what `leukorepro estimate` rests on.

Snakemake measures every job of a run (`results/benchmarks`); what it had to do follows from the run's configuration and
its manifests. Both become rows of `benchmarks/results/jobs.csv`. Constants that are fitted to all of them go to the
package (`src/leukorepro/costs/model.json`), and so do the operations of the networks of all configurations.

    python benchmarks/jobs.py                                       # how far every run is from the others
    python benchmarks/jobs.py --from ~/project --run demo           # add a finished run, measured on a quiet machine
    python benchmarks/jobs.py --from ~/project --run large --busy   # of which the machine did other work at the time
    python benchmarks/jobs.py --from ~/project --run large --busy --beside large.csv

The last one writes a table of that run alone, with what the package's model said of it before it was fitted to it.

Of a busy machine the processor's time counts, and none of jobs that had less than five seconds of it: Snakemake looks
at a job from time to time, and misses the end of short ones. Their memory and files count all the same.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from leukorepro.config.files import CONFIG
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_json, write_text
from leukorepro.core.words import Budget
from leukorepro.costs import operations
from leukorepro.costs.jobs import Job, jobs_of_run, threads_of
from leukorepro.costs.machine import Machine, this_machine
from leukorepro.costs.measured import Cost, read_costs
from leukorepro.costs.model import COLUMNS, Measured, fit_model, read_measured, read_model, write_model
from leukorepro.costs.operations import Operations
from leukorepro.costs.sizes import Sizes
from leukorepro.costs.work import Work, Works
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve_possible
from leukorepro.run.resolved import ResolvedRun, load_resolved

TABLE = Path(__file__).parent / "results" / "jobs.csv"
SHORTEST = 5.0
"""Seconds of the processor that a job of a busy machine must have had."""


def rows_of(
    run: ResolvedRun, results: Results, machine: Machine, cores: int, *, name: str, busy: bool
) -> Iterator[dict[str, object]]:
    """Every measured job of a finished run."""
    works = Works(run, Sizes(run, results, Operations(count=True)))
    jobs = [job for job in jobs_of_run(run) if job.rule != "all"]
    for job, cost in read_costs(jobs, results).items():
        if cost is None:
            continue
        work = works.of(job)
        yield {
            "run": name,
            "rule": job.rule,
            "job": job.name,
            "threads": min(threads_of(run, job), cores),
            "clock": clock(cost, busy=busy),
            "seconds": cost.seconds,
            "cpu_seconds": cost.cpu_seconds,
            "memory_mib": cost.memory,
            "written_mib": round(written(run, job, results), 3),
            **{name: f"{value:.4g}" for name, value in asdict(machine).items()},
            "held_mib": f"{work.held:.4g}",
            "values_mib": f"{work.written:.4g}",
            "amounts": json.dumps({key: float(f"{value:.4g}") for key, value in work.amounts.items() if value}),
        }


def clock(cost: Cost, *, busy: bool) -> str:
    """What of a measurement says how long the job takes."""
    if busy:
        return "processor" if cost.cpu_seconds >= SHORTEST else "unknown"
    return "wall" if cost.seconds > 0 else "unknown"


def written(run: ResolvedRun, job: Job, results: Results) -> float:
    """MiB of what a job leaves on the disk."""
    first, *rest = job.name.split("/")
    root, own = results.root, "/".join(rest)
    if job.rule == "simulate_images":
        places = [root.parent / "data/simulated" / first]
    elif job.rule in ("scan_images", "find_duplicates"):
        places = [results.dataset(first)]
    elif job.rule in ("extract_features", "describe_images", "join_features", "fuse_features"):
        places = [root / "features" / f"{job.name}.h5", root / "features" / first / "fused" / f"{own}.h5"]
    elif job.rule == "build_report":
        places = [root / run.name / "report", root / run.name / "drawn"]
    elif job.rule == "classify":
        places = [root / run.name / rest[0] / "parts" / f"{rest[1]}.parquet"]
    elif job.rule in ("fit", "fit_reducer", "encode_images", "train_network"):
        folder = root / run.name / rest[0] / rest[1]
        places = (
            [folder / "reducers", folder / "networks"]
            if job.rule == "fit"
            else [folder / "networks" / "/".join(rest[2:])]
        )
        if job.rule in ("fit_reducer", "encode_images"):
            places = [folder / "reducers" / f"{'/'.join(rest[2:])}.h5"]
    elif job.rule == "evaluate":
        study = root / run.name / rest[0]
        places = [path for name in ("predictions", "fitting") for path in study.glob(f"*/{name}.parquet")]
    elif job.rule == "explain":
        places = [root / run.name / rest[0] / "explanations"]
    elif job.rule == "make_splits":
        places = list((root / run.name / rest[0]).glob("*/splits"))
    else:
        places = []
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files) / 2**20


def beside(rows: list[dict[str, object]], machine: Machine, file: Path) -> None:
    """Write jobs with what the package's model says of them: to be called before it is fitted to them."""
    model, lines = read_model(), []
    for row in rows:
        work = Work(json.loads(str(row["amounts"])), float(str(row["held_mib"])), float(str(row["values_mib"])))
        said = model.cost(str(row["rule"]), int(str(row["threads"])), work, machine)
        names = ("run", "rule", "job", "threads", "clock", "seconds", "cpu_seconds", "memory_mib")
        kept = {name: row[name] for name in names}
        share = float(str(row["cpu_seconds"])) / float(str(row["seconds"])) if row["seconds"] else math.nan
        told = {
            "share_of_core": f"{share:.2f}",  # far below 1 where the machine did other work
            "estimated_seconds": f"{said.seconds:.1f}",
            "estimated_mib": f"{said.memory:.0f}",
            "times_the_largest_measured": "" if math.isinf(said.beyond) else f"{said.beyond:.3g}",
            "on": f"{os.cpu_count()} cores of {machine.network:.0f} gigaflops",
        }
        lines.append(kept | told)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_text(text.getvalue(), file)


def add(folder: Path, names: list[str], label: str, cores: int, *, busy: bool, told_beside: Path | None) -> None:
    """Put the jobs of finished runs into the table, in the place of those that it has of them."""
    machine = this_machine()
    rows = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())) if TABLE.is_file() else []
    here = Path.cwd()
    added: list[dict[str, object]] = []
    for name in names:
        os.chdir(folder)
        try:
            run = load_resolved(Path(f"results/{name}/config.json"))
            told = f"{label}{name}"
            new = list(rows_of(run, Results(), machine, cores, name=told, busy=busy))
        finally:
            os.chdir(here)
        if not new:
            raise UserError(f"{folder}: no measured job of the run '{name}' below results/benchmarks.")
        rows = [row for row in rows if row["run"] != told] + new
        added += new
        print(f"{told}: {len(new)} jobs")
    if told_beside is not None:
        beside(added, machine, told_beside)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(text.getvalue(), TABLE)


def count_networks() -> None:
    """Write what the networks of all configurations take, at both budgets."""
    counted = Operations(count=True)
    counted.known.clear()
    for file in (CONFIG / "config.yaml", *sorted((CONFIG / "runs").glob("*.yaml"))):
        budgets: tuple[Budget, ...] = ("demo", "published")
        for budget in budgets:
            run = resolve_possible(file, {"budget": budget})
            works = Works(run, Sizes(run, Results(), counted))
            for job in jobs_of_run(run):
                works.of(job)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("network", *operations.Network._fields))
    for name, network in sorted(counted.known.items()):
        writer.writerow((name, *(f"{value:.6g}" for value in network[:-1]), network.columns))
    write_text(text.getvalue(), operations.TABLE)
    print(f"{len(counted.known)} networks counted")


def told_of(measured: list[Measured]) -> dict[str, object]:
    """Of every run, the sum of its jobs' times as measured, and as a model of other runs, of other jobs, says."""
    told: dict[str, object] = {}
    jobs_of: dict[str, set[tuple[str, str]]] = {}
    for job in measured:
        jobs_of.setdefault(job.run, set()).add((job.rule, job.job))
    for run in jobs_of:
        own = [job for job in measured if job.run == run and not math.isnan(job.seconds)]
        others = [job for job in measured if jobs_of[job.run] != jobs_of[run]]
        for which, fitted in (("others", others), ("all", measured)) if own else ():
            if not fitted:
                continue
            model = fit_model(fitted)
            said = [model.cost(j.rule, j.threads, j.work, j.machine) for j in own]
            seconds, memory = [c.seconds for c in said], max(c.memory for c in said)
            most = max((j.memory for j in own if not math.isnan(j.memory)), default=math.nan)
            ratio = sum(seconds) / sum(j.seconds for j in own)
            told[f"{run}, fitted to {which}"] = {
                "jobs": len(own),
                "measured_seconds": round(sum(j.seconds for j in own), 1),
                "estimated_seconds": round(sum(seconds), 1),
                "ratio": round(ratio, 3),
                "memory_ratio": round(memory / most, 3),
            }
            print(
                f"{run:>24}, fitted to {which:>6}: {sum(j.seconds for j in own):8.1f} s measured, "
                f"{sum(seconds):8.1f} s estimated, ratio {ratio:.2f}; memory {memory / most:.2f}"
            )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, help="project whose finished runs are added")
    parser.add_argument("--run", action="append", default=[], help="name of a finished run; repeat for more")
    parser.add_argument("--label", default="", help="written in front of the runs' names")
    parser.add_argument("--cores", type=int, default=2, help="that Snakemake was given")
    parser.add_argument("--beside", type=Path, help="table of the added runs beside what was estimated before")
    parser.add_argument("--busy", action="store_true", help="the machine did other work as well")
    parser.add_argument(
        "--count", action="store_true", help="count the operations of all configurations' networks anew"
    )
    parser.add_argument("--fit", action="store_true", help="fit anew, and keep the constants in the package")
    told = parser.parse_args()
    if told.count:
        count_networks()
    if told.folder:
        add(told.folder, told.run, told.label, told.cores, busy=told.busy, told_beside=told.beside)
    measured = read_measured(TABLE)
    if told.folder or told.fit:
        write_model(fit_model(measured))
    write_json(told_of(measured), Path("results/benchmarks/jobs.json"))


if __name__ == "__main__":
    main()
