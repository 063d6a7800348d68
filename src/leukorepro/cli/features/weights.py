"""`leukorepro features weights`: a network's pretrained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import file_to_write


def weights(
    backbone: Annotated[str, typer.Option(help="Network, such as `mobilenet_v2`.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=file_to_write,
            help="File that says what came of it; that the weights cannot be got is then no error.",
        ),
    ] = None,
) -> None:
    """Get a network's ImageNet weights: look them up, download them if they are nowhere, check their SHA-256.

    Example: `leukorepro features weights --backbone mobilenet_v2`
    """
    from leukorepro.features.backbones.record import record_weights
    from leukorepro.features.backbones.registry import find_backbone
    from leukorepro.features.backbones.weights import find_imagenet_weights

    if output is None:
        print(find_imagenet_weights(find_backbone(backbone)))
        return
    record = record_weights(backbone, output)
    print(record.failure or f"{record.file}: SHA-256 {record.sha256}")
