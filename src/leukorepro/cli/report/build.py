"""`leukorepro report build`: the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, ConfigOption, folder_to_write


def build(
    config: ConfigOption,
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to fill.")],
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Studies to draw at a time.")] = 1,
) -> None:
    """Write the HTML page of a run; it opens from disk without a network.

    Example: `leukorepro report build --config results/demo/config.json --output results/demo/report`
    """
    from leukorepro.report.site import build as run

    run(config, config.parent, output, workers=workers)
