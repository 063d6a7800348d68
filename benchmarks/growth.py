"""What one fit of every kind of classifier takes as rows become more: processor seconds, memory, and the exponent.

The classifiers of Hasanaath (2024) and the kinds that it has not, each fitted once on nine rows of ten and asked about
the tenth, as `leukorepro models classify` does it, in a process of its own. Rows are simulated features, as wide as
those of its three networks together; the most are as many as images of C-NMC 2019. What was measured is kept, so that
the same command goes on with the rest; beside it stands what the package's model says (`leukorepro estimate`).

    python benchmarks/growth.py                                    # all kinds, 1,000 and 3,000 rows
    python benchmarks/growth.py --rows 1000 3000 12528             # ten minutes more
    python benchmarks/growth.py --rows 300 900 --columns 64        # a look
    python benchmarks/growth.py --add                              # and put them among the measured jobs (`jobs.py`)
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from classifiers import PROTOCOL, simulated, splits_of

from leukorepro.config.study.classifiers import ClassifierBase
from leukorepro.config.study.items import Item
from leukorepro.config.study.study import load_study
from leukorepro.core.store import write_text
from leukorepro.costs.machine import Machine, this_machine
from leukorepro.costs.model import COLUMNS as COLUMNS_OF_JOBS
from leukorepro.costs.model import read_model
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.classify import classify
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kinds.linear_discriminant import LinearDiscriminantSpec
from leukorepro.systems.classifiers.kinds.logistic_regression import LogisticRegressionSpec
from leukorepro.systems.classifiers.kinds.naive_bayes import NaiveBayesSpec
from leukorepro.systems.classifiers.kinds.sgd import SgdSpec
from leukorepro.systems.classifiers.tasks import Task

JOBS = Path(__file__).parent / "results" / "jobs.csv"
TABLE = Path("results/benchmarks/growth.csv")
STUDY = Path(__file__).parents[1] / "config/studies/hasanaath2024.yaml"
ITS_OWN = ("KNN", "LinearSVC", "RF", "SVM", "RBF", "MLP", "DT")
OTHERS: dict[str, ClassifierBase] = {
    "naive_bayes": NaiveBayesSpec(kind="naive_bayes"),
    "sgd": SgdSpec(kind="sgd"),
    "logistic_regression": LogisticRegressionSpec(kind="logistic_regression"),
    "linear_discriminant": LinearDiscriminantSpec(kind="linear_discriminant"),
}
ROWS = (1_000, 3_000)
COLUMNS = 3_072
NAMES = (
    *("classifier", "kind", "rows", "columns", "start_seconds", "cpu_seconds", "peak_mib", "right"),
    *("estimated_seconds", "load", *(field.name for field in fields(Machine))),
)


def classifiers() -> dict[str, ClassifierBase]:
    """What is measured, by the names of the paper's study or of the kinds."""
    own = load_study(STUDY).classifiers
    return {**{name: own[name] for name in ITS_OWN}, **OTHERS}


def measure(name: str, n_rows: int, n_columns: int) -> dict[str, object]:
    """One fit, by what a job with nothing else to do takes of the processor: until it can begin, and from then on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    spec = classifiers()[name]
    task = Task("s", "d", PROTOCOL, "all", [("1", Item(item=name, features="f", classifier=name))])

    def once(rows: int, columns: int) -> tuple[float, float]:
        features, manifest = simulated(rows, columns, 0)
        splits = splits_of(manifest)
        began = time.process_time()
        rows_of = classify(task, features, splits, manifest, {name: spec}, {}, Settings()).predictions
        return time.process_time() - began, float((rows_of["y_true"] == rows_of["y_pred"]).mean())

    once(100, 8)  # imports what it needs
    start = time.process_time()
    seconds, right = once(n_rows, n_columns)
    amounts = work_of(spec, n_rows, n_columns)
    model = read_model()
    known, machine = all(amount in model.rates for amount in amounts), this_machine()
    said = sum(model.rates.get(amount, 0.0) * value for amount, value in amounts.items()) / machine.core
    return {
        "classifier": name,
        "kind": spec.kind,
        "rows": n_rows,
        "columns": n_columns,
        "start_seconds": round(start, 2),
        "cpu_seconds": round(seconds, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "right": round(right, 3),
        "estimated_seconds": round(said, 2) if known else "",
        "load": round(os.getloadavg()[0], 1),
        **{rate: float(f"{value:.4g}") for rate, value in asdict(machine).items()},
    }


def work_of(spec: ClassifierBase, n_rows: int, n_columns: int) -> dict[str, float]:
    """What one fit has to do, in the amounts of `leukorepro.costs.work`."""
    assert isinstance(spec, Classifier)
    train = round(0.9 * n_rows)
    effort = spec.effort(train, n_rows - train, n_columns, "published")
    amounts = {f"million steps ({spec.steps})": effort, "fits": 1.0, "thousand answers": (n_rows - train) / 1e3}
    if spec.kind == "svm":
        amounts["gigaflop (products of rows)"] = 2 * n_rows**2 * n_columns / 1e9
    return amounts


def add_to_jobs(rows: list[dict[str, str]]) -> None:
    """Put what was measured among the jobs that estimates rest on, in the place of what is there of it."""
    specs = classifiers()
    kept = [row for row in csv.DictReader(JOBS.read_text().splitlines()) if row["run"] != "growth"]
    for row in rows:
        spec, n_rows, n_columns = specs[row["classifier"]], int(row["rows"]), int(row["columns"])
        assert isinstance(spec, Classifier)
        seconds = float(row["start_seconds"]) + float(row["cpu_seconds"])
        # All rows lie in memory here, also those that a job would read batch by batch.
        held = max(spec.holds(n_rows, n_columns), spec.holds(0, n_columns) + 4 * n_rows * n_columns)
        kept.append(
            dict.fromkeys(COLUMNS_OF_JOBS, "0")
            | {"run": "growth", "rule": "classify", "job": f"{row['classifier']}/{n_rows}x{n_columns}", "threads": "1"}
            | {"clock": "processor", "seconds": f"{seconds:.2f}", "cpu_seconds": f"{seconds:.2f}"}
            | {"memory_mib": row["peak_mib"], "held_mib": f"{held / 2**20:.4g}"}
            | {rate.name: row[rate.name] for rate in fields(Machine)}
            | {"amounts": json.dumps({k: float(f"{v:.4g}") for k, v in work_of(spec, n_rows, n_columns).items()})}
        )
    write_table(kept, COLUMNS_OF_JOBS, JOBS)


def write_table(rows: list[dict[str, str]], columns: Sequence[str], file: Path) -> None:
    """Write rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(text.getvalue(), file)


def exponents(rows: list[dict[str, str]]) -> dict[str, float]:
    """Of every classifier that was measured at several sizes, the slope of log seconds over log rows.

    Seconds are times the rate of their machine: a table may hold several.
    """
    told = {}
    for name in dict.fromkeys(row["classifier"] for row in rows):
        own = [row for row in rows if row["classifier"] == name and float(row["cpu_seconds"]) > 0]
        sizes = [float(row["rows"]) for row in own]
        work = [float(row["cpu_seconds"]) * float(row["core"]) for row in own]
        if len(set(sizes)) > 1:
            told[name] = round(float(np.polyfit(np.log(sizes), np.log(work), 1)[0]), 2)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--only", nargs="+", default=list(classifiers()), help="names of classifiers")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--add", action="store_true", help="put what was measured among the measured jobs")
    told = parser.parse_args()
    rows = list(csv.DictReader(told.out.read_text().splitlines())) if told.out.is_file() else []
    done = {(row["classifier"], int(row["rows"]), int(row["columns"])) for row in rows}
    for n_rows in told.rows:
        for name in told.only:
            if (name, n_rows, told.columns) in done:
                continue
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                measured = pool.submit(measure, name, n_rows, told.columns).result()
            rows.append({key: str(value) for key, value in measured.items()})
            write_table(rows, NAMES, told.out)
            print(json.dumps(measured), flush=True)
    if told.add:
        add_to_jobs(rows)
    print(json.dumps(exponents([row for row in rows if int(row["columns"]) == told.columns])))


if __name__ == "__main__":
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    main()
