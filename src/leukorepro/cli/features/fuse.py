"""`leukorepro features fuse`: features side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import OutputOption, file_to_read


def fuse(
    parts: Annotated[
        list[Path], typer.Argument(callback=file_to_read, help="Feature files, in the order in which to join them.")
    ],
    output: OutputOption,
) -> None:
    """Join feature files of the same images side by side, without copying them.

    Example: `leukorepro features fuse a.h5 b.h5 --output a+b.h5`
    """
    from leukorepro.features.fusion import fuse as run

    run(parts, output)
