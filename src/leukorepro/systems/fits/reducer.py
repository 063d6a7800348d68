"""Autoencoders over the folds of a split."""

from __future__ import annotations

from leukorepro.config.study.systems import ConvAutoencoderSpec
from leukorepro.core.words import Device
from leukorepro.data.split_tables import read_splits
from leukorepro.features.identity import read_wanted
from leukorepro.run.specifications.fits import ReducerFit
from leukorepro.systems.autoencoders.reducers import fit_reducer


def fit(told: ReducerFit, threads: int, device: Device) -> None:
    """Fit an autoencoder on the rows that a protocol allows, in every fold; one of images continues after a kill.

    Parameters
    ----------
    told : ReducerFit
        The autoencoder, its features, the split table and the protocol, and where the codes go.
    threads : int
        That read images ahead.
    device : {'auto', 'cpu', 'cuda'}
        Where it is fitted.
    """
    fit_reducer(
        told.reducer,
        read_wanted(told.features, told.parts, mapped=isinstance(told.reducer, ConvAutoencoderSpec)),
        read_splits(told.splits),
        told.protocol,
        told.budget,
        told.seed,
        device,
        told.output,
        told.precision,
        workers=threads,
    )


ENTRY = fit
