"""ResNet-50 as Rezayi (2021) builds it for small images."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from string import ascii_lowercase

from torch import nn
from torchvision.models.resnet import Bottleneck, conv1x1

from leukorepro.systems.networks.layers import KERAS_EPSILON, ScalePixels, map_shape, scaled

BLOCKS = (3, 4, 6, 3)
"""Blocks of the stages 2 to 5."""
CHANNELS = 64
"""Of the inner convolutions in stage 2; twice as many in each stage that follows. Blocks put out four times that."""
WINDOW = 2
"""Side of the last pooling."""

_norm = partial(nn.BatchNorm2d, eps=KERAS_EPSILON)


def resnet50_70(size: int, n_classes: int, width: float) -> nn.Sequential:
    """ResNet-50 in its first version, where a block's first 1x1 convolution has the stride.

    Parameters
    ----------
    size : int
        Side of the images in pixels. At 70 the stages' maps have 17, 17, 9, 5 and 3 pixels a side, and the last pooling
        leaves one of 2,048 channels.
    n_classes : int
        Outputs.
    width : float
        Share of the channels.

    Notes
    -----
    Rezayi (2021), section 2.2 and Figure 3: a border of three zeros, a 7x7 convolution with stride 2, 3x3 maximum
    pooling with stride 2 and no border, 16 blocks, 2x2 average pooling. Where the last map is a single pixel, as below
    37 pixels, it is taken as it is.

    Convolutions have no biases here: batch norm follows each and would take them out again. Keras has them, and counts
    them. Batch norm's running mean and variance move by a tenth in every step, which is torch's default; by a
    hundredth, as in Keras, they would be far behind after the few dozen steps of a demonstration, and over thousands of
    steps a tenth differs by noise only.
    """
    channels = [scaled(CHANNELS * 2**stage, width) for stage in range(len(BLOCKS))]
    stages: OrderedDict[str, nn.Module] = OrderedDict(stage1=_first(channels[0]))
    n_in = channels[0]
    for number, (n_blocks, inner) in enumerate(zip(BLOCKS, channels, strict=True), 2):
        stages[f"stage{number}"] = _stage(n_in, inner, n_blocks, 1 if number == 2 else 2)
        n_in = inner * Bottleneck.expansion
    _, side, _ = map_shape(nn.Sequential(stages), size)
    window = min(WINDOW, side)
    return nn.Sequential(
        OrderedDict(
            scaling=ScalePixels(),
            **stages,
            pool=nn.AvgPool2d(window),
            flatten=nn.Flatten(),
            classes=nn.Linear(n_in * (side // window) ** 2, n_classes),
        )
    )


def _first(channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            norm=_norm(channels),
            relu=nn.ReLU(inplace=True),
            pool=nn.MaxPool2d(3, stride=2),
        )
    )


def _stage(n_in: int, inner: int, n_blocks: int, stride: int) -> nn.Sequential:
    """A block whose shortcut is a convolution, then blocks whose shortcuts are their inputs."""
    n_out = inner * Bottleneck.expansion
    shortcut = nn.Sequential(OrderedDict(conv=conv1x1(n_in, n_out, stride), norm=_norm(n_out)))
    first = Bottleneck(n_in, inner, stride, shortcut, norm_layer=_norm)
    first.conv1.stride, first.conv2.stride = first.conv2.stride, first.conv1.stride
    others = [Bottleneck(n_out, inner, norm_layer=_norm) for _ in range(n_blocks - 1)]
    return nn.Sequential(OrderedDict(zip(ascii_lowercase, [first, *others], strict=False)))
