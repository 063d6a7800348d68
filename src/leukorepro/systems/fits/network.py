"""Networks that are trained from images over the folds of a split."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import nn

from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.words import Budget, Device
from leukorepro.run.specifications.fits import NetworkFit
from leukorepro.systems.networks.registry import build_network
from leukorepro.systems.training.job import train_in_folds
from leukorepro.systems.training.network_fits import Build


def fit(told: NetworkFit, threads: int, device: Device) -> None:
    """Train a network from random weights in every fold of a split, and write what it predicts.

    Parameters
    ----------
    told : NetworkFit
        The network, its images or codes, and where predictions go.
    threads : int
        That read rows ahead.
    device : {'auto', 'cpu', 'cuda'}
        Where it is trained.
    """
    train_in_folds(told, builder(told.network, told.budget), threads, device, told.codes)


def builder(spec: NetworkSpec, budget: Budget) -> Build:
    """What builds a network with its initial weights.

    Parameters
    ----------
    spec : NetworkSpec
        Architecture, and its width at each budget.
    budget : {'demo', 'published'}
        Which width is taken.

    Returns
    -------
    callable
        From rows (N, ...), a number of classes and a seed to the network; of the rows the shape alone is looked at.
    """

    def build(rows: NDArray[Any], n_classes: int, seed: int) -> nn.Module:
        return build_network(spec.architecture, rows.shape[1:], n_classes, spec.width[budget], seed)

    return build


ENTRY = fit
