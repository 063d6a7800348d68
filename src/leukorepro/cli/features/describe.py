"""`leukorepro features describe`: features that need no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, ManifestOption, MaxPixelsOption, OutputOption, folder_to_read
from leukorepro.core.words import Normalisation
from leukorepro.features.backbones.specification import Interpolation


def describe(
    manifest: ManifestOption,
    images: Annotated[
        Path, typer.Option(callback=folder_to_read, help="Folder of the images that the manifest lists.")
    ],
    descriptor: Annotated[
        str, typer.Option(help="`pixels`, `lab_segments`, `hsv_segments`, `cell_area`, `size_and_colour`.")
    ],
    output: OutputOption,
    input_size: Annotated[
        int | None, typer.Option(help="Side that images are resized to, in pixels; default: the descriptor's own.")
    ] = None,
    interpolation: Annotated[Interpolation, typer.Option(help="How images are resized.")] = "bilinear",
    view: Annotated[
        list[str] | None,
        typer.Option(help="View of every image, such as `hflip`; default: `identity`; repeat for more."),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Name of the dataset, for the record.")] = "images",
    max_pixels: MaxPixelsOption = 100_000_000,
    normalise: Annotated[
        Normalisation | None,
        typer.Option(help="How colours are made those of a reference first; default: they stay."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Images to work on at a time.")] = 2,
) -> None:
    """Compute the features of every view of every image without a network; run again to continue after a kill.

    Example: `leukorepro features describe --manifest manifest.csv --images my_smears --descriptor lab_segments
    --output features.h5`
    """
    from leukorepro.config.fields import Views
    from leukorepro.config.study.systems import DescriptorSpec
    from leukorepro.core.store import sha256_file
    from leukorepro.core.validation import parse
    from leukorepro.data.manifest import read_manifest
    from leukorepro.features.descriptors.describe import describe as run
    from leukorepro.features.lookup import resolve_descriptor
    from leukorepro.features.stream import Request

    wanted = parse(
        DescriptorSpec, {"descriptor": descriptor, "input_size": input_size, "normalise": normalise}, Path("options")
    )
    chosen = resolve_descriptor(wanted, "options").model_copy(update={"interpolation": interpolation})
    request = Request(
        dataset=dataset,
        manifest=read_manifest(manifest),
        manifest_sha256=sha256_file(manifest),
        images=images,
        views=parse(Views, view or ["identity"], Path("--view")),
        size=chosen.input_size,
        max_pixels=max_pixels,
        interpolation=interpolation,
        normalise=normalise,
    )
    run(request, output, chosen, threads=threads)
