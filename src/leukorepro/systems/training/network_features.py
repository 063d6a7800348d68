"""Features of trained networks: the output of the layer before the last, for all images, by the network of each fold.

Layout of the file: attribute `features_sha256`, that of the feature file; `image_id` and `view` (N,), as there; for
each fold a group `r<repeat>f<fold>` with `codes` float32 (N, dim), in one piece, so that it can be mapped, and the
attribute `rows_sha256` (`leukorepro.systems.fitted`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer, tensors_reader
from leukorepro.core.words import Budget
from leukorepro.features.fusion import CODES, FITTED_ON, Features, write_rows
from leukorepro.systems.fitted import ROWS
from leukorepro.systems.networks.layers import center_inputs, without_last_layer
from leukorepro.systems.networks.registry import outline_network
from leukorepro.systems.training.network_fits import TRAINED_ON, pixels
from leukorepro.systems.training.training import Hardware, predict

BLOCK_BYTES = 1 << 26
"""Features that are in memory at a time."""

CLASSES = "classes.bias"
"""Of the last layer of every network that is trained on images: one value for each class."""

MEAN = "scaling.mean"
"""What a network with `zero_center` subtracts from images."""


def write_network_features(
    spec: NetworkSpec, weights: Path, features: Features, budget: Budget, hardware: Hardware, output: Path
) -> None:
    """Write what the networks of all folds make of all images before their last layer.

    Parameters
    ----------
    spec : NetworkSpec
        Of the network, whose architecture takes images.
    weights : Path
        Its parameters and buffers in every fold, as `train_network` leaves them: `r<repeat>f<fold>.<name>`.
    features : Features
        Of the descriptor `images`; the matrix may be mapped.
    budget : {'demo', 'published'}
        Which of the specification's widths is used.
    hardware : Hardware
        Its precision is that of trainings; features are computed in float32.
    output : Path
        HDF5 file; its layout is this module's.

    Raises
    ------
    UserError
        If the weights cannot be read, are those of another network, or were trained on other images.

    Notes
    -----
    Values of ResNet-50 (Rezayi 2021) at full width: 2,048, after the pooling; of VGG-16 4,096 and of the ten
    convolutions 1,024, both rectified, as the last layer sees them.
    """
    images = pixels(features.matrix)
    exact = replace(hardware, precision="float32")
    told = trained_on(weights)
    if told[FITTED_ON] != features.sha256:
        raise UserError(
            f"{weights}: the network was trained on other images than those of {features.path}; run `snakemake` again, "
            "which trains it anew, or give the features that it was trained on."
        )
    with hdf5_writer(output) as file:
        file.attrs[FITTED_ON] = features.sha256
        write_rows(file, features.rows["image_id"].to_numpy(), features.rows["view"].to_numpy())
        for name in _folds(weights):
            network = without_last_layer(_trained(spec, weights, name, images.shape[1], budget))
            n_rows, dim = len(images), len(predict(network, images, np.arange(1), 1, exact)[0])
            group = file.create_group(name)
            group.attrs[ROWS] = told[ROWS][name]
            codes = group.create_dataset(CODES, (n_rows, dim), np.float32)
            block = max(1, BLOCK_BYTES // (codes.dtype.itemsize * dim))
            for start in range(0, n_rows, block):
                here = np.arange(start, min(start + block, n_rows))
                codes[start : start + block] = predict(network, images, here, spec.batch_size, exact)
            print(f"{output.stem}, fold {name}: {dim} features of {n_rows} rows")


def _folds(weights: Path) -> list[str]:
    """Names of the folds that a network was trained in."""
    with _opened(weights) as stored:
        return sorted({str(name).partition(".")[0] for name in stored.keys()})  # noqa: SIM118 - it is no mapping


@contextmanager
def _opened(weights: Path) -> Iterator[Any]:
    """The file of weights, open for reading."""
    with tensors_reader(
        weights, "weights", "train the network first", "remove it and train the network again"
    ) as stored:
        yield stored


def trained_on(weights: Path) -> dict[str, Any]:
    """SHA-256 of the feature file that a network was trained on, and in each fold of its rows."""
    with _opened(weights) as stored:
        told: dict[str, Any] = json.loads((stored.metadata() or {}).get(TRAINED_ON, "{}"))
    return {FITTED_ON: "", ROWS: {}} | told


def read_weights(weights: Path, fold: str) -> dict[str, Tensor]:
    """Parameters and buffers of the network of a fold, by their names; empty where there is none.

    Parameters
    ----------
    weights : Path
        The safetensors file of the networks of all folds.
    fold : str
        Name of the fold: `r<repeat>f<fold>`.
    """
    prefix = f"{fold}."
    with _opened(weights) as stored:
        return {
            name.removeprefix(prefix): stored.get_tensor(name)
            for name in stored.keys()  # noqa: SIM118 - it is no mapping
            if name.startswith(prefix)
        }


def _trained(spec: NetworkSpec, weights: Path, fold: str, size: int, budget: Budget) -> nn.Module:
    """The network of a fold, on the CPU."""
    state = read_weights(weights, fold)
    n_classes = len(state.get(CLASSES, torch.empty(2)))
    network = outline_network(spec.architecture, (size, size, 3), n_classes, spec.width[budget])
    if MEAN in state:
        center_inputs(network, state[MEAN])
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError:
        raise UserError(
            f"{weights}: the weights of {fold} are not those of '{spec.architecture}' with {100 * spec.width[budget]:g}"
            f" % of the channels on images of {size} x {size} pixels; train the network again."
        ) from None
    return network
