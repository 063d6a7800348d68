"""Plain stacks of convolutions: VGG-16 and the networks of ten and of two convolutions."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from leukorepro.systems.networks.layers import KERAS_EPSILON, SameConv2d, ScalePixels, map_shape, scaled

VGG_UNITS = 4096
PAIRS = (128, 64, 32, 16, 8)
"""Filters of each pair among the ten convolutions."""
PAIR_DROPOUT = 0.1
TEN_UNITS = 1024
TWO = ((24, 9), (48, 7))
"""Filters of the two convolutions, and the side of each."""


def vgg16_70(size: int, n_classes: int, width: float) -> nn.Sequential:
    """VGG-16 for small images.

    Parameters
    ----------
    size : int
        Side of the images in pixels. At 70 the last map is 2x2, so that 2,048 features reach the fully connected part.
    n_classes : int
        Outputs.
    width : float
        Share of the channels and units.

    Notes
    -----
    Rezayi (2021), section 2.3: 13 convolutions, two fully connected layers of 4,096 units and one for the classes,
    rectified but for the last. No dropout is mentioned.
    """
    features = make_layers([kind if isinstance(kind, str) else scaled(kind, width) for kind in cfgs["D"]])
    n_in, units = math.prod(map_shape(features, size)), scaled(VGG_UNITS, width)
    return nn.Sequential(
        OrderedDict(
            scaling=ScalePixels(),
            features=features,
            flatten=nn.Flatten(),
            dense1=nn.Linear(n_in, units),
            relu1=nn.ReLU(inplace=True),
            dense2=nn.Linear(units, units),
            relu2=nn.ReLU(inplace=True),
            classes=nn.Linear(units, n_classes),
        )
    )


def ten_convolutions(size: int, n_classes: int, width: float) -> nn.Sequential:
    """Rezayi's own network: five pairs of 2x2 convolutions, each pair with fewer filters than the one before.

    Parameters
    ----------
    size : int
        Side of the images in pixels. At 70 the last map is 2x2, so that 32 features reach the fully connected part.
    n_classes : int
        Outputs.
    width : float
        Share of the channels and units.

    Notes
    -----
    Rezayi (2021), section 2.4: 'same' padding, batch norm after every convolution, 2x2 maximum pooling with stride 2
    and dropout of 0.1 after each pair, 1,024 units. Where the rectifier stands is not said; here it is part of the
    convolution layer and batch norm follows it, as a Keras layer with `activation='relu'` has it. Running means and
    variances: see `leukorepro.systems.networks.residual.resnet50_70`.
    """
    pairs: OrderedDict[str, nn.Module] = OrderedDict()
    n_in = 3
    for number, filters in enumerate(PAIRS, 1):
        n_out = scaled(filters, width)
        pairs[f"pair{number}"] = _pair(n_in, n_out)
        n_in = n_out
    n_features, units = math.prod(map_shape(nn.Sequential(pairs), size)), scaled(TEN_UNITS, width)
    return nn.Sequential(
        OrderedDict(
            scaling=ScalePixels(),
            **pairs,
            flatten=nn.Flatten(),
            dense=nn.Linear(n_features, units),
            relu=nn.ReLU(inplace=True),
            classes=nn.Linear(units, n_classes),
        )
    )


def _pair(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=SameConv2d(n_in, n_out, 2),
            relu1=nn.ReLU(inplace=True),
            norm1=nn.BatchNorm2d(n_out, eps=KERAS_EPSILON),
            conv2=SameConv2d(n_out, n_out, 2),
            relu2=nn.ReLU(inplace=True),
            norm2=nn.BatchNorm2d(n_out, eps=KERAS_EPSILON),
            pool=nn.MaxPool2d(2),
            dropout=nn.Dropout(PAIR_DROPOUT),
        )
    )


def two_convolutions(size: int, n_classes: int, width: float) -> nn.Sequential:
    """Hayat's own network: two large convolutions and one fully connected layer.

    Parameters
    ----------
    size : int
        Side of the images in pixels; at 224 the last map is 51x51.
    n_classes : int
        Outputs.
    width : float
        Share of the channels.

    Notes
    -----
    Hayat (2022), section III and Figure 4: 24 filters of 9x9 and 48 of 7x7, rectified, each followed by maximum
    pooling. Stride, border and the pooling's size are not said; here convolutions have stride 1 and no border, which
    are MATLAB's defaults, and pooling is 2x2 with stride 2.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    n_in = 3
    for number, (filters, side) in enumerate(TWO, 1):
        n_out = scaled(filters, width)
        layers[f"conv{number}"] = nn.Conv2d(n_in, n_out, side)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        layers[f"pool{number}"] = nn.MaxPool2d(2)
        n_in = n_out
    n_features = math.prod(map_shape(nn.Sequential(layers), size))
    return nn.Sequential(
        OrderedDict(
            scaling=ScalePixels(),
            **layers,
            flatten=nn.Flatten(),
            classes=nn.Linear(n_features, n_classes),
        )
    )
