"""`leukorepro models encode`: what trained networks see of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    DeviceOption,
    OutputOption,
    RunOption,
    SetOption,
    StudyOption,
    resolve_study,
)
from leukorepro.core.errors import UserError


def encode(
    run_file: RunOption,
    study: StudyOption,
    reducer: Annotated[str, typer.Option(help="Name of the reducer, whose kind is `trained_features`.")],
    weights: Annotated[Path, typer.Option(help="Weights of its network in every fold, as `models train` writes them.")],
    features: Annotated[Path, typer.Option(help="Feature file of the descriptor `images`.")],
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Write what a trained network sees of all images, the output of its layer before the last, for every fold.

    Example: `leukorepro models encode --run config/config.yaml --study rezayi2021 --reducer CNN_features
    --weights weights.safetensors --features images-70.h5 --output images-CNN_features.h5`
    """
    import torch

    from leukorepro.config.systems import NetworkSpec, TrainedFeaturesSpec
    from leukorepro.features.fusion import read_features
    from leukorepro.systems.training.network_features import write_network_features
    from leukorepro.systems.training.training import Hardware

    torch.set_num_threads(threads)
    resolved, chosen = resolve_study(run_file, override, study)
    spec = chosen.find_reducer(reducer)
    if not isinstance(spec, TrainedFeaturesSpec):
        raise UserError(f"--reducer {reducer}: of kind '{spec.kind}'; `leukorepro models fit-reducer` fits it.")
    network = chosen.study.classifiers[spec.network]
    assert isinstance(network, NetworkSpec)  # the study's check has seen to it
    hardware = Hardware(device, resolved.precision, threads)
    write_network_features(network, weights, read_features(features, mapped=True), resolved.budget, hardware, output)
