"""Registry of backbones: networks that can be cut at a named layer to give features.

Adding a network is one entry of `BACKBONES`. This module imports no network library, because the workflow reads it
whenever it is parsed; `leukorepro.features.networks` builds what an entry describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leukorepro.errors import UserError, did_you_mean

Pool = Literal["avg", "none"]
Scaling = Literal["torch", "tf"]


@dataclass(frozen=True)
class Layer:
    """A place where a network can be cut."""

    node: str
    """Dotted name of the module whose output is taken."""
    dim: int
    """Number of features."""
    pool: Pool = "none"
    """`avg`: mean over the spatial positions of a feature map; `none`: the output is a vector already."""


@dataclass(frozen=True)
class TorchvisionWeights:
    """ImageNet weights that torchvision publishes."""

    name: str
    """Name of torchvision's weights entry, from which the address is read."""
    file: str
    """File name; its last part begins the file's SHA-256, by torchvision's convention."""

    @property
    def sha256_prefix(self) -> str:
        """First eight hexadecimal digits of the file's SHA-256.

        torchvision publishes no more of it, and checks no more of it when it downloads.
        """
        return self.file.removesuffix(".pth").rpartition("-")[2]


@dataclass(frozen=True)
class Backbone:
    """A network, where it can be cut, what it expects and where its ImageNet weights come from."""

    build: str
    """Function that builds the network, as `package.module:function`."""
    layers: Mapping[str, Layer]
    default_layer: str
    input_size: int
    """Side of the square input that the ImageNet weights were trained for, in pixels."""
    weights: TorchvisionWeights
    min_input_size: int = 32
    """Smallest side that the network can compute, or the smallest that makes sense."""
    preprocessing: Scaling = "torch"
    """`torch`: ImageNet mean and deviation; `tf`: -1 to 1. What the ImageNet weights were trained with."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Arguments of the function that builds the network."""

    def find_layer(self, name: str) -> Layer:
        """Return the layer called `name`.

        Raises
        ------
        UserError
            If the network has no such layer, with those that it has.
        """
        if name not in self.layers:
            network = self.build.rpartition(":")[2]
            raise UserError(
                f"{network} has no layer '{name}'. Known: {', '.join(self.layers)}.{did_you_mean(name, self.layers)}"
            )
        return self.layers[name]


# torchvision's GoogLeNet and Inception-v3 weights are ports of Google's and expect values from -1 to 1; torchvision
# converts inside the network (`transform_input`) what it has scaled by mean and deviation outside. Scaling to -1..1 at
# once is the same without the detour.
BACKBONES: dict[str, Backbone] = {
    "googlenet": Backbone(
        build="torchvision.models:googlenet",
        layers={"gap": Layer("inception5b", dim=1024, pool="avg")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("GoogLeNet_Weights.IMAGENET1K_V1", "googlenet-1378be20.pth"),
        preprocessing="tf",
        options={"aux_logits": True, "init_weights": False},
    ),
    "inception_v3": Backbone(
        build="torchvision.models:inception_v3",
        layers={"gap": Layer("Mixed_7c", dim=2048, pool="avg")},
        default_layer="gap",
        input_size=299,
        min_input_size=75,
        weights=TorchvisionWeights("Inception_V3_Weights.IMAGENET1K_V1", "inception_v3_google-0cc3c7bd.pth"),
        preprocessing="tf",
        options={"aux_logits": True, "init_weights": False},
    ),
    "mobilenet_v2": Backbone(
        build="torchvision.models:mobilenet_v2",
        layers={"gap": Layer("features", dim=1280, pool="avg")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("MobileNet_V2_Weights.IMAGENET1K_V1", "mobilenet_v2-b0353104.pth"),
    ),
}
"""Known backbones by name."""


def find_backbone(name: str) -> Backbone:
    """Return the backbone called `name`.

    Raises
    ------
    UserError
        If there is none of that name, with those that there are and the closest of them.
    """
    if name not in BACKBONES:
        known = sorted(BACKBONES)
        raise UserError(f"unknown backbone '{name}'. Known: {', '.join(known)}.{did_you_mean(name, known)}")
    return BACKBONES[name]
