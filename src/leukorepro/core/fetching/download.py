"""Large files that come whole or in pieces: what came stays when the connection breaks, and the next try continues."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from leukorepro.core.errors import UserError
from leukorepro.core.fetching.transfer import CHUNK, Reply, TransferError, ask
from leukorepro.core.places import check_output
from leukorepro.core.store import write_json

PAUSES_S = (1.0, 4.0)
"""Seconds to wait before a further try, where the last one brought nothing."""


def download(url: str, path: Path, checksum: str = "") -> None:
    """Download a file, or the rest of it, and check it.

    The part that has come lies beside `path`, as ``<name>.part``, and stays when the connection breaks or the process
    is killed. The next call continues it, if the server can and has still the same file; a connection that breaks is
    taken up again at once for as long as something comes.

    Parameters
    ----------
    url : str
        Address of the file.
    path : Path
        Where it lies in the end. One that is there and has the checksum, or came from the same address where none is
        known, is taken as it is.
    checksum : str
        ``md5:...`` or ``sha256:...``; empty: only the length that the server tells is checked.

    Raises
    ------
    UserError
        If it cannot be downloaded, if the disk has no room for it, or if what came has another checksum. What came
        wrong is removed, and nothing else is.
    """
    check_output(path)
    if path.is_file() and (checksum or _read_state(path).get("url") == url):
        if found := _other_checksum(path, checksum):
            raise UserError(f"{path}: is {found}, not {checksum}; remove it, and it is downloaded again.")
        return
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as file, _alone(file, part):
        continued = file.tell() > 0
        _fill(url, file, part)
        found = _other_checksum(part, checksum)
        if found and continued:  # pieces of two versions of the file
            print(f"{part}: what came in pieces is {found}, not {checksum}; it is downloaded from its beginning.")
            _forget(file, part)
            _fill(url, file, part)
            found = _other_checksum(part, checksum)
        if found:
            part.unlink()
            _state(path).unlink(missing_ok=True)
        else:
            part.replace(path)
    if found:
        raise UserError(
            f"{url}: what came is {found}, where {checksum} is published; it was removed, and nothing else was. Try "
            "again later, or name another mirror with --url."
        )


def _fill(url: str, file: BinaryIO, part: Path) -> None:
    """Append to the part until the file is complete."""
    pauses = iter(PAUSES_S)
    while True:
        before = file.tell()
        try:
            _continue(url, file, part)
        except TransferError as error:
            file.flush()
            kept = f"; {file.tell():,} bytes are kept, and the same command continues" if file.tell() else ""
            if error.passing and file.tell() > before:
                pauses = iter(PAUSES_S)
                continue
            pause = next(pauses, None) if error.passing else None
            if pause is None:
                raise UserError(f"{url}: not downloaded ({error}){kept}.") from None
            time.sleep(pause)
        else:
            file.flush()
            return


def _continue(url: str, file: BinaryIO, part: Path) -> None:
    """Ask for what is missing, and append what comes."""
    known = _read_state(part)
    start = file.tell()
    if start and known.get("url") != url:
        start = 0
    if start and start == known.get("length"):
        return
    try:
        with ask(url, start, str(known.get("version") or "")) as reply:
            if reply.start != start:  # the server ignores what is here, or has another file by now
                if reply.start:
                    raise TransferError(f"asked for the bytes from {start:,} on, it sends those from {reply.start:,}")
                start = 0
            elif start and None not in (known.get("length"), reply.length) and reply.length != known["length"]:
                raise TransferError("the file is another one by now", code=416)
            file.truncate(start)
            file.seek(start)
            _check_room(part, reply, start)
            write_json({"url": url, "length": reply.length, "version": reply.version}, _state(part))
            with tqdm(
                total=reply.length, initial=start, unit="B", unit_scale=True, desc=part.name.removesuffix(".part")
            ) as bar:
                for chunk in reply.chunks():
                    file.write(chunk)
                    bar.update(len(chunk))
    except TransferError as error:
        if error.code != 416 or not start:
            raise
        _forget(file, part)  # what is here is longer than the file, or of another one
        _continue(url, file, part)


def _forget(file: BinaryIO, part: Path) -> None:
    file.truncate(0)
    file.seek(0)
    _state(part).unlink(missing_ok=True)


def _check_room(part: Path, reply: Reply, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if reply.length is not None and reply.length - start > free:
        raise UserError(
            f"{part.parent}: {free:,} bytes are free, and {reply.length - start:,} are to be downloaded; free space "
            "there, or name another place with --to."
        )


def _state(path: Path) -> Path:
    """What is known of a file or its part: address, length, and the server's name for its version."""
    return path.with_name(f"{path.name.removesuffix('.part')}.json")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(_state(path).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _other_checksum(path: Path, checksum: str) -> str:
    """The file's checksum, if it is not the one that it must have."""
    if not checksum:
        return ""
    kind, _, expected = checksum.partition(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return "" if digest.hexdigest() == expected else f"{kind}:{digest.hexdigest()}"


@contextmanager
def _alone(file: BinaryIO, part: Path) -> Iterator[None]:
    """Let nobody else write the same part; the system ends this with the process, however it ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"{part}: another process is downloading it; wait for it.") from None
    yield
