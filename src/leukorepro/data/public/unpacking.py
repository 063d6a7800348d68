"""Archives unpacked into a new folder that nothing in them can leave."""

from __future__ import annotations

import errno
import lzma
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from leukorepro.core.errors import UserError
from leukorepro.core.places import CONTROL
from leukorepro.data.folders import is_hidden


class UnusableArchive(UserError):
    """What came is no archive, a broken one, or one that is not unpacked: another copy is needed."""


_DRIVE = re.compile("[A-Za-z]:")
_CHUNK = 1 << 20


class _Member(NamedTuple):
    name: str
    size: int
    refused: str
    """What it is, where it is neither file nor folder."""
    read: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, top: str = "") -> None:
    """Unpack a zip or tar archive, compressed or not, without what operating systems add to one.

    Parameters
    ----------
    archive : Path
        The file as it was downloaded.
    folder : Path
        New, or without any of the archive's files.
    top : str
        A folder that is left out, where all that is unpacked lies in it.

    Raises
    ------
    UnusableArchive
        If it is no archive, or a broken or empty one, or if a member would lie outside of the folder, is a link or a
        device, is encrypted or there twice. Members are looked at before the first is written.
    UserError
        If the disk has no room for what it holds.
    """
    with _opened(archive) as members:
        files = {path: member for member in members if (path := _path(archive, member.name)) is not None}
        if not files:
            raise UnusableArchive(f"{archive}: an archive without any file; get another copy.")
        if len(files) < sum(_path(archive, member.name) is not None for member in members):
            raise UnusableArchive(f"{archive}: holds a file of one name twice; get another copy.")
        for path, member in files.items():
            if member.refused:
                raise UnusableArchive(
                    f"{archive}: {path} is {member.refused}, which is not unpacked; get another copy."
                )
        folder.mkdir(parents=True, exist_ok=True)
        needed, free = sum(member.size for member in files.values()), shutil.disk_usage(folder).free
        if needed > free:
            raise UserError(
                f"{folder.parent}: {free:,} bytes are free, and {archive.name} unpacks to {needed:,}; free space "
                "there, or name another place with --to."
            )
        shared = bool(top) and all(path.parts[0] == top and len(path.parts) > 1 for path in files)
        for path, member in files.items():
            target = folder.joinpath(*path.parts[shared:])
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.read() as source, target.open("xb") as file:
                shutil.copyfileobj(source, file)


def _path(archive: Path, name: str) -> PurePosixPath | None:
    """Where a member lies below the folder; None for what operating systems add.

    Raises
    ------
    UserError
        If it would lie elsewhere.
    """
    text = name.replace("\\", "/")
    path = PurePosixPath(text)
    if path.is_absolute() or _DRIVE.match(text) or ".." in path.parts or not path.parts or CONTROL.search(text):
        raise UnusableArchive(
            f"{archive}: {name!r} would lie outside of the folder, or has no proper name; not unpacked."
        )
    return None if any(map(is_hidden, path.parts)) else path


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    """The files and links of an archive; a broken one is told while it is read, too."""
    with refusing_broken(archive, "a broken archive"):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _check_directory(opened)
                yield [_of_zip(opened, info) for info in opened.infolist() if not info.is_dir()]
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as opened_tar:
                members = [_of_tar(opened_tar, info) for info in opened_tar if not info.isdir()]
                _check_end(opened_tar)
                yield members
        else:
            raise UnusableArchive(
                f"{archive}: neither a zip nor a tar archive; the server may have sent a page instead. Try again, or "
                "name another mirror with --url."
            )


@contextmanager
def refusing_broken(archive: Path, told: str) -> Iterator[None]:
    """Tell what the standard library's readers raise on a broken archive; what the system refuses is passed on.

    Parameters
    ----------
    archive : Path
        The file that is read.
    told : str
        What it is, where they raise anything.

    Raises
    ------
    UnusableArchive
        With that, and the reader's reason.
    """
    try:
        yield
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
        *(EOFError, LookupError, NotImplementedError, OSError, ValueError),
    ) as error:
        # Of bz2 and gzip without a number; EINVAL of a damaged offset, or of a file's name that the disk refuses.
        if isinstance(error, OSError) and (error.filename or error.errno not in (None, errno.EINVAL)):
            raise
        raise UnusableArchive(f"{archive}: {told} ({error}); get another copy.") from None


def _check_directory(opened: zipfile.ZipFile) -> None:
    """Refuse a zip archive with a damaged length in its directory, by which `zipfile` passes over what follows.

    Raises
    ------
    zipfile.BadZipFile
        If what belongs to an entry holds another one.
    """
    for info in opened.infolist():
        if b"PK\x01\x02" in info.comment + info.extra:
            raise zipfile.BadZipFile(f"the directory is damaged after {info.filename!r}")


def _check_end(opened: tarfile.TarFile) -> None:
    """Refuse a tar archive whose members end where its end is not; `tarfile` takes a damaged header for the end.

    Raises
    ------
    tarfile.ReadError
        If no empty block marks the end, or something stands in the place of the second one.
    """
    file = opened.fileobj
    assert file is not None, "it is open"
    file.seek(opened.offset)
    end = file.read(2 * tarfile.BLOCKSIZE)
    if len(end) < tarfile.BLOCKSIZE or any(end):
        raise tarfile.ReadError(f"damaged or cut short after {len(opened.getmembers()):,} members")
    while file.read(_CHUNK):  # a compressed file's checksum stands at its end, and is compared there
        pass


def _of_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    refused = "encrypted" if info.flag_bits & 1 else "" if kind in (0, stat.S_IFREG) else "a link or a device"
    return _Member(info.filename, info.file_size, refused, lambda: opened.open(info))


def _of_tar(opened: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    def read() -> IO[bytes]:
        file = opened.extractfile(info)
        assert file is not None, "it is a file"
        return file

    return _Member(info.name, info.size, "" if info.isreg() else "a link or a device", read)
