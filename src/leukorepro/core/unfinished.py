"""Work that takes long and is continued after an interruption: finished rows, kept beside the file they are for."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from leukorepro.core.store import HOST, lives, write_json


@contextmanager
def unfinished(output: Path, header: dict[str, Any]) -> Iterator[Path]:
    """The file of finished rows, kept if the work is interrupted, removed when it is complete.

    Parameters
    ----------
    output : Path
        File that the rows are for; theirs lies in a folder beside it.
    header : dict
        All that the rows depend on, as JSON knows it: what was begun under another header is thrown away.

    Yields
    ------
    Path
        What was written until an interruption, the last row perhaps in part; else empty.
    """
    with _only_one(output.parent / f".{output.name}.partial") as folder:
        description, rows = folder / "header.json", folder / "rows"
        text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
        if not description.is_file() or description.read_text("utf-8") != text or not rows.is_file():
            rows.write_bytes(b"")
            write_json(header, description)
        complete = False
        try:
            yield rows
            complete = True
        finally:
            if complete or not rows.stat().st_size:  # there is nothing to go on from
                # Network file systems keep an open file, the lock, under another name until it is closed.
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _only_one(folder: Path) -> Iterator[Path]:
    """A folder in which no other process works: a job of a killed workflow, say, that lives on, is waited for.

    The system frees the lock of a process that has ended, however it ended. Where the file system has no locks, nobody
    can be waited for, and each process works in a folder of its own.
    """
    path = folder / "lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            missing = _lock(lock, folder)
            # The other one removes the folder when it is done, and with it the lock that was waited for.
            alone = not missing and path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat())
            if alone:
                yield folder
        if alone:
            _remove_empty(folder)
            return
        if missing:
            print(f"{folder}: no locks on this file system ({missing}); going on without one", flush=True)
            with _claimed(folder) as own:
                yield own
            return


def _lock(lock: TextIO, folder: Path) -> str:
    """Lock an open file, waiting if another process has it; why that cannot be done, empty where it was."""
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{folder}: another process works here; waiting until it has finished", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        return error.strerror or "unknown"
    return ""


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """A folder under a name that only this process gives, with what an interrupted one left.

    Renaming is atomic, so that of several processes one has what was left. The folder gets its first name back when
    this process is interrupted; after a kill, its name tells that the process has ended.
    """
    (folder / "lock").unlink(missing_ok=True)
    own = folder.with_name(f"{folder.name}.{HOST}.{os.getpid()}.{secrets.token_hex(4)}")
    killed = [
        left
        for left in folder.parent.glob(f"{glob.escape(folder.name)}.{HOST}.*.*")
        if not lives(int(left.name.split(".")[-2]))
    ]
    for left in (*killed, folder):
        with suppress(OSError):  # another process was first
            left.rename(own)
            break
    own.mkdir(exist_ok=True)
    try:
        yield own
    finally:
        with suppress(OSError):  # it is gone, or another one was interrupted first
            own.rename(folder)
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it is gone, or another process works there
        folder.rmdir()
