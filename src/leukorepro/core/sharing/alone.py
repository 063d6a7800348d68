"""One workflow at a time in a folder of results.

Snakemake removes what a job is to make before the job starts and after it has failed, also what another Snakemake has
made meanwhile and jobs of that one are reading. So one waits for the other. Its lock is held by its process, and the
system frees it when that ends, however it ends: nobody has to remove a lock that is left over.

Jobs hold a lock of their own together. A job of a Snakemake that was killed lives on; the next start waits for it, too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from leukorepro.core.file_errors import naming
from leukorepro.core.integrity.damaged import OWNED

WORKFLOW, JOBS = ".workflow.lock", ".jobs.lock"

_held: dict[Path, TextIO] = {}
"""Locks of this process, open for as long as it lives."""


def hold(folder: Path, name: str, tell: Callable[[str], object]) -> bool:
    """Hold a folder of results for this process, until it ends; wait while another one does, or a job of one.

    Parameters
    ----------
    folder : Path
    name : str
        What is run, for whoever has to wait.
    tell : callable
        Given a sentence when it has to be waited.

    Returns
    -------
    bool
        Whether nobody was waited for: else the results may be others than they were when this process looked.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        place = folder.resolve() / WORKFLOW
        if place in _held:
            return True
        lock = _held[place] = place.open("a+", encoding="utf-8")

    def other() -> str:
        lock.seek(0)
        return f"{folder}: {lock.read() or 'another Snakemake'} works here; waiting until it has ended"

    at_once = _locked(lock, fcntl.LOCK_EX, other, tell)
    lock.truncate(0)
    lock.write(f"Snakemake (process {os.getpid()} on {os.uname().nodename}, run {name}, since {datetime.now():%H:%M})")
    lock.flush()
    orphans = f"{folder}: jobs of a Snakemake that was killed still work here; waiting until they have ended"
    with (folder / JOBS).open("a+") as jobs:
        return _locked(jobs, fcntl.LOCK_EX, lambda: orphans, tell) and at_once


def join_workflow() -> None:
    """Be known as a job of the workflow for as long as this process lives, in one."""
    folder = os.environ.get(OWNED)
    if folder is None or not Path(folder).is_dir():
        return
    place = Path(folder).resolve() / JOBS
    if place not in _held:
        with suppress(OSError):  # no locks, or nothing may be written: who starts next is told the same
            _held[place] = place.open("a+")
            fcntl.flock(_held[place], fcntl.LOCK_SH)


def _locked(lock: TextIO, kind: int, why: Callable[[], str], tell: Callable[[str], object]) -> bool:
    """Lock an open file; whether it was free."""
    try:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(why())
            fcntl.flock(lock, kind)
            return False
    except OSError as error:
        tell(f"{lock.name}: no locks on this file system ({error.strerror}); start one Snakemake at a time here")
    return True
