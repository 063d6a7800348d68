"""Features of trained networks."""

from __future__ import annotations

from leukorepro.core.words import Device
from leukorepro.features.identity import read_wanted
from leukorepro.run.specifications.fits import EncodingFit
from leukorepro.systems.training.network_features import write_network_features
from leukorepro.systems.training.training import Hardware


def fit(told: EncodingFit, threads: int, device: Device) -> None:
    """Write what a trained network sees of all images, the output of its layer before the last, for every fold.

    Parameters
    ----------
    told : EncodingFit
        The network's file of weights, the images, and where the features go.
    threads : int
        That read images ahead.
    device : {'auto', 'cpu', 'cuda'}
        Where the network is computed.
    """
    images = read_wanted(told.features, told.parts, mapped=True)
    hardware = Hardware(device, workers=threads)
    write_network_features(told.network, told.weights, images, told.budget, hardware, told.output)


ENTRY = fit
