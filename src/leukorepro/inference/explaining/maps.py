"""A network cut behind its last feature map: what it sees of every place of an image, and what it makes of that.

The map has to be that of a whole image resized to a square, so that its places are places of the image.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from leukorepro.features.backbones.cuts import cut, trace
from leukorepro.features.backbones.networks import FeatureNetwork
from leukorepro.features.backbones.tunable import TunableNetwork
from leukorepro.inference.explaining.modules import Unexplained

FEWEST_PLACES = 3
"""Places that a map must have along each side, so that it says where something is: later ones are passed over."""


class Cut(NamedTuple):
    """A network in two halves."""

    eye: nn.Module
    """From images, uint8, shape (n, size, size, 3), to maps (n, channels, rows, columns)."""
    rest: nn.Module
    """From the maps to what the network gives, (n, D)."""


class Pooled(nn.Module):
    """Mean of each channel of a map over its places."""

    def forward(self, maps: Tensor) -> Tensor:
        """Shape (n, channels)."""
        return functional.adaptive_avg_pool2d(maps, 1).flatten(1)


def cut_features(network: FeatureNetwork, input_size: int, name: str) -> Cut:
    """Cut a backbone whose layer gives features.

    Parameters
    ----------
    network : FeatureNetwork
    input_size : int
        Side of its images, in pixels.
    name : str
        What a message calls it.

    Returns
    -------
    Cut
        From images to maps, and from maps to features.

    Raises
    ------
    Unexplained
        If it has no feature map that all of its features are computed from.
    """
    body = _Named(network.body) if network.cut else network.body
    if network.pool == "own" or _dimensions(network, body, input_size) != 4:
        found = cut_at_last_map(nn.Sequential(network.scaling, body), input_size, name)
        return Cut(found.eye, Pooled()) if _is_mean(found, input_size) else found
    rest = Pooled() if network.pool == "avg" else nn.Flatten()
    return Cut(nn.Sequential(network.scaling, body), rest)


class _Named(nn.Module):
    """The one value that torchvision's extractor names."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.body(images)["features"]
        return features


def _is_mean(found: Cut, input_size: int) -> bool:
    """Whether what follows a map is the mean over its places, in other words."""
    with torch.inference_mode():
        maps = found.eye(_sample(input_size))
        maps = torch.rand(maps.shape, generator=torch.Generator().manual_seed(0))
        rest: Tensor = found.rest(maps)
        pooled: Tensor = Pooled()(maps)
    return rest.shape == pooled.shape and torch.allclose(rest, pooled, atol=1e-5)


def _dimensions(network: FeatureNetwork, body: nn.Module, input_size: int) -> int:
    with torch.inference_mode():
        features: Tensor = body(network.scaling(_sample(input_size)))
    return features.ndim


def cut_tunable(network: TunableNetwork, input_size: int, name: str) -> Cut:
    """Cut a backbone that was trained further; see `cut_at_last_map`.

    Parameters
    ----------
    network : TunableNetwork
        In evaluation mode; its scaling and both its halves are put into one.
    input_size : int
        Side of the square images, pixels.
    name : str
        What a message calls it.

    Returns
    -------
    Cut
        From images to maps, and from maps to logits.
    """
    halves = [half for half in (network.frozen, network.trained) if half is not None]
    return cut_at_last_map(nn.Sequential(network.scaling, *halves), input_size, name)


def cut_at_last_map(network: nn.Module, input_size: int, name: str) -> Cut:
    """Cut a network behind the last map that all of its output is computed from.

    Parameters
    ----------
    network : Module
        From images, uint8, shape (n, size, size, 3), to one value (n, D); in evaluation mode.
    input_size : int
        Side of the images, in pixels.
    name : str
        What a message calls it.

    Returns
    -------
    Cut
        From images to maps, and from maps to the network's output.

    Raises
    ------
    Unexplained
        If its steps depend on the numbers, or it has no such map.
    """
    network = network.eval()
    try:
        graph = _trace(network)
    except Exception as error:  # noqa: BLE001 - what cannot be traced fails in every way
        raise Unexplained(f"{name}: cannot be taken apart into steps, and so not explained ({error}).") from None
    with torch.inference_mode():
        ShapeProp(fx.GraphModule(network, graph)).propagate(_sample(input_size))
    step = _behind_last_map(graph)
    if step is None:
        raise Unexplained(
            f"{name}: has no feature map of {FEWEST_PLACES} x {FEWEST_PLACES} places or more that all of its output is "
            "computed from, and so nothing that could be laid over an image."
        )
    eye, rest = cut(network, graph, step)
    return Cut(eye.eval().requires_grad_(False), rest.eval().requires_grad_(False))


def _trace(network: nn.Module) -> fx.Graph:
    """The steps; timm says itself what must not be looked into."""
    if not any(type(part).__module__.startswith("timm.") for part in network.modules()):
        return trace(network)
    import timm

    models: Any = timm.models
    return trace(network, models.get_notrace_functions(), tuple(models.get_notrace_modules()))


def _behind_last_map(graph: fx.Graph) -> int | None:
    """Number of the step behind the last map that alone leads on."""
    nodes = list(graph.nodes)
    number = {node: i for i, node in enumerate(nodes)}
    last_use = [max((number[user] for user in node.users), default=-1) for node in nodes]
    for step in range(len(nodes) - 1, 0, -1):
        made = nodes[step - 1].meta.get("tensor_meta")
        shape: tuple[int, ...] = tuple(getattr(made, "shape", ()))
        if len(shape) == 4 and shape[2] == shape[3] >= FEWEST_PLACES and nodes[step - 1].op != "placeholder":
            crossing = [i for i in range(step) if last_use[i] >= step]
            if crossing == [step - 1]:
                return step
    return None


def _sample(input_size: int) -> Tensor:
    return torch.zeros(2, input_size, input_size, 3, dtype=torch.uint8)
