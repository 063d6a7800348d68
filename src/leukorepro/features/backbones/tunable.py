"""A backbone with a new last layer, of which a training changes what follows a cut and leaves the rest as it is."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, fx, nn

from leukorepro.core.words import Preprocessing
from leukorepro.features.backbones.cuts import cut, find_starts, trace
from leukorepro.features.backbones.parameters import (
    calibrate_batch_norm,
    load_parameters,
    randomise_parameters,
    reset_parameters,
)
from leukorepro.features.backbones.registry import starts_of
from leukorepro.features.backbones.scaling import build_scaling
from leukorepro.features.backbones.specification import TIMM, Backbone
from leukorepro.features.backbones.state_dicts import read_parameters


class TunableNetwork(nn.Module):
    """A network in two halves: one that is trained, and a frozen one in front of it.

    The frozen half is always in evaluation mode, its batch norms too, and no part of the state dict nor of the
    parameters.

    Attributes
    ----------
    trained : Module
        Names in its state dict are the library's.
    shape : tuple of int
        Of what the trained half takes, for one image.
    """

    def __init__(
        self, scaling: nn.Module, frozen: nn.Module | None, trained: nn.Module, shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.scaling = scaling
        self.trained = trained
        self.shape = shape
        self._frozen = [] if frozen is None else [frozen.eval().requires_grad_(False)]  # in a list, it is no child

    @property
    def frozen(self) -> nn.Module | None:
        """From scaled images to what the trained half takes; None where all of the network is trained."""
        return next(iter(self._frozen), None)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert both halves."""
        for half in self._frozen:
            half._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, batch: Tensor) -> Tensor:
        """Logits of resized images, or of what the frozen half gives for them.

        Parameters
        ----------
        batch : Tensor
            Images, uint8, shape (n, size, size, 3), or values, float32, as many for each row as `shape` has.

        Returns
        -------
        Tensor of float32, shape (n, n_classes)
        """
        device = batch.device.type  # a training's proof that half precision is right on a CPU is of the trained half
        half = torch.is_autocast_enabled(device) and device != "cpu"
        with torch.no_grad(), torch.autocast(device, enabled=half):
            maps = self._maps(batch, lambda frozen, images: frozen(images))
        logits: Tensor = self.trained(maps)
        return logits

    def calibrate(self, batch: Tensor) -> None:
        """Set all batch norms to the statistics of a batch as `forward` takes it, which random weights need."""
        calibrate_batch_norm(self.trained, self._maps(batch, calibrate_batch_norm))

    def _maps(self, batch: Tensor, compute: Callable[[nn.Module, Tensor], Tensor]) -> Tensor:
        """What the trained half takes."""
        if batch.dtype != torch.uint8:
            return batch.reshape(len(batch), *self.shape)
        maps: Tensor = self.scaling(batch)
        for half in self._frozen:
            maps = compute(half, maps)
        return maps


def build_tunable(
    backbone: Backbone,
    start: str,
    path: Path | None,
    n_classes: int,
    input_size: int,
    *,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
) -> TunableNetwork:
    """Build a backbone with a new last layer, cut in front of the first module that is trained.

    Parameters
    ----------
    backbone : Backbone
    start : str
        One of the backbone's `starts`; all of the network is trained from the first one on.
    path : Path or None
        State dict of the complete network, whose last layer is not read; None: random weights, whose batch norms are
        still to be set by `calibrate`.
    n_classes : int
        Outputs of the new last layer.
    input_size : int
        Side of the images, in pixels.
    seed : int
        Of the last layer, and of random weights; no other generator has a part in them.
    preprocessing : {'torch', 'tf', 'caffe', 'per_image'}, optional
        How values are scaled; default: the backbone's own way.

    Returns
    -------
    TunableNetwork
        On the CPU, in evaluation mode.

    Raises
    ------
    UserError
        If the network cannot be cut there, or the weights do not fit.
    """
    starts = starts_of(backbone)
    halves = _timm if backbone.build.startswith(TIMM) else _torchvision
    frozen, trained = halves(backbone, starts.find(start, backbone.network), path, n_classes, seed)
    last = trained.get_submodule(starts.last)
    assert isinstance(last, nn.Linear)
    _draw(last, seed)
    scaling = build_scaling(preprocessing or backbone.preprocessing)
    shape = input_shape(backbone, start, input_size)
    network = TunableNetwork(scaling, frozen if list(frozen.parameters()) else None, trained, shape)
    return network.eval()


def _torchvision(
    backbone: Backbone, start: str, path: Path | None, n_classes: int, seed: int
) -> tuple[nn.Module, nn.Module]:
    """Auxiliary heads are neither kept nor computed."""
    complete = outline(backbone, n_classes)
    known = complete.state_dict().keys()
    frozen, trained = _cut(backbone, complete, start)
    both = nn.ModuleList([frozen, trained]).to_empty(device="cpu")
    reset_parameters(both)
    if path is None:
        randomise_parameters(both, seed)
    else:
        for half in both:
            load_parameters(half, path, also_known=known, not_read=f"{starts_of(backbone).last}.")
    return frozen, trained


def _timm(backbone: Backbone, start: str, path: Path | None, n_classes: int, seed: int) -> tuple[nn.Module, nn.Module]:
    from leukorepro.features.backbones.timm_networks import build_for_classes

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        complete = build_for_classes(backbone, None if path is None else read_parameters(path), path, n_classes)
    if path is None:
        randomise_parameters(complete, seed)
    return _cut(backbone, complete, start)


def outline(backbone: Backbone, n_classes: int) -> nn.Module:
    """The complete network with a new last layer, without numbers.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    n_classes : int
        Outputs of the new last layer.
    """
    if backbone.build.startswith(TIMM):
        from leukorepro.features.backbones import timm_networks

        return timm_networks.outline(backbone, n_classes)
    module, _, function = backbone.build.partition(":")
    last = starts_of(backbone).last
    with torch.device("meta"):
        complete: nn.Module = getattr(importlib.import_module(module), function)(**backbone.options).eval()
        old = complete.get_submodule(last)
        assert isinstance(old, nn.Linear)
        complete.set_submodule(last, nn.Linear(old.in_features, n_classes))
    return complete


def steps_of(backbone: Backbone, complete: nn.Module) -> fx.Graph:
    """The steps of a complete network.

    Parameters
    ----------
    backbone : Backbone
        It says which way of tracing the network takes.
    complete : Module
        The network with its last layer; it may be without numbers.

    Raises
    ------
    UserError
        If they depend on the numbers.
    """
    if backbone.build.startswith(TIMM):
        from leukorepro.features.backbones.timm_networks import trace_steps

        return trace_steps(complete)
    return trace(complete)


def _cut(backbone: Backbone, complete: nn.Module, start: str) -> tuple[nn.Module, nn.Module]:
    graph = steps_of(backbone, complete)
    return cut(complete, graph, find_starts(complete, graph)[start])


def _draw(layer: nn.Linear, seed: int) -> None:
    """Glorot's uniform weights, as multiples of 2**-24 scaled once, and biases of 0."""
    generator = torch.Generator().manual_seed(seed)
    bound = math.sqrt(6 / (layer.in_features + layer.out_features))
    with torch.no_grad():
        layer.weight.copy_(torch.rand(layer.weight.shape, generator=generator).mul_(2).sub_(1).mul_(bound))
        layer.bias.zero_()


def frozen_half(backbone: Backbone, start: str, path: Path | None, seed: int) -> nn.Module:
    """What a backbone computes of scaled images before one of its `starts`, with the weights of `build_tunable`.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    start : str
        Where the trained half begins, by its name among the backbone's `starts`.
    path : Path or None
        File of weights; None: random ones.
    seed : int
        Of random weights.

    Raises
    ------
    UserError
        If the network cannot be cut there, or the weights do not fit.
    """
    halves = _timm if backbone.build.startswith(TIMM) else _torchvision
    return halves(backbone, starts_of(backbone).find(start, backbone.network), path, 2, seed)[0]


def input_shape(backbone: Backbone, start: str, input_size: int) -> tuple[int, ...]:
    """Shape of what one of a backbone's `starts` gets for one image; nothing is computed.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    start : str
        Where the trained half begins, by its name among the backbone's `starts`.
    input_size : int
        Side of the square images, pixels.

    Raises
    ------
    UserError
        If the network cannot be cut there.
    """
    frozen, _ = _cut(backbone, outline(backbone, 2), starts_of(backbone).find(start, backbone.network))
    return tuple(frozen(torch.empty(1, 3, input_size, input_size, device="meta")).shape[1:])
