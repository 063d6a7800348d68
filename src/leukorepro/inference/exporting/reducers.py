"""The reducer of a system: as the run fitted it where it saw the same rows, else fitted again."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from leukorepro.config.run_files import how_to_finish
from leukorepro.config.study.systems import ConvAutoencoderSpec, SparseAutoencoderSpec, TrainedFeaturesSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader
from leukorepro.core.words import Device
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.exporting.rows import TrainingRows
from leukorepro.inference.system import Reducer
from leukorepro.run.digests import at_budget, digest
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.fitted import ROWS, check_fitted_on, fit_used, rows_digest


def fit_reducer(choice: Choice, data: TrainingRows, device: Device, work: Path) -> Reducer:
    """The reducer of an item.

    Parameters
    ----------
    choice : Choice
        Of an item that has one.
    data : TrainingRows
    device : {'auto', 'cpu', 'cuda'}
        Where it is fitted.
    work : Path
        Folder of unfinished trainings.

    Raises
    ------
    UserError
        If the run's own fit is needed and is not there, or saw other rows.
    """
    assert choice.item.reducer is not None
    spec = choice.study.study.reducers[choice.item.reducer]
    if isinstance(spec, TrainedFeaturesSpec):
        from leukorepro.inference.exporting.trained_networks import network_encoder

        return network_encoder(choice, data, spec.network, device, work)
    path = choice.folder.reducer(choice.rung, choice.split, choice.item.features, choice.item.reducer)
    if not path.is_file():
        raise UserError(f"{path}: no such file; {how_to_finish(choice.run.name)}.")
    check_fitted_on(path, data.features, data.splits, choice.protocol)
    with hdf5_reader(path) as file:
        name = _fit_of(file, choice, data)
        if isinstance(spec, SparseAutoencoderSpec):
            return _sparse(choice, data, spec, device) if name is None else Encoder.read(file[name], path)
        stored = None if name is None else {key: value[...] for key, value in file[f"{name}/parameters"].items()}
    return _conv(choice, data, spec, device, work, stored)


def _fit_of(file: h5py.File, choice: Choice, data: TrainingRows) -> str | None:
    """Name of the fit that saw these rows; None where there is none."""
    if data.fold is not None:
        return fit_used(file, data.fold, choice.protocol)
    wanted = rows_digest(data.train)
    return next((str(name) for name, group in file.items() if group.attrs.get(ROWS) == wanted), None)


def _sparse(choice: Choice, data: TrainingRows, spec: SparseAutoencoderSpec, device: Device) -> Encoder:
    from leukorepro.systems.autoencoders.reducers import sparse_autoencoder

    matrix = data.features.matrix
    autoencoder = sparse_autoencoder(spec, matrix.shape[1], choice.run.budget, choice.run.seed, device)
    return autoencoder.fit(np.ascontiguousarray(matrix[data.train])).encoder_


def _conv(
    choice: Choice,
    data: TrainingRows,
    spec: ConvAutoencoderSpec,
    device: Device,
    work: Path,
    stored: dict[str, np.ndarray] | None,
) -> Reducer:
    """The first half of a convolutional autoencoder, of the run's own parameters where there are any."""
    import torch

    from leukorepro.inference.networks import NetworkEncoder, build
    from leukorepro.inference.outlines import ConvEncoderOutline
    from leukorepro.systems.autoencoders.autoencoder_fits import as_images, train_autoencoder
    from leukorepro.systems.training.training import TRAINER_VERSION, Hardware

    if stored is None:
        run = choice.run
        hardware = Hardware(device, run.precision)
        identity = digest(at_budget(spec, run.budget), run.seed, data.features.sha256, TRAINER_VERSION)
        images = as_images(data.features.matrix)
        network, _ = train_autoencoder(
            spec, images, data.train, run.budget, run.seed, hardware, work / "reducer", identity, "autoencoder"
        )
        state = network.state_dict()
    else:
        state = {name: torch.from_numpy(value) for name, value in stored.items()}
    prefix = "encoder."
    own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    outline = ConvEncoderOutline(pooling=spec.pooling)
    return NetworkEncoder(outline, build(outline, own), device)
