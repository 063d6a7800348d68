"""Convolutional autoencoders fitted on the images that a protocol allows, and the codes of all images.

Layout of the file: attribute `features_sha256`, that of the feature file; `image_id` and `view` (N,), as there; for
each fit a group, `all` or `r<repeat>f<fold>`, with

- `codes` float32 (N, dim), in one piece, so that it can be mapped,
- `reconstruction_correlation` and `leukorepro.core.tables.predictions.MOMENTS`, each float32 (N,),
- `loss` float64 (epochs,), the training loss of every epoch,
- `samples` uint8 (k, 2, size, size, 3), images and their reconstructions, and `samples_id` (k,), whose they are,
- `parameters`, float32, by their names in the network, and the mean that it subtracts from images, if any,
- attributes `rows_sha256` (`leukorepro.systems.fitted`), `stopped_by`, `n_rows` (rows that it was trained on),
  `learnables`.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from importlib.metadata import version
from math import isqrt
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.config.study.systems import ConvAutoencoderSpec
from leukorepro.core.device import choose_device
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer
from leukorepro.core.tables.predictions import RECONSTRUCTED
from leukorepro.core.words import Budget
from leukorepro.features.fusion import CODES, FITTED_ON, TEXT, Features, write_rows
from leukorepro.run.digests import at_budget, digest
from leukorepro.systems.fitted import ROWS, rows_digest
from leukorepro.systems.folds import Positions, fit_in_words
from leukorepro.systems.networks.convolutional_autoencoder import ConvAutoencoder, code_size
from leukorepro.systems.networks.layers import WHITE, center_inputs, count_learnables
from leukorepro.systems.networks.registry import build_autoencoder
from leukorepro.systems.training.training import TRAINER_VERSION, Hardware, Schedule, predict, train, training_mean

SAMPLES = 8
"""Images of each fit that are kept with their reconstructions."""

BATCH_ROWS = 8
"""Images that are encoded together: at 450 x 450 pixels, each layer of the outer two is 60 MB."""

BLOCK_BYTES = 1 << 26
"""Codes that are in memory at a time."""

Images = NDArray[np.uint8]
"""Shape (N, size, size, 3), red, green, blue."""


def fit_conv_autoencoders(
    spec: ConvAutoencoderSpec,
    features: Features,
    fits: dict[str, Positions],
    budget: Budget,
    seeds: dict[str, int],
    hardware: Hardware,
    output: Path,
) -> None:
    """Train an autoencoder for every fit of a protocol and write the codes of all images.

    Parameters
    ----------
    spec : ConvAutoencoderSpec
    features : Features
        Of the descriptor `images`; the matrix may be mapped.
    fits : dict of str to ndarray of int
        Rows that each fit may see; the network sees no others until its training is over.
    budget : {'demo', 'published'}
        Which of the specification's numbers of epochs is used.
    seeds : dict of str to int
        Of the initial weights and of the order of rows, for every fit.
    hardware : Hardware
    output : Path
        HDF5 file; its layout is this module's. Beside it, until it is written, lie the unfinished and the finished
        trainings, so that a killed job continues with the epoch that it was in.

    Raises
    ------
    UserError
        If the features are not images whose side is divisible by 9, or a loss is not finite.

    Notes
    -----
    Al-Hammadi (2024), section 7.1: Adam, rate 0.001, batches of 6; the loss is the squared error (section 4.2),
    here its mean over pixels and channels. Equal input gives equal bytes on one machine with one number of threads.
    """
    images = as_images(features.matrix)
    work = output.with_name(f".{output.name}.work")
    shared = (
        choose_device(hardware.device).type,
        hardware.used_precision,
        TRAINER_VERSION,
        version("torch"),
        images.shape,
        hashlib.sha256(images.reshape(-1).data).hexdigest(),
    )
    trained = {}
    for name, rows in fits.items():
        identity = digest(at_budget(spec, budget), seeds[name], *shared)
        trained[name] = train_autoencoder(
            spec, images, rows, budget, seeds[name], hardware, work / name, identity, output.stem
        )
    # Half precision is for training: what is written is what the parameters say.
    exact = replace(hardware, precision="float32")
    with hdf5_writer(output) as file:
        file.attrs[FITTED_ON] = features.sha256
        write_rows(file, features.rows["image_id"].to_numpy(), features.rows["view"].to_numpy())
        for name, rows in fits.items():
            group = file.create_group(name)
            group.attrs[ROWS] = rows_digest(rows)
            network, epochs = trained[name]
            _write_training(group, network, epochs, len(rows))
            correlation = _write_codes(group, network, images, exact)
            _write_samples(group, network, images, _shown(features.rows, rows), features.rows, exact)
            print(f"{output.stem}, fit {name}: {_summary(epochs, correlation, rows)}")
    shutil.rmtree(work)


def as_images(matrix: NDArray[Any]) -> Images:
    """The rows of a matrix as the square images that they are, without a copy.

    Raises
    ------
    UserError
        If they are none, or their side is not divisible by 9.
    """
    size = isqrt(matrix.shape[1] // 3)
    if matrix.dtype != np.uint8 or matrix.shape[1] != 3 * size * size:
        raise UserError(
            f"features: {matrix.shape[1]} columns of {matrix.dtype} are no images; an autoencoder of kind "
            "'conv_autoencoder' needs a feature set of the descriptor 'images'."
        )
    code_size(size)
    images: Images = matrix.reshape(-1, size, size, 3)
    return images


def train_autoencoder(
    spec: ConvAutoencoderSpec,
    images: Images,
    rows: Positions,
    budget: Budget,
    seed: int,
    hardware: Hardware,
    checkpoint: Path,
    identity: str,
    label: str,
) -> tuple[ConvAutoencoder, pd.DataFrame]:
    """A trained network, and one row for each of its epochs.

    Parameters
    ----------
    spec : ConvAutoencoderSpec
    images : ndarray of uint8, shape (N, size, size, 3)
        RGB, of which batches are read as they are needed.
    rows : ndarray of int
        Those of the images that it is trained on.
    budget : {'demo', 'published'}
        Which of the numbers of epochs is used.
    seed : int
        Of the initial weights and of the order of images.
    hardware : Hardware
    checkpoint : Path
        Folder of the unfinished training, whose name is that of the fit.
    identity : str
        All that the training depends on beside its rows.
    label : str
        What the progress bar calls it.
    """
    network = build_autoencoder(spec.pooling, seed)
    if spec.zero_center is not None:
        center_inputs(network, training_mean(images, rows, spec.zero_center))

    def squared_error(outputs: Tensor, batch: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG001 - the contract's
        return (outputs - network.target(batch)).square().flatten(1).mean(1)

    trained = train(
        network,
        images,
        rows,
        np.empty(0, dtype=np.int64),
        squared_error,
        Schedule.of(spec, budget),
        seed=seed,
        checkpoint=checkpoint,
        identity=digest(identity, rows.tolist()),
        hardware=hardware,
        keep="none",
        label=f"{label}, {fit_in_words(checkpoint.name)}",
    )
    return network, trained.epochs


class _Described(nn.Module):
    """Of every image its code and, in the last columns, what is known of its reconstruction (`RECONSTRUCTED`)."""

    def __init__(self, autoencoder: ConvAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, images: Tensor) -> Tensor:
        code = self.autoencoder.encode(images)
        target, output = self.autoencoder.target(images), self.autoencoder.decoder(code)
        known = torch.cat([pearson(target, output)[:, None], moments(target, output)], dim=1)
        return torch.cat([code, known], dim=1)


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Correlation of two batches over all that belongs to a row; 0 where one of the two is constant.

    Parameters
    ----------
    first, second : Tensor, shape (n, ...)
        Row by row.

    Returns
    -------
    Tensor, shape (n,)
        In [-1, 1].
    """
    a, b = (rows.flatten(1) - rows.flatten(1).mean(1, keepdim=True) for rows in (first, second))
    return functional.cosine_similarity(a, b)


def moments(first: Tensor, second: Tensor) -> Tensor:
    """Means over all that belongs to a row, of two batches x and y: of x, y, x * x, y * y and x * y.

    Parameters
    ----------
    first, second : Tensor, shape (n, ...)
        Row by row.

    Returns
    -------
    Tensor, shape (n, 5)
        In the order of `leukorepro.core.tables.predictions.MOMENTS`.
    """
    x, y = first.flatten(1), second.flatten(1)
    return torch.stack([values.mean(1) for values in (x, y, x * x, y * y, x * y)], dim=1)


def _write_training(group: h5py.Group, network: ConvAutoencoder, epochs: pd.DataFrame, n_rows: int) -> None:
    group.create_dataset("loss", data=epochs["train_loss"].to_numpy(np.float64))
    for name, value in network.state_dict().items():
        group.create_dataset(f"parameters/{name}", data=value.numpy())
    group.attrs["stopped_by"] = "epochs"
    group.attrs["n_rows"] = n_rows
    group.attrs["learnables"] = count_learnables(network)


def _write_codes(
    group: h5py.Group, network: ConvAutoencoder, images: Images, hardware: Hardware
) -> NDArray[np.float32]:
    """Write codes and what is known of reconstructions, in blocks so that memory does not grow with the images.

    Returns the correlation of every image.
    """
    n_rows, dim = len(images), code_size(images.shape[1])
    codes = group.create_dataset(CODES, (n_rows, dim), np.float32)
    known = np.empty((n_rows, len(RECONSTRUCTED)), dtype=np.float32)
    described = _Described(network)
    block = max(1, BLOCK_BYTES // (codes.dtype.itemsize * dim))
    for start in range(0, n_rows, block):
        here = np.arange(start, min(start + block, n_rows))
        values = predict(described, images, here, BATCH_ROWS, hardware)
        codes[start : start + block] = values[:, :dim]
        known[here] = values[:, dim:]
    for name, values in zip(RECONSTRUCTED, known.T, strict=True):
        group.create_dataset(name, data=values)
    return known[:, 0]


def _write_samples(
    group: h5py.Group,
    network: ConvAutoencoder,
    images: Images,
    shown: Positions,
    rows: pd.DataFrame,
    hardware: Hardware,
) -> None:
    originals = images[shown]
    values = predict(network, images, shown, BATCH_ROWS, hardware)
    reconstructed = np.rint(values.clip(0, 1) * WHITE).astype(np.uint8)
    group.create_dataset("samples", data=np.stack([originals, reconstructed], axis=1))
    group.create_dataset("samples_id", data=rows["image_id"].to_numpy(object)[shown], dtype=TEXT)


def _shown(rows: pd.DataFrame, trained: Positions) -> Positions:
    """The first images that a fit was not trained on, one view of each; the first of all where there are none."""
    others = np.setdiff1d(np.arange(len(rows)), trained)
    candidates = others if len(others) else np.arange(len(rows))
    _, first = np.unique(rows["image_id"].to_numpy(str)[candidates], return_index=True)
    shown: Positions = candidates[np.sort(first)[:SAMPLES]]
    return shown


def _summary(epochs: pd.DataFrame, correlation: NDArray[np.float32], rows: Positions) -> str:
    """How a fit went, in one line."""
    others = np.setdiff1d(np.arange(len(correlation)), rows)
    loss, seconds = epochs["train_loss"], epochs["seconds"].sum()
    parts = [
        f"{len(rows)} rows, {len(loss)} epochs, {seconds:.0f} s, loss {loss.iloc[0]:.4g} -> {loss.iloc[-1]:.4g}",
        f"mean correlation {correlation[rows].mean():.3f}",
        f"{correlation[others].mean():.3f} on the {len(others)} other rows" if len(others) else "",
    ]
    return ", ".join(filter(None, parts))
