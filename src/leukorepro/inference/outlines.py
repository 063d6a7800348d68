"""What a network is, without its weights: enough to build it again, and quick to import."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from leukorepro.config.fields import Strict
from leukorepro.core.words import Architecture
from leukorepro.features.parts import Tuning


class ConvEncoderOutline(Strict):
    """The first half of a convolutional autoencoder: images to codes."""

    kind: Literal["conv_encoder"] = "conv_encoder"
    pooling: Literal["average", "max"]


class NetworkOutline(Strict):
    """A network of the registry `leukorepro.systems.networks.registry`."""

    kind: Literal["network"] = "network"
    architecture: Architecture
    input_shape: list[int]
    """Of one image, (size, size, 3), or of one code, (dim,)."""
    n_classes: int
    width: float


class NetworkEncoderOutline(Strict):
    """A network of the registry up to the layer before its last: images to features."""

    kind: Literal["network_encoder"] = "network_encoder"
    network: NetworkOutline


class TunedOutline(Strict):
    """A backbone that was trained further, with its new last layer."""

    kind: Literal["fine_tuned"] = "fine_tuned"
    tuning: Tuning
    n_classes: int


EncoderOutline = Annotated[ConvEncoderOutline | NetworkEncoderOutline, Field(discriminator="kind")]
"""What gives codes."""

ClassifierOutline = Annotated[NetworkOutline | TunedOutline, Field(discriminator="kind")]
"""What gives logits of classes."""
