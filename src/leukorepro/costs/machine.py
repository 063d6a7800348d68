"""How fast a machine is, by a calibration of a few seconds: how long Python takes to start, and rates of one core.

All count the processor's time, not the clock's, and are the best of several tries: what else the machine does at the
moment is no part of its speed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, write_json

FILE = Path("results/benchmarks/machine.json")
"""Where the calibration of the machine is kept, beside what jobs were measured at."""

TRIES = 3

STARTED = "import numpy, pandas, h5py, sklearn.svm"
"""What most jobs import before they do anything."""

RATES = """
import json, os, time, zlib
os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import torch
from leukorepro.core.device import cpu_has_bfloat16
torch.set_num_threads(1)

def best(work, tries=15):
    times = []
    for _ in range(tries):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)

generator = np.random.default_rng(0)
matrix, values = generator.random((384, 384)), generator.random(1 << 16)
picture = generator.integers(0, 40, 1 << 17).astype(np.uint8).tobytes()

def numbers():
    matrix @ matrix
    np.argsort(np.exp(values), kind="stable")
    zlib.compress(picture)
    sum(i * i for i in range(150_000))

convolution = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
images = torch.rand(4, 64, 56, 56).to(memory_format=torch.channels_last)

def network():
    with torch.inference_mode():
        convolution(images)

operations = 2 * 64 * 64 * 9 * 56 * 56 * 4
full = operations / best(network) / 1e9
convolution, images = convolution.bfloat16(), images.bfloat16()
half = max(full, operations / best(network) / 1e9) if cpu_has_bfloat16() else full
print(json.dumps({"network": full, "core": 1 / best(numbers), "half": half}))
"""
"""A convolution of 64 channels; for all but networks products, sorting, compression and a loop of Python's.

The sorting is a stable one: of the other, NumPy has a version for some processors that is ten times as fast, which
hardly anything else is there.
"""


@dataclass(frozen=True)
class Machine:
    """A machine's speed."""

    start: float
    """Seconds of the processor that Python takes to start with the libraries of most jobs."""
    network: float
    """Gigaflops of a convolution on one core."""
    core: float
    """Rounds a second of what is no network, on one core."""
    half: float
    """Gigaflops of that convolution with bfloat16; without, where the processor does not multiply it."""


def calibrate() -> Machine:
    """Measure this machine, which takes a few seconds."""
    from json import loads

    starts = []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(TRIES):
        before = _of_children()
        subprocess.run([sys.executable, "-c", STARTED], check=True, env=environment)
        starts.append(_of_children() - before)
    told = subprocess.run([sys.executable, "-c", RATES], check=True, env=environment, capture_output=True, text=True)
    return Machine(start=min(starts), **loads(told.stdout))


def _of_children() -> float:
    """Seconds of the processor that processes have had which this one started and waited for."""
    times = os.times()
    return times.children_user + times.children_system


def known_machine(file: Path = FILE) -> Machine | None:
    """This machine, where it has been measured before; None where it has not, or the file is another machine's.

    Raises
    ------
    UserError
        If the file is broken.
    """
    if not file.is_file():
        return None
    content = read_json(file)
    try:
        # Another calibration, as of an earlier version, may have measured other speeds.
        return Machine(**content["speed"]) if content["machine"] == _identity() else None
    except (KeyError, TypeError):
        raise UserError(f"{file}: no calibration of a machine; remove the file, and it is made again.") from None


def this_machine(file: Path = FILE) -> Machine:
    """This machine, measured once and kept."""
    known = known_machine(file)
    if known is None:
        known = calibrate()
        keep_machine(known, file)
    return known


def keep_machine(machine: Machine, file: Path = FILE) -> None:
    """Keep what this machine was measured at.

    Parameters
    ----------
    machine : Machine
        Speeds that `calibrate` has measured here.
    file : Path
        The JSON file, which also says which machine it is of.
    """
    write_json({"machine": _identity(), "speed": asdict(machine)}, file)


def _identity() -> str:
    """Digest of what another machine, another Python or another calibration differs in; it names none of them."""
    told = (platform.node(), _processor(), os.cpu_count(), sys.version, STARTED, RATES)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _processor() -> str:
    """Model of the processor, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
