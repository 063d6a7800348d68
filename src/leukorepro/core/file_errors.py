"""What the system refuses to do with a file, told in one sentence: which file, what is wrong, how to mend it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leukorepro.core.errors import UserError

_SPACE = "free space there or name another place, and run the command again; what is complete is kept"
_PLACE = "name another place, or have the permissions changed"
_AGAIN = "run the command again, and have the disk looked at if it fails again; the file itself may be sound"

_REMEDIES: dict[int, str] = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: f"its file system, or `ulimit -f`, allows no larger files: {_SPACE}",
    errno.EROFS: _PLACE,
    errno.EACCES: _PLACE,
    errno.EPERM: _PLACE,
    errno.ENOENT: "correct the path",
    errno.ENOTDIR: "a part of this path is a file: correct it",
    errno.EISDIR: "name a file",
    errno.EEXIST: "name another place, or move away what is there",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "its links lead in a circle: correct them",
    errno.EMFILE: "raise `ulimit -n`, or run fewer jobs at once",
    errno.ENFILE: "run fewer jobs at once",
    errno.ENOMEM: "run fewer jobs at once, or use a machine with more memory",
    errno.EIO: _AGAIN,
    errno.ESTALE: _AGAIN,
}
"""What to do about an error of the system, by its number."""

_IN_WORDS = re.compile(r"(?:errno\W+|os error )(\d+)", re.IGNORECASE)
"""How HDF5, Arrow and safetensors write an error number into a text."""


class FileError(UserError, OSError):
    """What the system refuses to do with a file: an OSError, with its number and file, whose text is for the user."""

    def __str__(self) -> str:
        """The sentence."""
        remedy = _REMEDIES.get(self.errno or 0, "mend that, and run the command again")
        told = f"{self.strerror}; {remedy}."
        return told if self.filename is None else f"{self.filename}: {told}"


def file_error(error: BaseException, path: Path | None = None) -> FileError | None:
    """The sentence on what the system refused.

    Parameters
    ----------
    error : BaseException
        Of the standard library, or of one that writes files and tells the system's error number in words.
    path : Path, optional
        The file, where the error does not name one.

    Returns
    -------
    FileError or None
        None where it is no error of the system.
    """
    if isinstance(error, FileError):
        return error
    number = getattr(error, "errno", None)
    if number is None and (found := _IN_WORDS.search(str(error))):
        number = int(found[1])
    if not isinstance(number, int) or number <= 0:
        return None
    named = getattr(error, "filename", None)
    return FileError(number, os.strerror(number), str(path) if named is None and path else named)


@contextmanager
def naming(path: Path, written_as: Path | None = None) -> Iterator[None]:
    """Tell what the system refuses inside as a `FileError`, which names `path` unless another file was refused.

    Parameters
    ----------
    path : Path
        The file that all this is about.
    written_as : Path, optional
        A temporary name of it, which nobody should be told.

    Raises
    ------
    FileError
    """
    try:
        yield
    except (UserError, BrokenPipeError):  # the latter is about the reader of what is printed
        raise
    except Exception as error:
        told = file_error(error, path)
        if told is None:
            raise
        if written_as is not None and told.filename == str(written_as):
            told = FileError(told.errno, told.strerror, str(path))
        raise told from error
