"""`leukorepro features join`: features of two datasets, one below the other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import ManifestOption, OutputOption, file_to_read


def join(
    parts: Annotated[
        list[Path],
        typer.Argument(callback=file_to_read, help="Feature files of the first dataset and of the second."),
    ],
    manifest: ManifestOption,
    dataset: Annotated[str, typer.Option(help="Name of both datasets together.")],
    second: Annotated[str, typer.Option(help="Name of the second, with which its images begin in the manifest.")],
    output: OutputOption,
    view: Annotated[
        list[str] | None, typer.Option(help="View that is kept, such as `hflip`; default: `identity`; repeat for more.")
    ] = None,
) -> None:
    """Put the features of two datasets, by the same network, below each other.

    Example: `leukorepro features join first/a.h5 second/a.h5 --manifest both.csv --dataset first+second
    --second second --output both/a.h5`
    """
    from leukorepro.config.fields import Views
    from leukorepro.core.errors import UserError
    from leukorepro.core.validation import parse
    from leukorepro.features.joining import join as run

    if len(parts) != 2:
        raise UserError(f"features join: {len(parts)} files given; give one of the first dataset, one of the second.")
    views = parse(Views, view or ["identity"], Path("--view"))
    run(parts[0], parts[1], manifest, output, dataset=dataset, second_name=second, views=views)
