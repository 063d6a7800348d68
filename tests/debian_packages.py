"""Programs that some tests need, installed from Debian's packages where they are missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
DAEMONS = "/usr/sbin"
"""Where Debian puts them, and where not every path leads."""
LOCK = Path(tempfile.gettempdir()) / "leukorepro-packages.lock"


class Unavailable(Exception):
    """Why this machine cannot have what a test needs."""


def install(packages: Mapping[str, str]) -> None:
    """Install the packages of missing programs, without letting them start a service.

    Parameters
    ----------
    packages : mapping of str to str
        Programs that must be found on the path, and the package that has each.

    Raises
    ------
    Unavailable
        If a program is missing, and this is no Debian or the user is not root.
    """
    if DAEMONS not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + DAEMONS
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests side by side; apt-get waits for no other's lists
        missing = [program for program in packages if shutil.which(program) is None]
        if not missing:
            return
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise Unavailable(f"{' '.join(missing)} not found, and only root on Debian can install them here")
        with ExitStack() as undo:
            if not POLICY.exists():
                undo.callback(POLICY.unlink, missing_ok=True)
                POLICY.write_text("#!/bin/sh\nexit 101\n")
                POLICY.chmod(0o755)
            wanted = sorted({packages[program] for program in missing})
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            wait = ["-o", "DPkg::Lock::Timeout=300"]
            for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *wanted]):
                subprocess.run(["apt-get", "-qq", *wait, *arguments], env=environment, check=True, timeout=600)
