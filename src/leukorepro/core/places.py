"""What lies where a path leads: told before anything is read or written where it is not what is wanted.

A path that leads nowhere is left to whoever reads it, who knows what belongs there.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from leukorepro.core.errors import UserError

KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and what of a name is no text: such names cannot be written into tables."""

LONGEST_NAME = 255 - 64
"""Bytes of a file's name that leave room for what the names of temporary files add, on every usual file system."""


def check_file(path: Path) -> None:
    """Refuse what cannot be read as a file, if there is anything.

    Pipes are refused, too: files are read more than once, and a pipe that nobody writes to would be waited for.

    Raises
    ------
    UserError
        If there is something else than a file, or a file that may not be read.
    """
    _check_read(path, stat.S_IFREG, os.R_OK)


def check_folder(path: Path) -> None:
    """Refuse what cannot be read as a folder, if there is anything.

    Raises
    ------
    UserError
        If there is something else than a folder, or a folder that may not be read.
    """
    _check_read(path, stat.S_IFDIR, os.R_OK | os.X_OK)


def check_there(path: Path) -> None:
    """Refuse what is neither a file nor a folder that can be read.

    Raises
    ------
    UserError
        If there is nothing, or something else.
    """
    if _kind(path) is None and not path.is_symlink():
        raise UserError(f"{path}: no such file or folder; correct the path.")
    if _kind(path) == stat.S_IFDIR:
        check_folder(path)
    else:
        check_file(path)


def check_output(path: Path) -> None:
    """Refuse a place that no file can be written to.

    Raises
    ------
    UserError
        If something else than a file is there, if the name is too long, or if the folder cannot be written to or made.
    """
    kind = _kind(path)
    if kind not in (None, stat.S_IFREG):
        raise UserError(f"{path}: {KINDS[kind]}, where a file is to be written; name a file.")
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise UserError(f"{path}: the file's name is longer than {LONGEST_NAME} bytes; choose a shorter one.")
    _check_writable(path.parent)


def check_output_folder(path: Path) -> None:
    """Refuse a folder that cannot be written to or made.

    Raises
    ------
    UserError
        If something else is there, or if it cannot be written to or made.
    """
    kind = _kind(path)
    if kind not in (None, stat.S_IFDIR):
        raise UserError(f"{path}: {KINDS[kind]}, where a folder is to be filled; name a folder.")
    _check_writable(path)


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to; of one that is yet to be made, the nearest above that there is."""
    here = next(above for above in (folder, *folder.absolute().parents) if _kind(above) is not None)
    if not _allowed(here, os.W_OK | os.X_OK):
        if os.statvfs(here).f_flag & os.ST_RDONLY:
            raise UserError(f"{here}: on a read-only file system; name another place.")
        raise UserError(f"{here}: not writable for this user; change its permissions, or name another place.")


def _check_read(path: Path, wanted: int, mode: int) -> None:
    """Refuse what is there and is not wanted, or may not be used so."""
    kind, noun = _kind(path), KINDS[wanted].removeprefix("a ")
    if kind is None:
        if path.is_symlink():
            raise UserError(f"{path}: a link to {path.readlink()}, where there is nothing; mend the link.")
        return
    if kind != wanted:
        through = noun == "file" and kind == stat.S_IFIFO
        remedy = "write what comes through it to a file, and name that" if through else f"name a {noun}"
        raise UserError(f"{path}: {KINDS[kind]}, where a {noun} is expected; {remedy}.")
    if not _allowed(path, mode):
        raise UserError(f"{path}: not readable for this user; change its permissions, or name another {noun}.")


def _allowed(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _kind(path: Path) -> int | None:
    """Type bits of what a path leads to, links followed; None where there is nothing.

    Raises
    ------
    UserError
        If the path leads through something that is no folder, or cannot be followed.
    """
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        above = next(above for above in path.parents if above.exists())
        raise UserError(
            f"{path}: {above} is no folder, so there can be nothing below it; name another place."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be followed ({error.strerror}); name another place.") from None
