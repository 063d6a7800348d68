"""Files whose time lies ahead, as a clock that was set back leaves them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from leukorepro.core.file_errors import naming


def set_right(folders: Iterable[Path], written: Path) -> int:
    """Give the present time to all files and folders of a later one.

    What is made of them now would be older than they are, which Snakemake refuses.

    Parameters
    ----------
    folders : iterable of Path
        Looked through with all that is in them, where they are there; links are not followed.
    written : Path
        A file that was just written beside them: the clock of another machine that files lie on may be ahead of this
        one's.

    Returns
    -------
    int
        How many there were.
    """
    now = max(time.time_ns(), written.stat().st_mtime_ns)
    ahead = [path for folder in folders for path in folder.rglob("*") if path.lstat().st_mtime_ns > now]
    for path in ahead:
        with naming(path):
            os.utime(path, ns=(now, now), follow_symlinks=False)
    return len(ahead)
