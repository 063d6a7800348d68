"""`leukorepro features extract`: features by a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    MOST_WORKERS,
    DeviceOption,
    ManifestOption,
    MaxPixelsOption,
    OutputOption,
    folder_to_read,
)
from leukorepro.core.words import LARGEST_SEED, Engine, Normalisation, Precision, Preprocessing


def extract(
    manifest: ManifestOption,
    images: Annotated[
        Path, typer.Option(callback=folder_to_read, help="Folder of the images that the manifest lists.")
    ],
    backbone: Annotated[str, typer.Option(help="Network, such as `mobilenet_v2`.")],
    output: OutputOption,
    weights: Annotated[str, typer.Option(help="`imagenet`, `random` or `file:PATH`.")] = "imagenet",
    layer: Annotated[
        str | None, typer.Option(help="Layer whose output is taken; default: the network's usual one.")
    ] = None,
    input_size: Annotated[
        int | None, typer.Option(help="Side that images are resized to, in pixels; default: the network's own.")
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(help="View of every image, such as `hflip`; default: `identity`; repeat for more."),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Name of the dataset, for the record.")] = "images",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of random weights.")] = 0,
    max_pixels: MaxPixelsOption = 100_000_000,
    preprocessing: Annotated[
        Preprocessing | None, typer.Option(help="How pixel values are scaled; default: the network's own way.")
    ] = None,
    normalise: Annotated[
        Normalisation | None,
        typer.Option(help="How colours are made those of a reference first; default: they stay."),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="Workers; each reads images, and on a CPU computes.")
    ] = 2,
    batch_rows: Annotated[int, typer.Option(min=1, help="Images per pass through the network, with torch.")] = 32,
    engine: Annotated[
        Engine, typer.Option(help="`auto` uses torch on a GPU and OpenVINO on a CPU, and says so.")
    ] = "auto",
    device: DeviceOption = "auto",
    precision: Annotated[
        Precision,
        typer.Option(help="`mixed`: half precision where that is safe, on a GPU or a CPU that supports bfloat16."),
    ] = "float32",
) -> None:
    """Compute the features of every view of every image with a network; run again to continue after a kill.

    Example: `leukorepro features extract --manifest manifest.csv --images my_smears --backbone mobilenet_v2
    --weights random --output features.h5`
    """
    from leukorepro.config.fields import Views, WeightsSpec
    from leukorepro.config.study.systems import Extractor
    from leukorepro.core.store import sha256_file
    from leukorepro.core.validation import parse
    from leukorepro.data.manifest import read_manifest
    from leukorepro.features.backbones.registry import find_backbone
    from leukorepro.features.extract import extract as run
    from leukorepro.features.lookup import resolve_extractor
    from leukorepro.features.stream import Request

    wanted = parse(
        Extractor,
        {
            "backbone": backbone,
            "layer": layer,
            "input_size": input_size,
            "preprocessing": preprocessing,
            "normalise": normalise,
        },
        Path("options"),
    )
    extractor = resolve_extractor(
        wanted,
        parse(WeightsSpec, weights, Path("--weights")),
        "options",
        seed=seed,
        engine=engine,
        precision=precision,
    )
    views = parse(Views, view or ["identity"], Path("--view"))
    request = Request(
        dataset=dataset,
        manifest=read_manifest(manifest),
        manifest_sha256=sha256_file(manifest),
        images=images,
        views=views,
        size=extractor.input_size,
        max_pixels=max_pixels,
        interpolation=find_backbone(extractor.backbone).interpolation,
        normalise=normalise,
    )
    run(request, extractor, output, device=device, threads=threads, batch_rows=batch_rows)
