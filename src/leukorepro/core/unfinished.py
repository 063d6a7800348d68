"""Work that takes long and is continued after an interruption: finished rows, kept beside the file they are for."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from leukorepro.core.store import HOST, lives, write_json


class Finished:
    """Finished blocks of rows, in a file, with a checksum of each in another beside it.

    Attributes
    ----------
    path, sums : Path
        The two files.
    size : int
        Its bytes: those of the blocks that an interrupted work has left whole and unchanged, and of those since.
    """

    _SUM = struct.Struct("<QI")
    """Where a block ends, and its CRC-32."""

    def __init__(self, folder: Path) -> None:
        self.path, self.sums = folder / "rows", folder / "sums"
        self.size = 0

    def begin(self) -> None:
        """Begin anew."""
        self.path.write_bytes(b"")
        self.sums.write_bytes(b"")

    def go_on(self) -> None:
        """Cut off what was being written when the work was interrupted, and what has changed since, which is told."""
        kept, there = 0, self.path.stat().st_size
        sums = self.sums.read_bytes()
        with self.path.open("rb") as rows:
            for end, crc in self._SUM.iter_unpack(sums[: len(sums) // self._SUM.size * self._SUM.size]):
                if end > there:
                    break
                if zlib.crc32(rows.read(max(0, end - self.size))) != crc:
                    print(f"{self.path}: was changed since it was written; going on before that", flush=True)
                    break
                self.size = end
                kept += 1
        os.truncate(self.path, self.size)
        os.truncate(self.sums, kept * self._SUM.size)

    def append(self, block: bytes) -> None:
        """Write a block behind the others; its checksum first, which says nothing until all of the block is there."""
        self.size += len(block)
        for path, content in ((self.sums, self._SUM.pack(self.size, zlib.crc32(block))), (self.path, block)):
            with path.open("ab") as file:
                file.write(content)


@contextmanager
def unfinished(output: Path, header: dict[str, Any]) -> Iterator[Finished]:
    """Finished rows, kept if the work is interrupted, removed when it is complete.

    Parameters
    ----------
    output : Path
        File that the rows are for; theirs lies in a folder beside it.
    header : dict
        All that the rows depend on, as JSON knows it: what was begun under another header is thrown away.

    Yields
    ------
    Finished
        The blocks that were written until an interruption; else none.
    """
    with _only_one(output.parent / f".{output.name}.partial") as folder:
        description, finished = folder / "header.json", Finished(folder)
        text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
        begun = description.is_file() and description.read_bytes() == text.encode()
        if begun and all(file.is_file() for file in (finished.path, finished.sums)):
            finished.go_on()
        else:
            finished.begin()
            write_json(header, description)
        complete = False
        try:
            yield finished
            complete = True
        finally:
            if complete or not finished.path.stat().st_size:  # there is nothing to go on from
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
