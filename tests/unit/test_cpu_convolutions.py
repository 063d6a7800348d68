"""Rearranged convolutions against torch's plain ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.systems.training.cpu_convolutions import FastConvolutions

CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "pointwise": ((3, 8, 5, 6), (4, 8, 1, 1), {}),
    "pointwise, every second pixel": ((3, 8, 5, 6), (4, 8, 1, 1), {"stride": 2}),
    "pointwise, strides of its own": ((3, 8, 7, 6), (4, 8, 1, 1), {"stride": (3, 2), "dilation": 2}),
    "pointwise with a border": ((3, 8, 5, 6), (4, 8, 1, 1), {"padding": (1, 0)}),
    "pointwise in groups": ((3, 8, 5, 6), (4, 4, 1, 1), {"groups": 2}),
    "large maps": ((2, 3, 20, 21), (6, 3, 3, 3), {"stride": 2, "padding": 1}),
    "large maps, same size": ((2, 3, 20, 21), (6, 3, 3, 3), {"padding": "same"}),
    "many weights": ((2, 16, 3, 3), (16, 16, 3, 3), {"padding": 1}),
    "many weights, dilated": ((2, 16, 5, 5), (16, 16, 2, 2), {"dilation": (2, 1)}),
}


def convolved(case: str, channels_last: bool, bias: bool, fast: bool) -> list[Tensor]:
    """Output, and gradients of a function of it by maps, weights and biases, in double precision."""
    of_maps, of_weight, options = CASES[case]
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64) for s in (of_maps, of_weight, of_weight[:1])]
    if channels_last:
        inputs[0] = inputs[0].contiguous(memory_format=torch.channels_last)
    leaves = [tensor.requires_grad_() for tensor in (inputs if bias else inputs[:2])]
    if fast:
        with FastConvolutions():
            output = functional.conv2d(*leaves, **options)
    else:
        output = functional.conv2d(*leaves, **options)
    return [output, *torch.autograd.grad(output.sin().sum(), leaves)]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_torch(case: str, bias: bool, channels_last: bool) -> None:
    ours, plain = (convolved(case, channels_last, bias, fast) for fast in (True, False))
    for found, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    assert ours[0].is_contiguous(memory_format=torch.channels_last)


def test_layers_use_it_only_while_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    plain = functional.linear
    monkeypatch.setattr(functional, "linear", lambda *given: calls.append(1) or plain(*given))
    layer, maps = nn.Conv2d(3, 4, 1), torch.ones(2, 3, 5, 5)
    with FastConvolutions():
        layer(maps)
    assert calls == [1]
    layer(maps)
    assert calls == [1]
