"""Backbones that are trained further over the folds of a split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from leukorepro.core.words import Device
from leukorepro.features.backbones.parameters import spread
from leukorepro.features.backbones.registry import find_backbone, starts_of
from leukorepro.features.backbones.tunable import TunableNetwork, build_tunable
from leukorepro.features.backbones.weights import find_weights
from leukorepro.features.fusion import read_features
from leukorepro.features.identity import check_weights_file
from leukorepro.features.parts import ResolvedDescriptor, Tuning
from leukorepro.run.specifications.fits import FineTunedFit
from leukorepro.systems.training.job import train_in_folds
from leukorepro.systems.training.network_fits import Build


def fit(told: FineTunedFit, threads: int, device: Device) -> None:
    """Train a backbone with a new last layer from one of its layers on, in every fold of a split.

    Parameters
    ----------
    told : FineTunedFit
        The backbone, what of it is trained and how, its input, and where predictions go.
    threads : int
        That read rows ahead.
    device : {'auto', 'cpu', 'cuda'}
        Where it is trained.
    """
    build = builder(told.tuning, read_features(told.features, mapped=True).rows)
    network, start = told.tuning.network, told.tuning.start
    print(f"{told.classifier}: {network.backbone}, trained from {start} on; {_about_the_rest(told)}")
    if network.weights == "random":
        print(f"{told.classifier}: RANDOM weights, batch-norm statistics set on images of the dataset")
    train_in_folds(told, build, threads, device)


def builder(tuning: Tuning, about: pd.DataFrame) -> Build:
    """What builds a backbone with its weights, which a seed draws where they are random, and a new last layer.

    Parameters
    ----------
    tuning : Tuning
    about : DataFrame
        Columns image_id and view of the rows that it will be given; random weights have their batch-norm statistics
        set on some of the original images among them.

    Raises
    ------
    UserError
        If the weights cannot be had.
    """
    network = tuning.network
    backbone = find_backbone(network.backbone)
    path = find_weights(backbone, network.weights)
    originals = np.flatnonzero(about["view"] == "identity")

    def build(rows: NDArray[Any], n_classes: int, seed: int) -> TunableNetwork:
        size, scaling = network.input_size, network.preprocessing
        made = build_tunable(backbone, tuning.start, path, n_classes, size, seed=seed, preprocessing=scaling)
        check_weights_file(network)
        if path is None:
            made.calibrate(torch.from_numpy(rows[originals[spread(len(originals))]]))
        return made

    return build


def _about_the_rest(told: FineTunedFit) -> str:
    """What becomes of the layers before the first one that is trained."""
    if not isinstance(told.tuning.input, ResolvedDescriptor):
        return f"what comes before stays as it is, its batch norms too, and was computed once ({told.features.name})"
    if told.tuning.start == starts_of(find_backbone(told.tuning.network.backbone)).names[0]:
        return "nothing stays as it is"
    return "what comes before stays as it is, its batch norms too, and is computed in every epoch, which changes images"


ENTRY = fit
