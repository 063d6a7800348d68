"""Networks that are trained from random weights: one registry entry for each architecture.

Adding one is an entry of `IMAGE_NETWORKS` or `CODE_NETWORKS` and its name in `leukorepro.core.words.Architecture`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from leukorepro.config.study.systems import SMALLEST_IMAGES
from leukorepro.core.errors import UserError
from leukorepro.core.words import Architecture
from leukorepro.systems.networks.code import code_channels, code_sequence
from leukorepro.systems.networks.convolutional_autoencoder import ConvAutoencoder
from leukorepro.systems.networks.convolutions import ten_convolutions, two_convolutions, vgg16_70
from leukorepro.systems.networks.layers import draw_weights
from leukorepro.systems.networks.residual import resnet50_70

Builder = Callable[[int, int, float], nn.Module]
"""From the side of the images, or the values of the code; the number of classes; and the width."""

IMAGE_NETWORKS: dict[Architecture, Builder] = {
    "resnet50_70": resnet50_70,
    "vgg16_70": vgg16_70,
    "ten_convolutions": ten_convolutions,
    "two_convolutions": two_convolutions,
}
CODE_NETWORKS: dict[Architecture, Builder] = {
    "code_channels": code_channels,
    "code_sequence": code_sequence,
}


def build_network(
    architecture: Architecture, input_shape: tuple[int, ...], n_classes: int, width: float, seed: int
) -> nn.Module:
    """A network with random weights, ready to be trained.

    Parameters
    ----------
    architecture : str
        A name of the registry.
    input_shape : tuple of int
        Of images (size, size, 3), given as uint8 and scaled to 0..1 by the network's first layer; of codes (dim,),
        given as float32.
    n_classes : int
        At least 2.
    width : float
        Share of the channels and units that each layer has, in (0, 1]; at least one is left.
    seed : int
        Of the weights, which no other generator has a part in.

    Returns
    -------
    Module
        From a batch (n, *input_shape) to logits (n, n_classes); on the CPU, in training mode. In training, batch norm
        needs two rows at least where its maps are single values.

    Raises
    ------
    UserError
        If images are too small.
    ValueError
        If `input_shape` is not of the kind that the architecture takes.
    """
    network = outline_network(architecture, input_shape, n_classes, width)
    draw_weights(network, seed)
    return network


def outline_network(
    architecture: Architecture, input_shape: tuple[int, ...], n_classes: int, width: float
) -> nn.Module:
    """The network of `build_network` on the meta device: shapes without weights.

    Parameters
    ----------
    architecture : str
        Key of `IMAGE_NETWORKS` or `CODE_NETWORKS`.
    input_shape : tuple of int
        Of one row: (size, size, 3) of images, (dim,) of codes.
    n_classes : int
        Outputs.
    width : float
        Share of the channels and units that each layer has, in (0, 1]; at least one is left.

    Raises
    ------
    ValueError
        If `input_shape` is not of the kind that the architecture takes.
    UserError
        If the images are smaller than `SMALLEST_IMAGES`.
    """
    where = f"architecture '{architecture}'"
    if architecture in CODE_NETWORKS:
        if len(input_shape) != 1:
            raise ValueError(f"{where} takes codes of shape (dim,), not {input_shape}")
    else:
        if len(input_shape) != 3 or input_shape != (input_shape[0], input_shape[0], 3):
            raise ValueError(f"{where} takes images of shape (size, size, 3), not {input_shape}")
        if input_shape[0] < SMALLEST_IMAGES:
            raise UserError(
                f"{where}: images of {input_shape[0]} x {input_shape[0]} pixels are too small; give the descriptor of "
                f"the images an input_size of {SMALLEST_IMAGES} at least."
            )
    with torch.device("meta"):
        return (IMAGE_NETWORKS | CODE_NETWORKS)[architecture](input_shape[0], n_classes, width)


def build_autoencoder(pooling: Literal["average", "max"], seed: int) -> ConvAutoencoder:
    """A convolutional autoencoder with random weights, for images whose side is a multiple of 9.

    Parameters
    ----------
    pooling : {'average', 'max'}
        Mean or greatest of each 3 x 3 values.
    seed : int
        Of the weights, which no other generator has a part in.

    Returns
    -------
    ConvAutoencoder
        On the CPU, in training mode.
    """
    network = outline_autoencoder(pooling)
    draw_weights(network, seed)
    return network


def outline_autoencoder(pooling: Literal["average", "max"]) -> ConvAutoencoder:
    """The network of `build_autoencoder` on the meta device: shapes without weights."""
    with torch.device("meta"):
        return ConvAutoencoder(pooling)
