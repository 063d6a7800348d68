"""Fitting reducers on the rows that a protocol allows, and keeping them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.config import Protocol, SparseAutoencoderSpec
from leukorepro.features.fusion import Features
from leukorepro.models.folds import fits
from leukorepro.models.sparse_autoencoder import SparseAutoencoder
from leukorepro.store import hdf5_writer
from leukorepro.words import Budget, Device


def fit_reducer(
    spec: SparseAutoencoderSpec,
    features: Features,
    splits: pd.DataFrame,
    protocol: Protocol,
    budget: Budget,
    seed: int,
    device: Device,
    output: Path,
) -> None:
    """Fit a sparse autoencoder for every fit of a protocol and write their encoders and loss histories.

    Parameters
    ----------
    spec : SparseAutoencoderSpec
    features : Features
        Matrix of the feature set.
    splits : DataFrame
        Split table of the protocol.
    protocol : Protocol
        Its scope decides the rows of each fit.
    budget : {'demo', 'published'}
        Which of the specification's numbers of epochs is used.
    seed : int
        Of the initial weights, alike for all fits.
    device : {'auto', 'cpu', 'cuda'}
    output : Path
        HDF5 file, one group per fit: `all`, or `r<repeat>f<fold>`.
    """
    n_features = features.matrix.shape[1]
    with hdf5_writer(output) as file:
        for name, rows in fits(splits, features, protocol).items():
            autoencoder = SparseAutoencoder(
                n_hidden=max(1, round(spec.hidden_fraction * n_features)),
                max_epochs=spec.max_epochs[budget],
                gradient_tolerance=spec.gradient_tolerance,
                l2_weight=spec.l2_weight,
                sparsity_weight=spec.sparsity_weight,
                sparsity_target=spec.sparsity_target,
                error_divisor=spec.error_divisor,
                seed=seed,
                device=device,
                progress=True,
            ).fit(np.ascontiguousarray(features.matrix[rows]))
            print(
                f"{output.stem}, fit {name}: {len(rows)} rows, {autoencoder.n_epochs_} epochs, "
                f"loss {autoencoder.loss_[0]:.4g} -> {autoencoder.loss_[-1]:.4g}, stopped by {autoencoder.stopped_by_}"
            )
            autoencoder.encoder_.write(file.create_group(name))
