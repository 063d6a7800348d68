"""The network of a model's part, as it was when the system was fitted."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.inference.model import Model


def feature_network(model: Model, number: int) -> FeatureNetwork:
    """The network of one of a model's parts.

    Parameters
    ----------
    model : Model
        That was read from a folder.
    number : int
        Of the part, an extractor.

    Returns
    -------
    FeatureNetwork
        On the CPU, in evaluation mode, without gradients.

    Raises
    ------
    UserError
        If its weights cannot be had, or are others than those that the system was fitted with.
    """
    part, source = model.system.parts[number], model.sources[number]
    assert isinstance(part, ResolvedExtractor)
    assert isinstance(model.folder, Path)
    network = build_network(
        find_backbone(part.backbone),
        part.layer,
        part.weights,
        seed=part.seed,
        statistics=_statistics(model.folder, source.stored) if part.weights == "random" else None,
        preprocessing=part.preprocessing,
        input_size=part.input_size,
    )
    if network.weights_sha256 != source.weights_sha256:
        raise UserError(
            f"{model.folder}: was fitted on features of {part.backbone} with other weights (SHA-256 "
            f"{source.weights_sha256[:8]}...) than those that are found here ({network.weights_sha256[:8]}...); put "
            "the same weights in their place, or export the model again."
        )
    return network


def _statistics(folder: Path, stored: str) -> dict[str, Tensor]:
    """Batch-norm statistics; none of a network that has no batch norm."""
    return load_file(folder / stored) if stored else {}
