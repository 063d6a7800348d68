"""What one feature file holds: an extractor with its weights, or a descriptor, with every name looked up."""

from __future__ import annotations

from leukorepro.config.fields import Normalise, Strict
from leukorepro.core.words import Engine, Precision, Preprocessing
from leukorepro.features.backbones.specification import Interpolation


class ResolvedExtractor(Strict):
    """An extractor with its weights and how it is computed: what one feature file holds."""

    id: str
    """Name of the feature file, such as `googlenet-gap-imagenet-224`: it differs wherever anything below does."""
    backbone: str
    layer: str
    weights: str
    input_size: int
    preprocessing: Preprocessing | None = None
    """How pixel values are scaled, where that is not the backbone's own way."""
    normalise: Normalise = None
    """How colours are made those of a reference first."""
    file_sha256: str = ""
    """Of a user's own file of weights; empty where the weights are others."""
    seed: int = 0
    """Of random weights; 0 where the weights are others."""
    engine: Engine = "auto"
    precision: Precision = "float32"


class ResolvedDescriptor(Strict):
    """A descriptor with its input size: what one feature file holds."""

    id: str
    """Name of the feature file, such as `pixels-70`."""
    descriptor: str
    input_size: int
    interpolation: Interpolation = "bilinear"
    """How images are resized."""
    normalise: Normalise = None
    """How colours are made those of a reference first."""


Part = ResolvedExtractor | ResolvedDescriptor
"""What one feature file holds."""


class Tuning(Strict):
    """A backbone that is trained from one of its layers on, and what that layer gets of all images."""

    network: ResolvedExtractor
    """Its own layer has no part in this."""
    start: str
    """The first layer that is trained."""
    input: Part
    """What is computed once by the layers before it; images, where there are none, or where every epoch changes the
    images and these layers are computed anew."""
