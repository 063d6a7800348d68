"""What an amount of work takes: fitted to measured jobs (`benchmarks/results/jobs.csv`) and kept in `model.json`.

A job takes the start of its rule and, for each amount, a constant:

    seconds = start * (a + sum over amounts that grow: b * amount / rate / threads)

Rates are the machine's (`leukorepro.costs.machine`), so that the constants carry over to another one. Memory and what
is written are fitted alike: a constant of the rule, and a factor on the arrays that it holds or the values it writes.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leukorepro.core.errors import UserError
from leukorepro.costs.machine import Machine
from leukorepro.costs.work import HALF, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = Path(__file__).with_name("model.json")

ARITHMETIC = tuple(f"gigaflop ({what}{of})" for what in ("trained", "extracted") for of in ("", HALF))
FASTEST = 0.5
"""Least constant of operations: a network is hardly more than twice as fast as the convolution of the calibration. It
keeps small networks, whose time goes elsewhere, from saying that arithmetic takes none."""

RIDGE = 0.01
"""How much a constant is held back, in the share of the job of which it explains most: amounts that grow together then
share what they explain, and one that few jobs have does not take all that these jobs have beside it."""

MOST_COPIES = 4.0
"""How often what a job holds is in memory at most: a steeper line, through jobs that hold little, is chance."""

OF_NETWORKS = ("(extracted", "(trained", "(explained")
"""What the names of amounts have that a network's arithmetic takes; a GPU does them in its own time."""

STARTS_LIKE = {
    "controls": "classify",
    "fit_reducer": "fit",
    "train_network": "fit",
    "encode_images": "fit",
    "join_features": "fuse_features",
}
"""Rules whose jobs import the same, and begin in the same time with the same memory."""

COLUMNS = (
    *("run", "rule", "job", "threads", "clock", "seconds", "cpu_seconds", "memory_mib", "written_mib"),
    *(field.name for field in fields(Machine)),
    *("held_mib", "values_mib", "amounts"),
)
"""Of the table of measurements. Machines that did nothing with bfloat16 have the rate without as that with it."""


class Measured(NamedTuple):
    """A job that has run."""

    run: str
    rule: str
    job: str
    threads: int
    """That it had."""
    seconds: float
    """On the clock or, where the machine was busy with other work, of the processor, over the threads; NaN where none
    says how long it takes."""
    memory: float
    """MiB at most; NaN where it was over before it could be looked at."""
    written: float
    """MiB of its files."""
    machine: Machine
    work: Work


class Cost(NamedTuple):
    """What a job is expected to take."""

    seconds: float
    memory: float
    """MiB."""
    written: float
    """MiB."""
    network_seconds: float
    """Of the seconds those of networks' arithmetic."""
    beyond: float
    """How many times the largest measured amount its largest one is; infinite where such work was never measured."""


@dataclass(frozen=True)
class Model:
    """Constants of rules and amounts."""

    starts: dict[str, float]
    """Of rules, in starts of the machine."""
    rates: dict[str, float]
    """Of amounts: seconds of one on a machine of rate 1."""
    largest: dict[str, float]
    """Amounts that were measured at most in one job."""
    memory: dict[str, tuple[float, float]]
    """Of rules: MiB, and MiB for each that is held."""
    written: dict[str, tuple[float, float]]
    """Of rules: MiB, and MiB for each of values."""
    machine: Machine
    """That most jobs were measured on."""
    runs: dict[str, int]
    """Runs that it was fitted to, with their measured jobs."""

    def cost(self, rule: str, threads: int, work: Work, machine: Machine) -> Cost:
        """What a job is expected to take on a machine.

        Parameters
        ----------
        rule : str
            Of the job.
        threads : int
            That it is given; rates are taken to be shared among them.
        work : Work
            What it has to do.
        machine : Machine
            The one that it will run on.
        """
        of_network = seconds = 0.0
        alike = STARTS_LIKE.get(rule, rule)
        beyond = 1.0 if alike in self.starts else float("inf")
        for name, amount in work.amounts.items():
            if name not in self.rates:
                beyond = float("inf") if amount else beyond
                continue
            taken = self.rates[name] * amount / _rate(name, machine) / threads
            seconds += taken
            of_network += taken if _is_of_network(name) else 0.0
            beyond = max(beyond, amount / self.largest[name])
        seconds += self.starts.get(alike, 1.0) * machine.start
        base, factor = self.memory.get(rule, self.memory.get(alike, (0.0, 1.0)))
        left, share = self.written.get(rule, self.written.get(alike, (0.0, 1.0)))
        return Cost(seconds, base + factor * work.held, left + share * work.written, of_network, beyond)


def _is_of_network(name: str) -> bool:
    return any(words in name for words in OF_NETWORKS)


def _rate(name: str, machine: Machine) -> float:
    if not _is_of_network(name):
        return machine.core
    return machine.half if name.endswith(f"{HALF})") else machine.network


def read_model(file: Path = FILE) -> Model:
    """The model that the package holds."""
    content = json.loads(file.read_text(encoding="utf-8"))
    pairs = {name: {rule: tuple(pair) for rule, pair in content[name].items()} for name in ("memory", "written")}
    return Model(**{**content, **pairs, "machine": Machine(**content["machine"])})


def fit_model(measured: Sequence[Measured], ridge: float = RIDGE) -> Model:
    """Constants that no job is far from: relative errors count, and no constant is negative.

    Parameters
    ----------
    measured : sequence of Measured
        Jobs with their work, and what they took.
    ridge : float
        How much constants of the time are held back.

    Raises
    ------
    UserError
        If nothing was measured.
    """
    if not measured:
        raise UserError("jobs.csv: holds no measured job; run `python benchmarks/jobs.py --from FOLDER`.")
    rules = sorted({job.rule for job in measured})
    timed = [job for job in measured if not math.isnan(job.seconds)]
    starting = sorted({STARTS_LIKE.get(job.rule, job.rule) for job in timed})
    names = sorted({name for job in timed for name, amount in job.work.amounts.items() if amount})
    rows = [
        [job.machine.start * (STARTS_LIKE.get(job.rule, job.rule) == rule) for rule in starting]
        + [job.work.amounts.get(name, 0.0) / _rate(name, job.machine) / job.threads for name in names]
        for job in timed
    ]
    lowest = [0.0] * len(starting) + [FASTEST if name in ARITHMETIC else 0.0 for name in names]
    found = _least(rows, [job.seconds for job in timed], lowest, ridge)
    machines = Counter(job.machine for job in measured)
    return Model(
        starts=dict(zip(starting, found[: len(starting)], strict=True)),
        rates=dict(zip(names, found[len(starting) :], strict=True)),
        largest={name: max(job.work.amounts.get(name, 0.0) for job in timed) for name in names},
        memory={rule: _line([(j.work.held, j.memory) for j in measured if j.rule == rule]) for rule in rules},
        written={rule: _line([(j.work.written, j.written) for j in measured if j.rule == rule]) for rule in rules},
        machine=machines.most_common(1)[0][0],
        runs=dict(Counter(job.run for job in measured)),
    )


def _least(
    rows: Sequence[Sequence[float]], wanted: Sequence[float], lowest: Sequence[float] | None = None, ridge: float = 0.0
) -> list[float]:
    """Least squares of relative errors, with constants that are not below the lowest ones, 0 by default."""
    import numpy as np
    from scipy.optimize import nnls

    design: NDArray[np.float64] = np.asarray(rows) / np.asarray(wanted)[:, None]
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    least = np.zeros(design.shape[1]) if lowest is None else np.asarray(lowest)
    held = np.sqrt(ridge) * np.eye(design.shape[1])
    missing = np.ones(len(wanted)) - design @ least
    found, _ = nnls(np.vstack([design / scale, held]), np.concatenate([missing, np.zeros(len(held))]))
    return [float(value) for value in found / scale + least]


def _line(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """A constant and a slope, neither negative."""
    known = [(x, y) for x, y in points if y == y and y > 0]
    if not known:
        return 0.0, 0.0
    base, slope = _least([(1.0, x) for x, _ in known], [y for _, y in known])
    if slope > MOST_COPIES:
        slope = MOST_COPIES
        base = max(0.0, sum(y - slope * x for x, y in known) / len(known))
    return base, slope


def write_model(model: Model, file: Path = FILE) -> None:
    """Keep a model, with as many digits as mean something.

    Parameters
    ----------
    model : Model
        Constants that were fitted to measured jobs.
    file : Path
        The JSON file, which is replaced as a whole.
    """
    from leukorepro.core.store import write_text

    write_text(json.dumps(_rounded(asdict(model)), indent=2, sort_keys=True) + "\n", file)


def _rounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def read_measured(file: Path) -> list[Measured]:
    """Jobs of a table of measurements.

    Raises
    ------
    UserError
        If a row is not what it should be.
    """
    jobs = []
    with file.open(encoding="utf-8", newline="") as content:
        for number, row in enumerate(csv.DictReader(content), 2):
            try:
                threads = int(row["threads"])
                told = {
                    "wall": float(row["seconds"]),
                    "processor": float(row["cpu_seconds"]) / threads,
                    "unknown": math.nan,
                }
                seconds = told[row["clock"]]
                machine = Machine(*(float(row[field.name]) for field in fields(Machine)))
                work = Work(json.loads(row["amounts"]), float(row["held_mib"]), float(row["values_mib"]))
                memory, written = float(row["memory_mib"]), float(row["written_mib"])
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{file}: line {number}: no measured job ({error}); make the table again.") from None
            jobs.append(Measured(row["run"], row["rule"], row["job"], threads, seconds, memory, written, machine, work))
    return jobs
