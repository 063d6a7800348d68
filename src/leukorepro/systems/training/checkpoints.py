"""Unfinished trainings: everything that the epochs to come depend on, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.store import tensors_reader, write_tensors

FILE = "last_epoch.safetensors"
"""In the folder of a training; replaced after epochs (`WRITTEN_A_SECOND`)."""

WRITTEN_A_SECOND = 8 * 2**20
"""Bytes of states, on average at most. Of a small network every epoch is kept; VGG-16 with its optimiser, 479 MB, is
written once a minute, however short its epochs are, and a kill costs a minute of training."""


@dataclass
class Record:
    """What a training has to tell so far.

    Attributes
    ----------
    history : list of dict
        Of every epoch, its number, learning rate, seconds, losses and machine.
    outputs : dict of str to list of ndarray
        By the part that they belong to, outputs of its rows, of every epoch of which they are kept.
    scaler : dict
        State of the loss scaling, where half precision needs one.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(folder: Path, identity: str, network: nn.Module, optimizer: Optimizer, record: Record) -> float:
    """Write the state after an epoch, in place of the one that was written last.

    Parameters
    ----------
    folder : Path
        Of the unfinished training.
    identity : str
        All that the training depends on, or a digest of it.
    network : Module
        Parameters and buffers are written.
    optimizer : Optimizer
    record : Record

    Returns
    -------
    float
        Seconds in which no other state needs to be written, but the last one (`WRITTEN_A_SECOND`).
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items() if isinstance(value, Tensor)}
    for part, epochs in record.outputs.items():
        tensors |= {f"outputs.{part}.{number}": torch.from_numpy(values) for number, values in enumerate(epochs)}
    metadata = {"identity": identity, "history": json.dumps(record.history), "scaler": json.dumps(record.scaler)}
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_tensors(plain, metadata, folder / FILE)
    return (folder / FILE).stat().st_size / WRITTEN_A_SECOND


def load_checkpoint(folder: Path, identity: str, network: nn.Module, optimizer: Optimizer) -> Record | None:
    """Bring a network and its optimiser to the state that was written last.

    Parameters
    ----------
    folder : Path
        Of the unfinished training.
    identity : str
        As it was given to `save_checkpoint`.
    network, optimizer : Module, Optimizer
        Made as for a new training; changed in place.

    Returns
    -------
    Record or None
        None, and nothing changed, where there is no state of this identity, or it is that of another network. One that
        was damaged is told and not used.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        again = "train from the start"
        with tensors_reader(file, "state of a training", again, again) as stored:
            metadata = stored.metadata() or {}
            if metadata.get("identity") != identity:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
    except DamagedFile as error:
        print(f"{file}: {error.what}; training from the start", flush=True)
        return None
    parameters = _below("network.", tensors)
    if _shapes(parameters) != _shapes(network.state_dict()):
        return None
    network.load_state_dict(parameters)
    _load_optimizer(optimizer, _below("optimizer.", tensors))
    record = Record(json.loads(metadata["history"]), scaler=json.loads(metadata["scaler"]))
    for name, values in sorted(_below("outputs.", tensors).items(), key=_part_and_epoch):
        record.outputs.setdefault(_part_and_epoch((name, values))[0], []).append(values.numpy())
    return record


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _part_and_epoch(item: tuple[str, Tensor]) -> tuple[str, int]:
    part, _, epoch = item[0].rpartition(".")
    return part, int(epoch)


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give every parameter its state, laid out in memory as the parameter is, which fused optimisers rely on."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        parameter = parameters[int(number)]
        alike = value.shape == parameter.shape
        state.setdefault(int(number), {})[key] = torch.empty_like(parameter).copy_(value) if alike else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
