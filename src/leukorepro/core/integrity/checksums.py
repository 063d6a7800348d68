"""Checksums that a file carries of its own bytes, by which its readers find every bit that has changed.

HDF5 files have them behind their end, where HDF5 looks for nothing: one for each block, so that who reads a part need
not read the whole. Parquet and safetensors files have one of the whole among their metadata. All are CRC-32, as PNG and
zip files have them; other programs read these files like any other.

A file that carries none is read as it is: people hand in tables that other programs have written.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from leukorepro.core.integrity.damaged import BROKEN, DamagedFile

BLOCK = 1 << 20
"""Bytes that have a checksum of their own."""

_MAGIC = b"leukorepro CRC32"
"""The last bytes of a file with checksums behind its end."""
_END = struct.Struct("<QI")
"""What stands before them: how many bytes the checksums are of, and a checksum of the checksums and of that."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = struct.Struct("<8s4B3Q")
"""How HDF5 files of versions 2 and 3 begin: signature, version, width of offsets, two bytes, base, extension, end."""

KEY = "crc32"
"""Of the checksum among a file's metadata."""
UNSIGNED = {KEY: "leukorepro CRC32 00000000"}
"""Metadata that a file is to be written with before `sign`; its checksum is that of the file with these zeros."""
_MARK, _ZEROS = b"leukorepro CRC32 ", b"00000000"

_WHY = "was changed since it was written (CRC-32 differs), by a fault of the disk or by another program"


# ------------------------------------------------------------------------------------------------------- of each block


def append_checksums(path: Path) -> None:
    """Write the checksums of a file's blocks behind its end."""
    with path.open("r+b") as file:
        sums = [zlib.crc32(block) for block in iter(lambda: file.read(BLOCK), b"")]
        table = struct.pack(f"<{len(sums)}I", *sums)
        length = file.tell()
        file.write(table + _END.pack(length, zlib.crc32(table + length.to_bytes(8, "little"))) + _MAGIC)


def check_blocks(path: Path, start: int = 0, size: int | None = None) -> None:
    """Raise DamagedFile if a block of some bytes of a file, or of all, is not what was written.

    Parameters
    ----------
    path : Path
        A file, with checksums of its blocks behind its end or without any.
    start : int
        The first byte that is looked at; its whole block is read.
    size : int, optional
        Number of bytes from there; None: to the end.
    """
    with CheckedFile(path) as file:
        file.check(start, path.stat().st_size if size is None else size)


class CheckedFile(io.FileIO):
    """A file open for reading, each of whose blocks is checked when something in it is first read.

    Attributes
    ----------
    failure : OSError, DamagedFile or None
        What went wrong first: a library that reads through this may tell it in other words, or not at all.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self.failure: OSError | DamagedFile | None = None
        self._path = path
        self._sound: set[int] = set()
        self._length, self._sums = self._checksums()

    def readinto(self, buffer: Any) -> int:
        """Read all that fits and is there, which a raw file need not do at once.

        Raises
        ------
        DamagedFile
            If a block is not what was written.
        """
        view, start, read = memoryview(buffer).cast("B"), self.tell(), 0
        try:
            while count := super().readinto(view[read:]):
                read += count
            self.check(start, read, view[:read])
        except (OSError, DamagedFile) as error:
            # Without its traceback, which would keep the library's buffer and crash at the process's end.
            self.failure = self.failure or error.with_traceback(None)
            raise self.failure from None
        return read

    def check(self, start: int, size: int, content: memoryview | None = None) -> None:
        """Raise DamagedFile if a block of some bytes is not what was written.

        Parameters
        ----------
        start, size : int
            Where they lie.
        content : memoryview, optional
            The bytes, where they have been read already.
        """
        end = start + size
        for number in range(start // BLOCK, min(len(self._sums), -(-end // BLOCK))):
            if number in self._sound:
                continue
            first, last = number * BLOCK, min((number + 1) * BLOCK, self._length)
            if content is not None and start <= first and last <= end:
                crc = zlib.crc32(content[first - start : last - start])
            else:
                crc = zlib.crc32(os.pread(self.fileno(), last - first, first))
            if crc != self._sums[number]:
                raise DamagedFile(self._path, _WHY)
            self._sound.add(number)

    @property
    def is_checked(self) -> bool:
        """Whether there are checksums to compare with."""
        return bool(self._sums)

    def _checksums(self) -> tuple[int, tuple[int, ...]]:
        """How many bytes there are checksums of, and those."""
        size = os.fstat(self.fileno()).st_size
        end = os.pread(self.fileno(), _END.size + len(_MAGIC), max(0, size - _END.size - len(_MAGIC)))
        if not end.endswith(_MAGIC) or len(end) < _END.size + len(_MAGIC):
            if size > self._told_size(size):
                raise DamagedFile(self._path, "is cut short (not all of its checksums are there)")
            return size, ()
        length, crc = _END.unpack(end[: _END.size])
        count = -(-length // BLOCK)
        if length + 4 * count + len(end) != size:
            raise DamagedFile(self._path, _WHY)
        table = os.pread(self.fileno(), 4 * count, length)
        if zlib.crc32(table + length.to_bytes(8, "little")) != crc:
            raise DamagedFile(self._path, _WHY)
        return length, struct.unpack(f"<{count}I", table)

    def _told_size(self, size: int) -> int:
        """How many bytes an HDF5 file says that it has; `size` where it does not say."""
        head = os.pread(self.fileno(), _SUPERBLOCK.size, 0)
        if len(head) < _SUPERBLOCK.size or not head.startswith(_HDF5):
            return size
        _, version, width, _, _, base, _, end = _SUPERBLOCK.unpack(head)
        return base + end if version in (2, 3) and width == 8 else size


def has_blocks(path: Path) -> bool:
    """Whether a file has checksums of its blocks."""
    with CheckedFile(path) as file:
        return file.is_checked


# -------------------------------------------------------------------------------------------------------- of the whole


def sign(path: Path) -> None:
    """Put its checksum into a file that was written with `UNSIGNED` among its metadata."""
    with path.open("r+b") as file:
        place = _find(file)
        if place is None:
            raise ValueError(f"{path}: written without a place for its checksum")
        crc = _crc(file, place)
        file.seek(place)
        file.write(b"%08x" % crc)


def check_signed(path: Path, if_broken: str = BROKEN) -> None:
    """Raise DamagedFile, with what to do then, unless a file is what its checksum was made of.

    Parameters
    ----------
    path : Path
        A file that `sign` has signed; one without a checksum is taken as it is.
    if_broken : str
        What to do where it is damaged, as the end of the error's sentence.
    """
    with path.open("rb") as file:
        place = _find(file)
        if place is None:
            return
        file.seek(place)
        if file.read(len(_ZEROS)) != b"%08x" % _crc(file, place):
            raise DamagedFile(path, _WHY, if_broken)


def is_signed(path: Path) -> bool:
    """Whether a file has a checksum of the whole."""
    with path.open("rb") as file:
        return _find(file) is not None


def _find(file: BinaryIO) -> int | None:
    """Where the digits of the checksum are; None where there are none."""
    start, before = 0, b""
    for chunk in iter(lambda: file.read(BLOCK), b""):
        if found := re.search(re.escape(_MARK), before + chunk):
            return start - len(before) + found.end()
        start += len(chunk)
        before = chunk[-len(_MARK) :]
    return None


def _crc(file: BinaryIO, place: int) -> int:
    """Checksum of a file with zeros in the place of its checksum."""
    file.seek(0)
    crc = 0
    for start, end in ((0, place), (place + len(_ZEROS), os.fstat(file.fileno()).st_size)):
        file.seek(start)
        for at in range(start, end, BLOCK):
            crc = zlib.crc32(file.read(min(BLOCK, end - at)), crc)
        if end == place:
            crc = zlib.crc32(_ZEROS, crc)
    return crc
