"""Networks that turn 8-bit images into feature vectors."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from torchvision.models.feature_extraction import create_feature_extractor

from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_once
from leukorepro.core.words import Preprocessing
from leukorepro.features.backbones.parameters import (
    calibrate_batch_norm,
    has_batch_norm,
    load_parameters,
    parameters_digest,
    randomise_parameters,
    reset_parameters,
)
from leukorepro.features.backbones.scaling import build_scaling
from leukorepro.features.backbones.specification import TIMM, Backbone, Layer
from leukorepro.features.backbones.state_dicts import read_parameters
from leukorepro.features.backbones.tunable import frozen_half, input_shape
from leukorepro.features.backbones.weights import FOLDER, find_weights


class FeatureNetwork(nn.Module):
    """A backbone cut at a layer; scaling of the input and pooling of the output are parts of it.

    Attributes
    ----------
    dim : int
        Number of features, at the input size that it was built for.
    weights_sha256 : str
        Digest of the parameters in use, calibrated statistics included; equal for equal weights.
    file_sha256 : str or None
        SHA-256 of the file that the weights came from; None where they are random.
    """

    def __init__(self, scaling: nn.Module, body: nn.Module, layer: Layer, dim: int) -> None:
        super().__init__()
        self.scaling = scaling
        self.body = body
        self.dim = dim
        self.cut = layer.node is not None and not layer.before
        self.pool = layer.pool
        self.weights_sha256 = ""
        self.file_sha256: str | None = None

    def preprocess(self, batch: Tensor) -> Tensor:
        """Scale resized images as the backbone expects them.

        Parameters
        ----------
        batch : Tensor of uint8, shape (n, height, width, 3)
            RGB, of the input size.

        Returns
        -------
        Tensor of float32, shape (n, 3, height, width), channels last in memory
        """
        scaled: Tensor = self.scaling(batch)
        return scaled

    def forward(self, batch: Tensor) -> Tensor:
        """Features of resized images.

        Parameters
        ----------
        batch : Tensor of uint8, shape (n, height, width, 3)
            RGB, of the input size.

        Returns
        -------
        Tensor of float32, shape (n, dim)
        """
        output = self.body(self.preprocess(batch))
        if self.cut:
            output = output["features"]
        if self.pool == "avg":
            output = adaptive_avg_pool2d(output, 1)
        features: Tensor = output.flatten(1)
        return features


def build_network(
    backbone: Backbone,
    layer: str,
    weights: str,
    *,
    seed: int = 0,
    calibration: Tensor | None = None,
    statistics: Mapping[str, Tensor] | None = None,
    folder: Path = FOLDER,
    preprocessing: Preprocessing | None = None,
    input_size: int | None = None,
) -> FeatureNetwork:
    """Build a backbone, cut it at a layer and give it weights.

    What follows the layer, and auxiliary heads, are neither kept nor computed.

    Parameters
    ----------
    backbone : Backbone
    layer : str
        Name of one of the backbone's layers.
    weights : str
        `imagenet` (the published ones that the backbone's registry entry names), `file:PATH` (a state dict of the
        complete network, or of the kept part) or `random`.
    seed : int
        Seed of random weights.
    calibration : Tensor of uint8, shape (n, size, size, 3), optional
        At least two resized images of the dataset, from which random weights take their batch-norm statistics.
    statistics : mapping of str to Tensor, optional
        The same statistics, as `batch_norm_statistics` gives them, in the place of images.
    folder : Path, optional
        Where ImageNet weights are looked up first.
    preprocessing : {'torch', 'tf', 'caffe', 'per_image'}, optional
        How values are scaled; default: the backbone's own way.
    input_size : int, optional
        Side of the images that it will see, in pixels, which decides how long a flattened feature map is; default: the
        backbone's own.

    Returns
    -------
    FeatureNetwork
        On the CPU, in evaluation mode, channels last in memory, without gradients.

    Raises
    ------
    UserError
        If the layer is unknown, the weights cannot be had or do not fit, or random weights give features that are not
        finite or equal for all calibration images.
    ValueError
        If `weights` is none of the three, or `calibration` is missing where it is needed.
    """
    cut = backbone.find_layer(layer)
    path = find_weights(backbone, weights, folder)
    if cut.before:
        body = frozen_half(backbone, str(cut.node), path, seed)
    else:
        body = _timm(backbone, cut, path, seed) if backbone.build.startswith(TIMM) else _cut(backbone, cut, path)
    dim = body.head_hidden_size if cut.pool == "own" else count_features(backbone, layer, input_size)
    assert isinstance(dim, int)
    network = FeatureNetwork(build_scaling(preprocessing or backbone.preprocessing), body, cut, dim)
    network.eval().requires_grad_(False)
    if path is None and not cut.before:  # whose weights are drawn with those of the complete network
        randomise_parameters(body, seed)
    network.to(memory_format=torch.channels_last)
    if path is not None:
        network.file_sha256 = sha256_once(path)
    elif statistics is not None:
        body.load_state_dict(statistics, strict=False)
    else:
        _calibrate(network, calibration)
    network.weights_sha256 = parameters_digest(body)
    return network


def batch_norm_statistics(network: FeatureNetwork) -> dict[str, Tensor]:
    """Means and variances that the network's batch norms subtract and divide by, by their names."""
    state = network.body.state_dict()
    return {name: state[name] for name in state if name.endswith(("running_mean", "running_var"))}


def count_features(backbone: Backbone, layer: str, input_size: int | None = None) -> int:
    """Number of features of a layer; nothing is computed, and no memory is taken for weights.

    Parameters
    ----------
    backbone : Backbone
    layer : str
        Name of one of the backbone's layers.
    input_size : int, optional
        Side of the square input, in pixels; default: the backbone's own.

    Raises
    ------
    UserError
        If the layer is unknown.
    """
    cut = backbone.find_layer(layer)
    if cut.dim is not None:
        return cut.dim
    size = input_size or backbone.input_size
    if cut.before:
        return math.prod(input_shape(backbone, str(cut.node), size))
    with torch.device("meta"):
        body = _timm(backbone, cut, None, seed=0) if backbone.build.startswith(TIMM) else _outline(backbone, cut)[1]
        output = body.eval()(torch.empty(1, 3, size, size))
    features: Tensor = output if cut.node is None else output["features"]
    return features[0].numel()


def _outline(backbone: Backbone, layer: Layer) -> tuple[nn.Module, nn.Module]:
    """A network, and the same up to a layer, both without numbers."""
    module, _, function = backbone.build.partition(":")
    assert layer.node is not None
    with torch.device("meta"):
        complete: nn.Module = getattr(importlib.import_module(module), function)(**backbone.options).eval()
    return complete, create_feature_extractor(complete, {layer.node: "features"}, suppress_diff_warning=True)


def _cut(backbone: Backbone, layer: Layer, path: Path | None) -> nn.Module:
    """A network up to a layer, with weights from a file or still to be drawn; memory is taken for this part only."""
    complete, body = _outline(backbone, layer)
    body.to_empty(device="cpu")
    reset_parameters(body)
    if path is not None:
        load_parameters(body, path, also_known=complete.state_dict())
    return body


def _timm(backbone: Backbone, layer: Layer, path: Path | None, seed: int) -> nn.Module:
    """A network of timm without its classifier, and without its pooling where the layer wants none."""
    from leukorepro.features.backbones.timm_networks import build_headless

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_headless(
            backbone, None if path is None else read_parameters(path), path, pooled=layer.pool == "own"
        )


def _calibrate(network: FeatureNetwork, images: Tensor | None) -> None:
    if images is None:
        if has_batch_norm(network):
            raise ValueError("random weights need calibration images for their batch-norm statistics")
        return
    features = calibrate_batch_norm(network, images)
    if not torch.isfinite(features).all():
        raise UserError("random weights: features are not finite; use another seed, or weights of a trained network.")
    if torch.equal(features, features[:1].expand_as(features)):
        raise UserError(
            f"random weights: features are equal for all {len(images)} calibration images; "
            "see whether the images are all alike, or use weights of a trained network."
        )
