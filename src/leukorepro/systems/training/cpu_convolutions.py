"""Convolutions on a CPU, each laid out in memory so that it takes least time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Pair = int | Sequence[int]


class FastConvolutions(TorchFunctionMode):
    """While this context is open, two-dimensional convolutions are computed in the layout that is fastest on a CPU.

    * 1x1 convolutions are matrix products of the maps with their channels last, which need no rearrangement of weights.
    * Convolutions with more weights than their maps have values, as those at the end of a network, take the maps
      channel by channel: rearranging the weights for the other layout would take longer than the convolution.
    * All others take the maps with their channels last.

    Notes
    -----
    The results differ from the plain ones by rounding. Maps come out with their channels last, for the layers between.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Compute what was called, which is torch's function or ours."""
        return (_convolve if func is torch.conv2d else func)(*args, **(kwargs or {}))


def _convolve(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Same as `torch.conv2d` with the same arguments, for maps (n, channels, height, width)."""
    if weight.shape[2:] == (1, 1) and groups == 1 and padding in (0, (0, 0)):
        down, right = (stride, stride) if isinstance(stride, int) else stride
        points = maps[:, :, ::down, ::right].permute(0, 2, 3, 1)
        return functional.linear(points, weight.flatten(1), bias).permute(0, 3, 1, 2)
    layout = torch.channels_last if weight.numel() < maps.numel() else torch.contiguous_format
    maps = maps.contiguous(memory_format=layout)
    made: Tensor = functional.conv2d(maps, weight, bias, stride, padding, dilation, groups)
    return made.contiguous(memory_format=torch.channels_last)
