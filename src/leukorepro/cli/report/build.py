"""`leukorepro report build`: the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, ConfigOption, folder_to_write


def build(
    config: ConfigOption,
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to fill.")],
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Pages and pictures to draw at a time.")] = 1,
    kept: Annotated[
        Path | None,
        typer.Option(
            callback=folder_to_write,
            help="Folder that keeps drawn pages: only those whose inputs have changed are drawn again.",
        ),
    ] = None,
) -> None:
    """Write the report of a run: a site that opens from disk without a network.

    Example: `leukorepro report build --config results/demo/config.json --output results/demo/report`
    """
    from leukorepro.core.installation.files import SNAKEFILE, own_files
    from leukorepro.report.pages.addresses import START
    from leukorepro.report.site import build as run

    run(config, config.parent, output, workers=workers, kept=kept, workflow=own_files() / SNAKEFILE)
    print(f"Report: {output / START}")
