"""Whether the files below a folder are what was written, by the checksums that they carry or that lie beside them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import FileError, naming
from leukorepro.core.integrity.checksums import BLOCK, check_blocks, has_blocks, is_signed
from leukorepro.core.integrity.damaged import ASIDE, DamagedFile
from leukorepro.core.integrity.recorded import (
    check_recorded,
    file_of,
    forget,
    is_record,
    is_recorded,
    record,
    record_of,
)
from leukorepro.core.places import check_file
from leukorepro.core.store import check_tensors, hdf5_reader, parquet_metadata

Means = Literal["crc32", "sha256", "none"]
"""What a file is compared with: checksums in it, a digest beside it, or nothing."""

_AGAIN = "run the same command again, which makes it anew"


@dataclass(frozen=True)
class Verified:
    """What came of one file, or of a folder that could not be read.

    Attributes
    ----------
    path : Path
    size : int
        Its bytes.
    means : str
    fault : UserError or None
        What is wrong with it.
    """

    path: Path
    size: int
    means: Means
    fault: UserError | None = None

    @property
    def is_known(self) -> bool:
        """Whether it could be read, or is known to be gone."""
        return self.fault is None or isinstance(self.fault, DamagedFile)


@dataclass(frozen=True)
class Summary:
    """What came of many files."""

    files: list[Verified]

    @property
    def faults(self) -> list[Verified]:
        """Those that are not what was written, or could not be read."""
        return [one for one in self.files if one.fault is not None]

    @property
    def known(self) -> list[Verified]:
        """Those that could be read, or are known to be gone."""
        return [one for one in self.files if one.is_known]

    @property
    def sentences(self) -> list[str]:
        """How many files were compared with what."""
        count = Counter(one.means for one in self.files if one.fault is None)
        told = [
            f"{len(self.known)} files, {sum(one.size for one in self.known) / 1e6:.1f} MB read.",
            f"As they were written: {count['crc32']} by checksums in the file (CRC-32), {count['sha256']} by a digest "
            "beside it (SHA-256).",
        ]
        if count["none"]:
            told.append(f"Written without either, by Snakemake or an earlier version, and only read: {count['none']}.")
        unread = len(self.files) - len(self.known)
        told.append(f"Not as they were written: {len(self.faults) - unread}.")
        if unread:
            told.append(f"Not read, so that nothing is known of them: {unread}.")
        return told

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        count = Counter(one.means for one in self.files if one.fault is None)
        return {
            "files": len(self.known),
            "bytes": sum(one.size for one in self.known),
            "compared": {means: count[means] for means in get_args(Means)},
            "faults": [{"file": str(one.path), "fault": str(one.fault)} for one in self.faults],
        }


def files_to_verify(places: Iterable[Path]) -> tuple[list[Path], list[Verified]]:
    """Files below some folders, or named themselves: those that are there, and those of which only a trace is left.

    Hidden files are left out: unfinished work is checked when it goes on. Links are followed.

    Parameters
    ----------
    places : iterable of Path
        Files and folders; of one that has never been there, nothing is told.

    Returns
    -------
    files : list of Path
        Sorted.
    unread : list of Verified
        Places and folders that could not be looked into, each with its fault.
    """
    found: set[Path] = set()
    unread: dict[Path, Verified] = {}

    def refused(error: OSError) -> None:
        path, fault = Path(error.filename), FileError(error.errno, error.strerror, error.filename)
        unread[path] = Verified(path, 0, "none", fault)

    for place in places:
        try:
            is_folder = stat.S_ISDIR(place.stat().st_mode)
        except FileNotFoundError:
            traces = (record_of(place), place.with_name(place.name + ASIDE))
            if place.is_symlink() or any(trace.exists() for trace in traces):
                found.add(place)
            continue
        except OSError as error:
            refused(error)
            continue
        for path in _files_below(place, refused) if is_folder else [place]:
            if is_record(path):
                found.add(file_of(path))
            elif path.name.endswith(ASIDE):
                found.add(path.with_name(path.name.removesuffix(ASIDE)))
            elif not path.name.startswith("."):
                found.add(path)
    return sorted(found), list(unread.values())


def _files_below(folder: Path, refused: Callable[[OSError], object]) -> Iterator[Path]:
    """All files below a folder, but for those in hidden ones; each folder once, wherever links lead to it."""
    seen = set()
    for here, folders, files in os.walk(folder, onerror=refused, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in files)


def verify(paths: Iterable[Path]) -> Iterator[Verified]:
    """Read every file and compare it with its checksums; what cannot be read is a fault of that file, too."""
    for path in paths:
        size = 0
        try:
            with naming(path):
                size = path.stat().st_size if path.exists() else 0
                means = _compared(path)
        except UserError as fault:
            yield Verified(path, size, "none", fault)
        else:
            yield Verified(path, size, means)


def _compared(path: Path) -> Means:
    """Compare a file with its checksums; what these are."""
    if not path.exists():
        aside = path.with_name(path.name + ASIDE)
        what = f"was damaged and moved to {aside.name}" if aside.exists() else "was written and is gone"
        raise DamagedFile(path, what, _AGAIN)
    check_file(path)
    check_recorded(path)
    if path.suffix == ".h5":
        check_blocks(path)
        with hdf5_reader(path):
            if has_blocks(path):
                return "crc32"
    elif path.suffix == ".parquet":
        parquet_metadata(path)
        if is_signed(path):
            return "crc32"
    elif path.suffix == ".safetensors":
        check_tensors(path)
        if is_signed(path):
            return "crc32"
    if is_recorded(path):
        return "sha256"
    _read(path)
    return "none"


def _read(path: Path) -> None:
    """Read a file that there is nothing to compare with: a disk may fail at any byte of it."""
    with path.open("rb") as file:
        while file.read(BLOCK):
            pass


def accept(paths: Iterable[Path]) -> list[Path]:
    """Take files as they are: their digests are written anew, and those of files that are gone are removed.

    A file that cannot be read keeps its digest.

    Returns
    -------
    list of Path
        Files of which another digest was written down.
    """
    changed = []
    for path in paths:
        if _has_changed(path):
            if path.exists():
                record(path)
            else:
                forget(path)
            changed.append(path)
    return changed


def _has_changed(path: Path) -> bool:
    """Whether a file is not what its digest was made of; of one that cannot be read, `verify` tells why."""
    try:
        if not is_recorded(path):
            return False
        if path.exists():
            check_recorded(path)
            return False
    except DamagedFile:
        return True
    except OSError:
        return False
    return True
