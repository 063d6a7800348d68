"""Several GPUs of one machine: jobs take turns on them, one job at a time on each.

A job takes a GPU by a lock on a file, one for each GPU, which the system releases when the job ends, however it ends.
It then sees no other GPU. Jobs of all runs of a user share the files.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from functools import cache
from pathlib import Path

from leukorepro.core.errors import UserError

SHARED = "LEUKOREPRO_GPUS"
"""Environment variable that holds how many GPUs jobs share; where it is not set, a job uses what it sees."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable that holds the GPUs that CUDA shows to a process, with commas."""
SECONDS_BETWEEN_TRIES = 0.2


@cache
def take_gpu() -> str | None:
    """Take a GPU that no other job has, for as long as this process lives; wait while there is none.

    To be called before CUDA is first asked anything. Does so once in a process.

    Returns
    -------
    str or None
        Its name in `CUDA_VISIBLE_DEVICES`, which now holds nothing else; None where nothing is said of sharing, or jobs
        share 0 GPUs: then the variable is empty, and CUDA shows none.

    Raises
    ------
    UserError
        If the variable holds no number of GPUs.
    """
    if SHARED not in os.environ:
        return None
    names = _shared(os.environ[SHARED])
    if not names:
        os.environ[VISIBLE] = ""
        return None
    folder = Path(tempfile.gettempdir()) / f"leukorepro-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = False
    while True:
        for name in names:
            if _locked(folder / f"{name.replace('/', '_')}.lock"):
                print(f"GPU {name}, of {len(names)} that jobs take turns on", flush=True)
                os.environ[VISIBLE] = name
                return name
        if not waiting:
            print("no GPU is free; waiting until another job ends", flush=True)
            waiting = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def _shared(number: str) -> list[str]:
    """The GPUs that jobs share, as CUDA names them: the first of those that are to be seen."""
    if not number.isdecimal():
        raise UserError(f"{SHARED}={number}: expected a number of GPUs; set it so, or not at all.")
    visible = os.environ.get(VISIBLE)
    names = visible.split(",") if visible else [str(index) for index in range(int(number))]
    return names[: int(number)]


def _locked(file: Path) -> bool:
    """Whether this process now holds the lock, which it keeps to its end."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True
