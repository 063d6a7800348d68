"""Half precision on a CPU: whether a network's layers compute there what they compute in float32."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from leukorepro.systems.training.cpu_convolutions import FastConvolutions

TOLERANCE = 0.02
"""Largest `Error` that is rounding. Numbers of bfloat16 have 8 binary digits: where they are rounded and nothing else
is wrong, errors lie between 0.002 and 0.006, whatever the layer."""


class Error(NamedTuple):
    """How far a layer is from float32."""

    layer: str
    what: str
    """`output`; `input` for the gradient of what the layer is given; or the parameter whose gradient it is."""
    size: float
    """Norm of the difference over the norm in float32."""


def refusal(network: nn.Module, batches: Iterable[Tensor]) -> str:
    """Why a network is not computed with bfloat16 on this CPU; empty where it can be.

    Parameters
    ----------
    network : Module
        On the CPU, in the mode that it is to compute in; it stays as it is.
    batches : iterable of Tensor
        Batches as it gets them, of every size that there is: a layer may be right at one and wrong at another.
    """
    if any(isinstance(layer, nn.Conv1d) for layer in network.modules()):
        return "one-dimensional convolutions, whose gradients torch has been found to get wrong with it"
    for batch in batches:
        worst = max(errors(network, batch), key=lambda error: error.size, default=None)
        if worst is not None and worst.size > TOLERANCE:
            return (
                f"layer {worst.layer} on {len(batch)} rows: {worst.what} is {100 * worst.size:.2g} % from float32, and "
                f"rounding alone is less than {100 * TOLERANCE:g} %"
            )
    return ""


def errors(network: nn.Module, batch: Tensor) -> Iterator[Error]:
    """Errors of bfloat16 in a network's convolutions and fully connected layers on this CPU.

    Each layer is given, by itself, what it sees of the batch in float32, and a gradient of its output. In a whole
    network rounding grows from layer to layer, so that a mistake could hide in it: half of the gradient of a deep
    network may be rounding, and its training is as good.

    Parameters
    ----------
    network : Module
        With float32 weights; a copy of it is computed.
    batch : Tensor of float32
        What the network takes.

    Yields
    ------
    Error
        Of each layer's output, and of the gradients of its input and its parameters.
    """
    copied = copy.deepcopy(network)
    names = {id(layer): name for name, layer in copied.named_modules() if isinstance(layer, _ConvNd | nn.Linear)}
    seen: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, given, _: seen.append((layer, given[0].detach())))
        for layer in copied.modules()
        if id(layer) in names
    ]
    with FastConvolutions(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with torch.no_grad():
            copied(batch)
        for hook in hooks:
            hook.remove()
        for layer, given in seen:
            yield from (Error(names[id(layer)], what, size) for what, size in _errors_of(layer, given))


def _errors_of(layer: nn.Module, given: Tensor) -> Iterator[tuple[str, float]]:
    of = {"input": given.requires_grad_(), **dict(layer.requires_grad_().named_parameters())}
    exact = layer(given)
    back = torch.randn_like(exact)
    with torch.autocast("cpu", torch.bfloat16):
        halved = layer(given)
    found = {"output": halved.detach(), **_gradients(halved, back, of)}
    for what, value in {"output": exact.detach(), **_gradients(exact, back, of)}.items():
        if norm := float(torch.linalg.vector_norm(value)):
            yield what, float(torch.linalg.vector_norm(found[what].float() - value)) / norm


def _gradients(output: Tensor, back: Tensor, of: dict[str, Tensor]) -> dict[str, Tensor]:
    """By the names of what they are of; a bias has that of gradients of one sign, whose sum cancels nothing."""
    halves = [(["bias"], back.abs()), ([what for what in of if what != "bias"], back)]
    return {
        what: gradient
        for names, given in halves
        if (wanted := [what for what in names if what in of])
        for what, gradient in zip(
            wanted,
            torch.autograd.grad(output, [of[what] for what in wanted], given.to(output.dtype), retain_graph=True),
            strict=True,
        )
    }
