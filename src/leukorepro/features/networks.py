"""Networks that turn 8-bit images into feature vectors."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from torchvision.models.feature_extraction import create_feature_extractor

from leukorepro.errors import UserError
from leukorepro.features.backbones import Backbone, Layer
from leukorepro.features.parameters import (
    calibrate_batch_norm,
    has_batch_norm,
    load_parameters,
    parameters_digest,
    randomise_parameters,
)
from leukorepro.features.preprocessing import SCALINGS, ChannelScaling
from leukorepro.features.weights import FOLDER, find_imagenet_weights
from leukorepro.store import sha256_file


class FeatureNetwork(nn.Module):
    """A backbone cut at a layer; scaling of the input and pooling of the output are parts of it.

    Attributes
    ----------
    dim : int
        Number of features.
    weights_sha256 : str
        Digest of the parameters in use, calibrated statistics included; equal for equal weights.
    file_sha256 : str or None
        SHA-256 of the file that the weights came from; None where they are random.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, layer: Layer, scaling: ChannelScaling) -> None:
        super().__init__()
        self.body = body
        self.dim = layer.dim
        self.pool = layer.pool
        self.weights_sha256 = ""
        self.file_sha256: str | None = None
        for name, values in (("mean", scaling.mean), ("deviation", scaling.deviation)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def preprocess(self, batch: Tensor) -> Tensor:
        """Scale resized images as the backbone expects them.

        Parameters
        ----------
        batch : Tensor of uint8, shape (n, height, width, 3)

        Returns
        -------
        Tensor of float32, shape (n, 3, height, width), channels last in memory
        """
        return (batch.permute(0, 3, 1, 2).to(self.mean.dtype) / 255 - self.mean) / self.deviation

    def forward(self, batch: Tensor) -> Tensor:
        """Features of resized images.

        Parameters
        ----------
        batch : Tensor of uint8, shape (n, height, width, 3)

        Returns
        -------
        Tensor of float32, shape (n, dim)
        """
        output: Tensor = self.body(self.preprocess(batch))["features"]
        if self.pool == "avg":
            output = adaptive_avg_pool2d(output, 1)
        return output.flatten(1)


def build_network(
    backbone: Backbone,
    layer: str,
    weights: str,
    *,
    seed: int = 0,
    calibration: Tensor | None = None,
    folder: Path = FOLDER,
) -> FeatureNetwork:
    """Build a backbone, cut it at a layer and give it weights.

    What follows the layer, and auxiliary heads, are neither kept nor computed.

    Parameters
    ----------
    backbone : Backbone
    layer : str
        Name of one of the backbone's layers.
    weights : str
        `imagenet`, `file:PATH` (a state dict of the complete network, or of the kept part) or `random`.
    seed : int
        Seed of random weights.
    calibration : Tensor of uint8, shape (n, size, size, 3), optional
        At least two resized images of the dataset, from which random weights take their batch-norm statistics.
    folder : Path, optional
        Where ImageNet weights are looked up first and downloaded to.

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
    complete = _build(backbone, seed)
    body = create_feature_extractor(complete, {cut.node: "features"}, suppress_diff_warning=True)
    network = FeatureNetwork(body, cut, SCALINGS[backbone.preprocessing])
    network.eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)

    if weights == "random":
        randomise_parameters(body, seed)
        _calibrate(network, calibration)
    elif weights == "imagenet" or weights.startswith("file:"):
        path = find_imagenet_weights(backbone, folder) if weights == "imagenet" else Path(weights.removeprefix("file:"))
        load_parameters(body, path, also_known=complete.state_dict())
        network.file_sha256 = sha256_file(path)
    else:
        raise ValueError(f"weights are 'imagenet', 'random' or 'file:PATH', not {weights!r}")
    network.weights_sha256 = parameters_digest(body)
    return network


def _build(backbone: Backbone, seed: int) -> nn.Module:
    module, _, function = backbone.build.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = getattr(importlib.import_module(module), function)(**backbone.options)
    return network.eval()


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
