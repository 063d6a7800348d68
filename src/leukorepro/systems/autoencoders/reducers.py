"""Fitting reducers on the rows that a protocol allows, and keeping them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.config.study.schemes import Protocol
from leukorepro.config.study.systems import ConvAutoencoderSpec, SparseAutoencoderSpec
from leukorepro.core.store import hdf5_writer
from leukorepro.core.words import Budget, Device, Precision
from leukorepro.features.fusion import FITTED_ON, Features
from leukorepro.systems.autoencoders.sparse_autoencoder import SparseAutoencoder
from leukorepro.systems.fitted import ROWS, rows_digest
from leukorepro.systems.folds import Positions, fits, seeds_of_fits


def fit_reducer(
    spec: SparseAutoencoderSpec | ConvAutoencoderSpec,
    features: Features,
    splits: pd.DataFrame,
    protocol: Protocol,
    budget: Budget,
    seed: int,
    device: Device,
    output: Path,
    precision: Precision = "float32",
    workers: int = 0,
) -> None:
    """Fit an autoencoder for every fit of a protocol and write what was learnt, with its loss histories.

    Parameters
    ----------
    spec : SparseAutoencoderSpec or ConvAutoencoderSpec
    features : Features
        Matrix of the feature set; of a convolutional autoencoder, images that may be mapped.
    splits : DataFrame
        Split table of the protocol.
    protocol : Protocol
        Its scope decides the rows of each fit.
    budget : {'demo', 'published'}
        Which of the specification's numbers of epochs is used.
    seed : int
        Of the initial weights; alike for all fits of one of the run's seeds.
    device : {'auto', 'cpu', 'cuda'}
        Where it is fitted.
    output : Path
        HDF5 file, one group per fit: `all`, or `r<repeat>f<fold>`.
    precision : {'float32', 'mixed'}, optional
        Of a convolutional autoencoder's training.
    workers : int, optional
        Threads that read its images ahead.

    Raises
    ------
    UserError
        If a convolutional autoencoder is given no images, or images whose side is not divisible by 9.
    """
    rows, seeds = fits(splits, features, protocol), seeds_of_fits(splits, features, protocol, seed)
    if isinstance(spec, SparseAutoencoderSpec):
        _fit_sparse_autoencoders(spec, features, rows, budget, seeds, device, output)
        return
    # Imported here, because the trainer's libraries take longer to import than many a sparse autoencoder to fit.
    from leukorepro.systems.autoencoders.autoencoder_fits import fit_conv_autoencoders
    from leukorepro.systems.training.training import Hardware

    fit_conv_autoencoders(spec, features, rows, budget, seeds, Hardware(device, precision, workers), output)


def sparse_autoencoder(
    spec: SparseAutoencoderSpec, n_features: int, budget: Budget, seed: int, device: Device
) -> SparseAutoencoder:
    """A sparse autoencoder as a study describes it, still to be fitted.

    Parameters
    ----------
    spec : SparseAutoencoderSpec
        Its settings.
    n_features : int
        Columns of the features, which the number of hidden units may depend on.
    budget : {'demo', 'published'}
        Which of the numbers of epochs is used.
    seed : int
        Of the initial weights.
    device : {'auto', 'cpu', 'cuda'}
        Where it is fitted.
    """
    return SparseAutoencoder(
        n_hidden=spec.n_hidden(n_features),
        max_epochs=spec.max_epochs[budget],
        gradient_tolerance=spec.gradient_tolerance,
        l2_weight=spec.l2_weight,
        sparsity_weight=spec.sparsity_weight,
        sparsity_target=spec.sparsity_target,
        error_divisor=spec.error_divisor,
        l2_factor=spec.l2_factor,
        seed=seed,
        device=device,
        progress=True,
    )


def _fit_sparse_autoencoders(
    spec: SparseAutoencoderSpec,
    features: Features,
    fits: dict[str, Positions],
    budget: Budget,
    seeds: dict[str, int],
    device: Device,
    output: Path,
) -> None:
    n_features = features.matrix.shape[1]
    with hdf5_writer(output) as file:
        file.attrs[FITTED_ON] = features.sha256
        for name, rows in fits.items():
            autoencoder = sparse_autoencoder(spec, n_features, budget, seeds[name], device)
            autoencoder.fit(np.ascontiguousarray(features.matrix[rows]))
            print(
                f"{output.stem}, fit {name}: {len(rows)} rows, {autoencoder.n_epochs_} epochs, "
                f"loss {autoencoder.loss_[0]:.4g} -> {autoencoder.loss_[-1]:.4g}, stopped by {autoencoder.stopped_by_}"
            )
            group = file.create_group(name)
            group.attrs[ROWS] = rows_digest(rows)
            autoencoder.encoder_.write(group)
