"""`leukorepro models encode`: what trained networks see of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import DeviceOption, OutputOption, SpecOption


def encode(
    spec: SpecOption,
    weights: Annotated[
        Path, typer.Option(help="Weights of the network in every fold, as `leukorepro models train` writes them.")
    ],
    features: Annotated[Path, typer.Option(help="Feature file of the descriptor `images`.")],
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
) -> None:
    """Write what the layer before the last of a trained network gives for every image, for every fold.

    Example: `leukorepro models encode --spec results/demo/specs/encoding/rezayi2021-CNN_features-1f0c.json
    --weights weights.safetensors --features images-70.h5 --output images-CNN_features.h5`
    """
    import torch

    from leukorepro.features.fusion import read_features
    from leukorepro.run.specifications.encoding import EncodingSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.training.network_features import write_network_features
    from leukorepro.systems.training.training import Hardware

    torch.set_num_threads(threads)
    told = read_specification(EncodingSpecification, spec)
    hardware = Hardware(device, workers=threads)
    write_network_features(told.network, weights, read_features(features, mapped=True), told.budget, hardware, output)
