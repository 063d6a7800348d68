"""Networks that are trained from images over the folds of a split."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import nn

from leukorepro.core.words import Device
from leukorepro.run.specifications.fits import NetworkFit
from leukorepro.systems.networks.registry import build_network
from leukorepro.systems.training.job import train_in_folds


def fit(told: NetworkFit, threads: int, device: Device) -> None:
    """Train a network from random weights in every fold of a split, and write what it predicts."""

    def build(rows: NDArray[Any], n_classes: int) -> nn.Module:
        width = told.network.width[told.budget]
        return build_network(told.network.architecture, rows.shape[1:], n_classes, width, told.seed)

    train_in_folds(told, build, threads, device, told.codes)


ENTRY = fit
