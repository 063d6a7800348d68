"""Layers that the networks share, their sizes, and their initial weights.

Networks are put together without memory (on torch's meta device) and get it together with their weights: the complete
network of any size can be looked at in a few milliseconds, and no generator but the network's own is drawn from.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

WHITE = 255.0
"""Largest value of an 8-bit channel."""

KERAS_EPSILON = 1e-3
"""Added to variances by batch norm in Keras; MATLAB's and torch's default is 1e-5."""


class ScalePixels(nn.Module):
    """Images as bytes, as they are kept, to numbers from 0 to 1 with the channels in front, less a mean if one is set.

    Attributes
    ----------
    mean : Tensor of float32, shape (3, 1, 1) or (3, height, width), or None
        From 0 to 1; see `center_inputs`.
    """

    mean: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", None)

    def forward(self, images: Tensor) -> Tensor:
        """Scale images.

        Parameters
        ----------
        images : Tensor of uint8, shape (n, height, width, 3)
            RGB.

        Returns
        -------
        Tensor of float32, shape (n, 3, height, width), channels last in memory
        """
        scaled = images.permute(0, 3, 1, 2).float() / WHITE
        return scaled if self.mean is None else scaled - self.mean


class SameConv2d(nn.Conv2d):
    """Convolution with stride 1 whose output is as large as its input; an odd row and column are added at the end.

    As Keras pads. torch's `padding="same"` does too, but warns of the copy that an even kernel needs.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (n, channels, height, width)."""
        high, wide = (size - 1 for size in self.kernel_size)
        return super().forward(functional.pad(maps, (wide // 2, wide - wide // 2, high // 2, high - high // 2)))


class SameConv1d(nn.Conv1d):
    """Convolution with stride 1 whose output is as long as its input; an odd step is added at the end, as in MATLAB."""

    def forward(self, sequences: Tensor) -> Tensor:
        """Convolve sequences (n, channels, steps)."""
        added = self.kernel_size[0] - 1
        return super().forward(functional.pad(sequences, (added // 2, added - added // 2)))


class OneStepConv1d(nn.Linear):
    """`SameConv1d` of sequences that have one step, where only one tap of every kernel ever meets data.

    The other taps see the padding's zeros, so their gradients are zero and they stay as they were drawn: leaving them
    out changes no output and no training. They are counted by `count_learnables`, and by Glorot's bound.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels)
        self.kernel_size = (kernel_size,)

    @property
    def idle(self) -> int:
        """Number of learnables that never meet data."""
        return (self.kernel_size[0] - 1) * self.in_features * self.out_features

    def forward(self, sequences: Tensor) -> Tensor:
        """Convolve sequences (n, channels, 1)."""
        return super().forward(sequences.squeeze(2)).unsqueeze(2)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of every step of sequences."""

    def forward(self, sequences: Tensor) -> Tensor:
        """Normalise sequences (n, channels, steps)."""
        return super().forward(sequences.transpose(1, 2)).transpose(1, 2)


def scaled(units: int, width: float) -> int:
    """Channels or units of a layer in a network of that width, at least 1.

    Parameters
    ----------
    units : int
        Of the layer at full width.
    width : float
        Share of full width, in (0, 1].
    """
    return max(1, round(units * width))


def map_shape(body: nn.Module, size: int) -> tuple[int, int, int]:
    """Channels, height and width of what the body of a network makes of an image.

    Parameters
    ----------
    body : Module
        On the meta device, from images (n, 3, size, size) to maps.
    size : int
        Side of the image, pixels.
    """
    channels, height, width = body(torch.empty((2, 3, size, size), device="meta")).shape[1:]
    return channels, height, width


def center_inputs(network: nn.Module, mean: Tensor) -> None:
    """Let a network subtract a mean from the images that it is given.

    Parameters
    ----------
    network : Module
        With one `ScalePixels`; changed in place.
    mean : Tensor of float32, shape (3, 1, 1) or (3, height, width)
        From 0 to 1. It becomes part of the network's state.
    """
    (scaling,) = (layer for layer in network.modules() if isinstance(layer, ScalePixels))
    scaling.mean = mean


def count_learnables(network: nn.Module) -> int:
    """Number of weights and biases of a network or layer, those of idle taps included."""
    idle = sum(layer.idle for layer in network.modules() if isinstance(layer, OneStepConv1d))
    return idle + sum(parameter.numel() for parameter in network.parameters())


def without_last_layer(network: nn.Module) -> nn.Sequential:
    """A network up to the layer before its last, with the same weights in the same memory.

    Raises
    ------
    ValueError
        If it does not end in a fully connected layer for the classes, as all networks here do.
    """
    if not (isinstance(network, nn.Sequential) and isinstance(network[-1], nn.Linear)):
        raise ValueError(f"a {type(network).__name__} whose last layer is not fully connected cannot be cut before it")
    return network[:-1]


def set_norm_momentum(network: nn.Module, momentum: float) -> None:
    """Set the share of the way that a step of training moves batch norm's running means and variances.

    Parameters
    ----------
    network : Module
        Changed in place, all its batch norms.
    momentum : float
        In (0, 1]: 1 takes the last batch alone.
    """
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.momentum = momentum


def draw_weights(network: nn.Module, seed: int) -> None:
    """Give a network memory on the CPU, Glorot's uniform weights, biases of 0, and norms that change nothing.

    The draws are multiples of 2**-24, scaled once, so that a seed gives the same bits on every machine.

    Parameters
    ----------
    network : Module
        On any device; changed in place.
    seed : int
        Non-negative.

    Raises
    ------
    ValueError
        If a layer with parameters or buffers is of a kind that is not known here.

    Notes
    -----
    Glorot and Bengio (2010): uniform in +-sqrt(6 / (inputs + outputs)), counted over the kernel. The default of Keras
    and of MATLAB's convolutions and fully connected layers.
    """
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, layer in network.named_modules():
            if isinstance(layer, _ConvNd | nn.Linear):
                bound = glorot_bound(layer)
                layer.weight.copy_(torch.rand(layer.weight.shape, generator=generator).mul_(2).sub_(1).mul_(bound))
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, _BatchNorm | nn.LayerNorm):
                layer.reset_parameters()
            elif [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]:
                raise ValueError(f"{name}: weights of a {type(layer).__name__} cannot be drawn here")


def glorot_bound(layer: nn.Module) -> float:
    """Bound of the initial weights of a convolution without groups or of a fully connected layer."""
    assert isinstance(layer, _ConvNd | nn.Linear)
    n_out, n_in = layer.weight.shape[:2]
    taps = math.prod(getattr(layer, "kernel_size", ()))
    return math.sqrt(6 / (taps * (n_in + n_out)))
