"""Whether the files below a folder are what was written, by the checksums that they carry or that lie beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.checksums import check_blocks, has_blocks, is_signed
from leukorepro.core.integrity.damaged import ASIDE, DamagedFile
from leukorepro.core.integrity.recorded import check_recorded, file_of, forget, is_record, is_recorded, record
from leukorepro.core.places import check_file
from leukorepro.core.store import check_tensors, hdf5_reader, parquet_metadata

Means = Literal["crc32", "sha256", "none"]
"""What a file is compared with: checksums in it, a digest beside it, or nothing."""

_AGAIN = "run the same command again, which makes it anew"


@dataclass(frozen=True)
class Verified:
    """What came of one file.

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


@dataclass(frozen=True)
class Summary:
    """What came of many files."""

    files: list[Verified]

    @property
    def faults(self) -> list[Verified]:
        """Those that are not what was written."""
        return [one for one in self.files if one.fault is not None]

    @property
    def sentences(self) -> list[str]:
        """How many files were compared with what."""
        count = Counter(one.means for one in self.files if one.fault is None)
        told = [
            f"{len(self.files)} files, {sum(one.size for one in self.files) / 1e6:.1f} MB read.",
            f"As they were written: {count['crc32']} by checksums in the file (CRC-32), {count['sha256']} by a digest "
            "beside it (SHA-256).",
        ]
        if count["none"]:
            told.append(f"Written without either, by Snakemake or an earlier version, and only read: {count['none']}.")
        told.append(f"Not as they were written: {len(self.faults)}.")
        return told

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        count = Counter(one.means for one in self.files if one.fault is None)
        return {
            "files": len(self.files),
            "bytes": sum(one.size for one in self.files),
            "compared": {means: count[means] for means in get_args(Means)},
            "faults": [{"file": str(one.path), "fault": str(one.fault)} for one in self.faults],
        }


def files_to_verify(places: Iterable[Path]) -> list[Path]:
    """Files below some folders, or named themselves: those that are there, and those of which only a trace is left.

    Hidden files are left out: unfinished work is checked when it goes on.
    """
    found: set[Path] = set()
    for place in places:
        for path in place.rglob("*") if place.is_dir() else [place]:
            inside = path.relative_to(place).parts if path != place else ()
            if any(part.startswith(".") for part in inside[:-1]) or path.is_dir():
                continue
            if is_record(path):
                found.add(file_of(path))
            elif path.name.endswith(ASIDE):
                found.add(path.with_name(path.name.removesuffix(ASIDE)))
            elif not path.name.startswith("."):
                found.add(path)
    return sorted(found)


def verify(paths: Iterable[Path]) -> Iterator[Verified]:
    """Read every file and compare it with its checksums."""
    for path in paths:
        size = path.stat().st_size if path.exists() else 0
        try:
            yield Verified(path, size, _compared(path))
        except UserError as fault:
            yield Verified(path, size, "none", fault)


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
            return "crc32" if has_blocks(path) else "none"
    if path.suffix == ".parquet":
        parquet_metadata(path)
        return "crc32" if is_signed(path) else "none"
    if path.suffix == ".safetensors":
        check_tensors(path)
        return "crc32" if is_signed(path) else "none"
    return "sha256" if is_recorded(path) else "none"


def accept(paths: Iterable[Path]) -> list[Path]:
    """Take files as they are: their digests are written anew, and those of files that are gone are removed.

    Returns
    -------
    list of Path
        Files of which another digest was written down.
    """
    changed = []
    for path in paths:
        if not is_recorded(path):
            continue
        if not path.exists():
            forget(path)
        else:
            try:
                check_recorded(path)
                continue
            except DamagedFile:
                record(path)
        changed.append(path)
    return changed
