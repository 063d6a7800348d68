"""A disk without room: a limit on the size of files, at which the system refuses real writes in the middle.

Its error has another number than that of a full disk, and no test needs a file system of its own.
"""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond this many bytes.

    What is printed goes into memory: the tests' own record of it is a file too, and a progress bar that cannot be drawn
    keeps its lock for ever.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
