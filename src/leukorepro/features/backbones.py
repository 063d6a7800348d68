"""Registry of backbones: networks that can be cut at a named layer to give features.

Adding a network is one entry of `BACKBONES`; any network of timm is known without one, as ``timm:NAME``. This module
imports no network library, because the workflow reads it whenever it is parsed (but timm is asked about its own
networks); `leukorepro.features.networks` builds what an entry describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leukorepro.errors import UserError, did_you_mean
from leukorepro.words import Preprocessing

Pool = Literal["avg", "none"]
Interpolation = Literal["bilinear", "bicubic"]

TIMM = "timm:"
"""What the name of a network of timm begins with, and what follows as the function that builds it."""


@dataclass(frozen=True)
class Layer:
    """A place where a network can be cut."""

    node: str | None
    """Dotted name of the module whose output is taken, or of a function's node in torchvision's graph of the network;
    None: the output of the whole network, which is built without a classifier."""
    dim: int | None
    """Number of features; None: known once the network is built."""
    pool: Pool = "none"
    """`avg`: mean over the spatial positions of a feature map; `none`: the output is a vector, or flattened to one."""


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
class TimmWeights:
    """Weights that timm publishes on the Hugging Face hub."""

    name: str
    """timm's complete name, such as `resnet18.a1_in1k`; files in the project's folder of weights are named so."""
    repository: str | None
    """The hub's repository; None where timm publishes the weights elsewhere."""
    file: str = "model.safetensors"
    """Name of the file in the repository."""


@dataclass(frozen=True)
class ChannelScaling:
    """Red, green and blue become ``(value - mean) / deviation``."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    full: float = 1.0
    """White before scaling: values go from 0 to it."""
    order: Literal["rgb", "bgr"] = "rgb"
    """Order of the channels that the network gets; `mean` and `deviation` are always red, green, blue."""

    def __str__(self) -> str:
        return f"mean {self.mean}, deviation {self.deviation}"


@dataclass(frozen=True)
class Backbone:
    """A network, where it can be cut, what it expects and where its ImageNet weights come from."""

    build: str
    """Function that builds the network, as `package.module:function`; a network of timm, as `timm:NAME`."""
    layers: Mapping[str, Layer]
    default_layer: str
    input_size: int
    """Side of the square input that the ImageNet weights were trained for, in pixels."""
    weights: TorchvisionWeights | TimmWeights
    min_input_size: int = 32
    """Smallest side that the network can compute, or the smallest that makes sense."""
    preprocessing: Preprocessing | ChannelScaling = "torch"
    """What the ImageNet weights were trained with."""
    interpolation: Interpolation = "bilinear"
    """How the library's own transform resizes images for these weights."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Arguments of the function that builds the network."""

    @property
    def network(self) -> str:
        """The library's name of the network."""
        return self.build.partition(":")[2]

    def find_layer(self, name: str) -> Layer:
        """Return the layer called `name`.

        Raises
        ------
        UserError
            If the network has no such layer, with those that it has.
        """
        if name not in self.layers:
            raise UserError(
                f"{self.network} has no layer '{name}'. Known: {', '.join(self.layers)}."
                f"{did_you_mean(name, self.layers)}"
            )
        return self.layers[name]

    def check_input_size(self, size: int) -> None:
        """Refuse a square input that the network cannot compute.

        Raises
        ------
        UserError
            With the network's name and what it needs.
        """
        if size < self.min_input_size:
            raise UserError(
                f"input_size {size} is too small for {self.network}; it needs {self.min_input_size} pixels or more."
            )
        if self.layers[self.default_layer].dim is None:  # only timm knows more of this network
            from leukorepro.features.timm_networks import check_input_size

            check_input_size(self, size)


def _fc6(node: str) -> dict[str, Layer]:
    """The first fully connected layer, before its rectifier."""
    return {"fc6": Layer(node, dim=4096)}


def _relu7(node: str) -> dict[str, Layer]:
    """The rectifier after the second fully connected layer: what the last layer sees, but for dropout."""
    return {"relu7": Layer(node, dim=4096)}


# torchvision's GoogLeNet and Inception-v3 weights are ports of Google's and expect values from -1 to 1; torchvision
# converts inside the network (`transform_input`) what it has scaled by mean and deviation outside. Scaling to -1..1 at
# once is the same without the detour.
BACKBONES: dict[str, Backbone] = {
    "alexnet": Backbone(
        build="torchvision.models:alexnet",
        layers={**_fc6("classifier.1"), **_relu7("classifier.5")},
        default_layer="fc6",
        input_size=224,
        min_input_size=63,
        weights=TorchvisionWeights("AlexNet_Weights.IMAGENET1K_V1", "alexnet-owt-7be5be79.pth"),
    ),
    "densenet121": Backbone(
        build="torchvision.models:densenet121",
        layers={"gap": Layer("relu", dim=1024, pool="avg")},  # the function after the last batch norm
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("DenseNet121_Weights.IMAGENET1K_V1", "densenet121-a639ec97.pth"),
    ),
    "googlenet": Backbone(
        build="torchvision.models:googlenet",
        layers={"gap": Layer("inception5b", dim=1024, pool="avg")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("GoogLeNet_Weights.IMAGENET1K_V1", "googlenet-1378be20.pth"),
        preprocessing="tf",
        options={"aux_logits": True, "init_weights": False},
    ),
    "inception_resnet_v2": Backbone(
        build="timm:inception_resnet_v2.tf_in1k",
        layers={"gap": Layer(None, dim=1536)},
        default_layer="gap",
        input_size=299,
        min_input_size=75,
        weights=TimmWeights("inception_resnet_v2.tf_in1k", "timm/inception_resnet_v2.tf_in1k"),
        preprocessing="tf",
        interpolation="bicubic",
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
    "resnet101": Backbone(
        build="torchvision.models:resnet101",
        layers={"gap": Layer("layer4", dim=2048, pool="avg")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("ResNet101_Weights.IMAGENET1K_V1", "resnet101-63fe2227.pth"),
    ),
    "resnet50": Backbone(
        build="torchvision.models:resnet50",
        layers={"gap": Layer("layer4", dim=2048, pool="avg")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("ResNet50_Weights.IMAGENET1K_V1", "resnet50-0676ba61.pth"),
    ),
    "vgg16": Backbone(
        build="torchvision.models:vgg16",
        layers={"gap": Layer("features", dim=512, pool="avg"), **_fc6("classifier.0"), **_relu7("classifier.4")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("VGG16_Weights.IMAGENET1K_V1", "vgg16-397923af.pth"),
    ),
    "vgg19": Backbone(
        build="torchvision.models:vgg19",
        layers={"gap": Layer("features", dim=512, pool="avg"), **_fc6("classifier.0")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("VGG19_Weights.IMAGENET1K_V1", "vgg19-dcbb9e9d.pth"),
    ),
}
"""Known backbones by name."""


def find_backbone(name: str) -> Backbone:
    """Return the backbone called `name`: one of `BACKBONES`, or ``timm:NAME``, which imports timm.

    Raises
    ------
    UserError
        If there is none of that name, with those that there are and the closest of them.
    """
    if name.startswith(TIMM):
        from leukorepro.features.timm_networks import describe

        return describe(name.removeprefix(TIMM))
    if name not in BACKBONES:
        known = sorted(BACKBONES)
        raise UserError(
            f"unknown backbone '{name}'. Known: {', '.join(known)}; any network of timm as 'timm:NAME'."
            f"{did_you_mean(name, known)}"
        )
    return BACKBONES[name]
