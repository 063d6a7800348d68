"""Backbones that are trained further over the folds of a split."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leukorepro.core.words import Device
from leukorepro.features.backbones.parameters import spread
from leukorepro.features.backbones.registry import find_backbone, starts_of
from leukorepro.features.backbones.tunable import build_tunable
from leukorepro.features.backbones.weights import find_weights
from leukorepro.features.fusion import read_features
from leukorepro.features.identity import check_weights_file
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.run.specifications.fits import FineTunedFit
from leukorepro.systems.training.job import train_in_folds


def fit(told: FineTunedFit, threads: int, device: Device) -> None:
    """Train a backbone with a new last layer from one of its layers on, in every fold of a split."""
    network, start = told.tuning.network, told.tuning.start
    backbone = find_backbone(network.backbone)
    path = find_weights(backbone, network.weights)
    originals = np.flatnonzero(read_features(told.features, mapped=True).rows["view"] == "identity")

    def build(rows: NDArray[Any], n_classes: int) -> nn.Module:
        made = build_tunable(
            backbone, start, path, n_classes, network.input_size, seed=told.seed, preprocessing=network.preprocessing
        )
        check_weights_file(network)
        if path is None:
            made.calibrate(torch.from_numpy(rows[originals[spread(len(originals))]]))
        return made

    print(f"{told.classifier}: {network.backbone}, trained from {start} on; {_about_the_rest(told)}")
    if path is None:
        print(f"{told.classifier}: RANDOM weights, batch-norm statistics set on images of the dataset")
    train_in_folds(told, build, threads, device)


def _about_the_rest(told: FineTunedFit) -> str:
    """What becomes of the layers before the first one that is trained."""
    if not isinstance(told.tuning.input, ResolvedDescriptor):
        return f"what comes before stays as it is, its batch norms too, and was computed once ({told.features.name})"
    if told.tuning.start == starts_of(find_backbone(told.tuning.network.backbone)).names[0]:
        return "nothing stays as it is"
    return "what comes before stays as it is, its batch norms too, and is computed in every epoch, which changes images"


ENTRY = fit
