"""Python loads this module when it starts, where its folder is on the path: every command tells what it has loaded."""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path


def tell() -> None:
    """Write the command's words and the package's modules that are loaded, where the command line was started."""
    if Path(sys.argv[0]).name == "leukorepro":
        modules = sorted(name for name in sys.modules if name.partition(".")[0] == "leukorepro")
        place = Path(os.environ["LOADED"])
        place.mkdir(exist_ok=True)
        (place / f"{os.getpid()}.json").write_text(json.dumps({"words": sys.argv[1:], "modules": modules}))


atexit.register(tell)
