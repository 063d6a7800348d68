"""`leukorepro report share`: the pages of a run, without names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, folder_to_write
from leukorepro.cli.run_options import FinishedRunOption


def share(
    run_file: FinishedRunOption,
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to fill.")],
    pictures: Annotated[bool, typer.Option("--pictures", help="Show pictures of cells, too.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Pages to draw at a time.")] = 1,
) -> None:
    """Write the report of a finished run for others: without file names, subject ids and paths of this machine.

    Images and patients go by numbers drawn at random; names of the run, of datasets and of classes stay. The report is
    not anonymous: whoever has the images knows them again by their digests, colours and scores.

    Example: `leukorepro report share --run demo --output to_send`
    """
    from leukorepro.core.installation.files import SNAKEFILE, own_files
    from leukorepro.report.pages.addresses import START
    from leukorepro.report.shared.share import share as run

    run(run_file, output, pictures=pictures, workers=workers, workflow=own_files() / SNAKEFILE)
    print(f"Report: {output / START}")
