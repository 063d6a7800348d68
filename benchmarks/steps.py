"""How the steps of a run grow with its images: processor seconds and memory of the same jobs at several sizes.

The jobs are those that `benchmarks/jobs.py` has put into `benchmarks/results/jobs.csv`, from Snakemake's own
measurements; runs of the same study that differ in the number of simulated images alone, with which their names begin,
are put beside one another. The exponent is the slope of the logarithms of seconds and images, without what a job takes
to start.

    python benchmarks/steps.py                                           # of a row of Hasanaath's Table 3
    python benchmarks/steps.py "1000 images mobile" "12528 images mobile"
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

import numpy as np
from growth import JOBS, write_table

from leukorepro.core.store import write_json
from leukorepro.costs.model import STARTS_LIKE, read_model

TABLE = Path("results/benchmarks/growth_of_steps.csv")
RUNS = ("1000 images mobile", "3000 images mobile", "12528 images mobile")
NAMES = ("rule", "job", "images", "seconds", "cpu_seconds", "memory_mib", "exponent")
LEAST = 0.5
"""Seconds of the processor beyond its start that a job must have had at every size for an exponent to mean anything."""


def exponent(rows: list[dict[str, str]], images: list[float]) -> str:
    """Of one job at several sizes; nothing where one of them is over as soon as it has begun."""
    model = read_model()
    starts = [model.starts.get(STARTS_LIKE.get(row["rule"], row["rule"]), 0.0) * float(row["start"]) for row in rows]
    beyond = [float(row["cpu_seconds"]) - start for row, start in zip(rows, starts, strict=True)]
    if len(rows) < 2 or min(beyond) < LEAST or any(map(math.isnan, beyond)):
        return ""
    return f"{np.polyfit(np.log(images), np.log(beyond), 1)[0]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs",
        nargs="*",
        default=RUNS,
        help="names of runs in jobs.csv, each of which begins with its number of images",
    )
    told = parser.parse_args()
    every = list(csv.DictReader(JOBS.read_text(encoding="utf-8").splitlines()))
    runs = [[row for row in every if row["run"] == name] for name in told.runs]
    sizes = [float(name.split()[0]) for name in told.runs]
    lines = []
    for rule, job in dict.fromkeys((row["rule"], row["job"]) for rows in runs for row in rows):
        found = [
            (row, size)
            for rows, size in zip(runs, sizes, strict=True)
            for row in rows
            if (row["rule"], row["job"]) == (rule, job)
        ]
        slope = exponent([row for row, _ in found], [size for _, size in found])
        for row, size in found:
            kept = {name: row[name] for name in ("rule", "job", "seconds", "cpu_seconds", "memory_mib")}
            lines.append(kept | {"images": f"{size:.0f}", "exponent": slope})
        print(f"{rule:>18} {job[:60]:60} {slope:>5}", *(f"{float(row['cpu_seconds']):.1f} s" for row, _ in found))
    write_table(lines, NAMES, TABLE)
    write_json(lines, TABLE.with_suffix(".json"))


if __name__ == "__main__":
    main()
