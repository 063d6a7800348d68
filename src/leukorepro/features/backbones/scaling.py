"""Scaling of resized images inside a network, so that an engine that converts the network converts it too."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leukorepro.core.words import Preprocessing
from leukorepro.features.backbones.specification import ChannelScaling

WHITE = 255
"""Largest value of an 8-bit channel."""

CHANNEL_SCALINGS: dict[Preprocessing, ChannelScaling] = {
    # Mean and deviation of ImageNet's training images.
    "torch": ChannelScaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "tf": ChannelScaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "caffe": ChannelScaling((123.68, 116.779, 103.939), (1.0, 1.0, 1.0), full=WHITE, order="bgr"),
}
"""Preprocessings that treat every pixel alike, as torchvision and Keras define them."""


def build_scaling(preprocessing: Preprocessing | ChannelScaling) -> nn.Module:
    """Module that turns uint8 images of shape (n, height, width, 3) into float images (n, 3, height, width).

    The result is channels last in memory.
    """
    if preprocessing == "per_image":
        return StandardizeImages()
    if isinstance(preprocessing, ChannelScaling):
        return ScaleChannels(preprocessing)
    return ScaleChannels(CHANNEL_SCALINGS[preprocessing])


class ScaleChannels(nn.Module):
    """Scale every channel by its own mean and deviation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, scaling: ChannelScaling) -> None:
        super().__init__()
        self.step = WHITE / scaling.full
        self.reverse = scaling.order == "bgr"
        for name, values in (("mean", scaling.mean), ("deviation", scaling.deviation)):
            ordered = tuple(reversed(values)) if self.reverse else values
            self.register_buffer(name, torch.tensor(ordered).view(1, 3, 1, 1), persistent=False)

    def forward(self, batch: Tensor) -> Tensor:
        """Scale a batch."""
        if self.reverse:
            batch = batch.flip(3)
        values = batch.permute(0, 3, 1, 2).to(self.mean.dtype)
        return (values / self.step - self.mean) / self.deviation


class StandardizeImages(nn.Module):
    """Bring every image to mean 0 and deviation 1 over all its pixels and channels.

    Notes
    -----
    As TensorFlow's `tf.image.per_image_standardization` documents it: the deviation is that of all values, and no
    smaller than one over the square root of their number, which protects uniform images; values are from 0 to 1.
    """

    white: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("white", torch.tensor(float(WHITE)), persistent=False)

    def forward(self, batch: Tensor) -> Tensor:
        """Standardise a batch."""
        values = batch.permute(0, 3, 1, 2).to(self.white.dtype) / self.white
        centred = values - values.mean((1, 2, 3), keepdim=True)
        deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
        floor = (values.shape[1] * values.shape[2] * values.shape[3]) ** -0.5
        return centred / deviation.clamp(min=floor)
