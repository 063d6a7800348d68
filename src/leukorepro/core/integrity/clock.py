"""Files whose time lies ahead, as a clock that was set back leaves them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from leukorepro.core.file_errors import naming


def set_right(folder: Path) -> int:
    """Give the present time to all files and folders of a later one.

    What is made of them now would be older than they are, which Snakemake refuses.

    Parameters
    ----------
    folder : Path
        Looked through with all that is in it; links are not followed.

    Returns
    -------
    int
        How many there were.
    """
    now = time.time()
    ahead = [path for path in folder.rglob("*") if path.lstat().st_mtime > now]
    for path in ahead:
        with naming(path):
            os.utime(path, (now, now), follow_symlinks=False)
    return len(ahead)
