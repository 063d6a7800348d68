"""A network's parameters: read from a file, or random with batch-norm statistics set from images; and their digest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.state_dicts import read_parameters

CALIBRATION_IMAGES = 32

COUNTER = "num_batches_tracked"
"""Batch norm's count of training steps; it has no effect on features and many files lack it."""


def load_parameters(
    network: nn.Module, path: Path, also_known: Collection[str] = (), not_read: str | None = None
) -> None:
    """Set every parameter and statistic of `network` from a file that holds a state dict.

    Parameters
    ----------
    network : Module
        Changed in place.
    path : Path
        As `read_parameters` takes it.
    also_known : collection of str
        Names that the file may hold beside those needed: the parts of the complete network that were cut away.
    not_read : str, optional
        What the names begin with of a layer that stays as it is, whatever the file holds of it.

    Raises
    ------
    UserError
        If the file is missing, is no state dict, or differs from the network in names or shapes, all of which are
        listed; or if a value is not finite.
    """
    given = read_parameters(path)
    wanted = {
        name: value
        for name, value in network.state_dict().items()
        if not name.endswith(COUNTER) and not (not_read and name.startswith(not_read))
    }
    faults = []
    if missing := [name for name in wanted if name not in given]:
        faults.append(f"missing {_some(missing)}")
    known = {*network.state_dict(), *also_known}
    if unexpected := [name for name in given if name not in known and not name.endswith(COUNTER)]:
        faults.append(f"unexpected {_some(unexpected)}")
    shared = [name for name in wanted if name in given]
    if wrong := [name for name in shared if given[name].shape != wanted[name].shape]:
        shapes = [f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}" for name in wrong]
        faults.append(f"wrong shape {_some(shapes)}")
    if faults:
        raise UserError(
            f"{path}: does not fit the network: {'; '.join(faults)}. "
            "Give a state dict with the names and shapes of torchvision's network of that name."
        )
    if broken := [name for name in shared if not is_finite(given[name])]:
        raise UserError(f"{path}: values that are not finite in {_some(broken)}; get a sound copy of the file.")
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(given[name])


def is_finite(values: Tensor) -> bool:
    """Whether no value is infinite or not a number; several times faster than looking at each."""
    return values.numel() == 0 or all(bool(torch.isfinite(extreme)) for extreme in values.aminmax())


def reset_parameters(network: nn.Module) -> None:
    """Initialise batch norms, which is all that neither drawing weights nor reading a file sets completely.

    Parameters
    ----------
    network : Module
        Of convolutions, linear layers and batch norms, in memory that holds anything; changed in place.

    Raises
    ------
    ValueError
        If another module holds parameters or buffers of its own, which would keep what was in memory.
    """
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm):
            module.reset_parameters()
        elif not isinstance(module, _ConvNd | nn.Linear) and (module._parameters or module._buffers):
            raise ValueError(f"{name}: parameters of a {type(module).__name__} cannot be initialised here")


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"


def randomise_parameters(network: nn.Module, seed: int) -> None:
    """Draw every convolution's and linear layer's weights anew; biases become 0.

    Uniform in +-sqrt(6 / inputs of one unit), which keeps the variance through rectified layers. torchvision's own
    initialisation of GoogLeNet takes tens of seconds and is not used. The draws are multiples of 2**-24, scaled once,
    so that a seed gives the same bits on every machine.

    Parameters
    ----------
    network : Module
        Changed in place; the weights are contiguous in memory afterwards.
    seed : int
        Non-negative.

    Notes
    -----
    He et al. (2015), Delving deep into rectifiers, section 2.2.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, _ConvNd | nn.Linear):
                bound = math.sqrt(6 / module.weight[0].numel())
                module.weight.data = torch.rand(module.weight.shape, generator=generator).mul_(2).sub_(1).mul_(bound)
                if module.bias is not None:
                    module.bias.zero_()


def has_batch_norm(network: nn.Module) -> bool:
    """Whether the network has statistics that random weights need to be set from data."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def spread(n_images: int) -> NDArray[np.int64]:
    """Numbers of the images, spread over all of them, that random weights take their batch-norm statistics from."""
    return np.unique(np.linspace(0, n_images - 1, CALIBRATION_IMAGES).round().astype(int))


def calibrate_batch_norm(network: nn.Module, batch: Tensor) -> Tensor:
    """Set the running statistics of every batch norm to those of its input, layer after layer in one pass.

    Without it the activations of a deep random network overflow or vanish. The pass runs on one thread, because sums
    over several are rounded otherwise: the same images give the same bits however many threads a job has.

    Parameters
    ----------
    network : Module
        In evaluation mode, on the CPU; changed in place.
    batch : Tensor
        Input of the network, at least two images.

    Returns
    -------
    Tensor
        Output of the network for `batch`, normalised with the batch's own statistics.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over all batches seen, which is one
        norm.train()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            output: Tensor = network(batch)
    finally:
        torch.set_num_threads(threads)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
    return output


def parameters_digest(network: nn.Module) -> str:
    """SHA-256 of every parameter and statistic: names, types, shapes and bytes, whatever the device and layout.

    Returns
    -------
    str
        64 hexadecimal digits, equal for equal weights however they came to be.
    """
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if not name.endswith(COUNTER):
            array = value.detach().cpu().contiguous().numpy()
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
            digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()
