"""Python loads this module when it starts, where its folder is on the path: every command tells what it has used."""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

READ: set[str] = set()


def note(event: str, arguments: tuple[Any, ...]) -> None:
    """Note the files that Python opens to read them, with their complete paths."""
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and (mode.startswith("r") if mode else not flags & (os.O_WRONLY | os.O_RDWR)):
            READ.add(os.path.abspath(path))  # noqa: PTH100  called for every module that is imported


def tell() -> None:
    """Write the command's words, the package's modules that are loaded, the files that were read, and DVC's stage."""
    if Path(sys.argv[0]).name == "leukorepro":
        modules = sorted(name for name in sys.modules if name.partition(".")[0] == "leukorepro")
        place = Path(os.environ["LOADED"])
        place.mkdir(exist_ok=True)
        told = {"words": sys.argv[1:], "modules": modules, "read": sorted(READ), "stage": os.environ.get("DVC_STAGE")}
        (place / f"{os.getpid()}.json").write_text(json.dumps(told))


if "LOADED" in os.environ:
    sys.addaudithook(note)
    atexit.register(tell)
