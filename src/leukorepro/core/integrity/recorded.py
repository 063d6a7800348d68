"""Digests of files whose format has no room for a checksum: tables, JSON, pages, pictures.

The digest of `metrics.csv` lies beside it in `.metrics.csv.sha256`, one line as `sha256sum --check` reads it. It goes
where its folder goes: renamed, removed or archived with it. While a file is replaced there is no digest, so that a
process that is killed in the middle leaves none that is not the file's. A file without one is read as it is: people
hand in files that other programs have written.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from pathlib import Path

from leukorepro.core.integrity.damaged import DamagedFile

SUFFIX = ".sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ")

_ACCEPT = "remove it and run the workflow again or, if you changed it on purpose, `leukorepro verify --accept {}`"


def record_of(path: Path) -> Path:
    """Where the digest of a file lies."""
    real = Path(os.path.realpath(path)) if path.is_symlink() else path
    return real.with_name(f".{real.name}{SUFFIX}")


def is_record(path: Path) -> bool:
    """Whether this is the digest of a file, by its name."""
    return path.name.startswith(".") and path.suffix == SUFFIX


def file_of(record: Path) -> Path:
    """The file that a digest is of."""
    return record.with_name(record.name.removeprefix(".").removesuffix(SUFFIX))


def record(path: Path) -> None:
    """Write down the digest of a file as it is now. It says nothing until all of its line is there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        read = os.fstat(file.fileno())
    _write(digest, path)
    if not _is_still(path, read):  # another process has replaced it meanwhile, whose digest this is not
        forget(path)


def _write(digest: str, path: Path) -> None:
    record_of(path).write_bytes(f"{digest}  {path.name}\n".encode("utf-8", "surrogateescape"))


def forget(path: Path) -> None:
    """Remove the digest of a file, which is about to be another one or to go."""
    record_of(path).unlink(missing_ok=True)


def move_recorded(source: Path, target: Path) -> None:
    """Give a file another name, and its digest with it, if it has one.

    Parameters
    ----------
    source : Path
        The file as it is called now.
    target : Path
        Its new name in the same file system; a file of that name is replaced, and its digest forgotten.
    """
    digest = _recorded(source)
    forget(target)
    source.replace(target)
    if digest is not None:
        _write(digest, target)
        forget(source)


def remove_recorded(path: Path) -> None:
    """Remove a file and its digest."""
    forget(path)
    path.unlink(missing_ok=True)


def is_recorded(path: Path) -> bool:
    """Whether there is a digest of a file."""
    return _recorded(path) is not None


def check_recorded(path: Path) -> None:
    """Raise DamagedFile unless a file is what its digest was made of, where there is one."""
    recorded = _recorded(path)
    if recorded is None:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # Read again: the file may just have been replaced, and its first digest with it.
    if digest != recorded and recorded == _recorded(path):
        remedy = _ACCEPT.format(shlex.quote(str(path)))
        raise DamagedFile(path, "was changed since it was written (SHA-256 differs)", remedy)


def _recorded(path: Path) -> str | None:
    """The digest that is written down of a file; None where there is none, or no whole one."""
    try:
        found = _LINE.match(record_of(path).read_text("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return None
    return found and found[1]


def _is_still(path: Path, written: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), written)
    except FileNotFoundError:
        return False
