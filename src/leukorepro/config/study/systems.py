"""What a study's systems are made of: extractors, descriptors, reducers and trained networks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from leukorepro.config.fields import Normalise, PerBudget, Share, Strict
from leukorepro.config.study.training import ClassifierTrainingSpec, Epochs, Recipe, TrainingSpec
from leukorepro.core.words import ARCHITECTURES, Architecture, Budget, Preprocessing

DescriptorSize = Annotated[int, Field(ge=8, le=1024)]
InputSize = Annotated[int, Field(ge=32, le=1024)]


class Extractor(Strict):
    """A backbone cut at a layer, with its input; its weights are chosen by the run."""

    backbone: str
    """A name of the registry in `leukorepro.features.backbones.registry`, or `timm:NAME` for any network of timm."""
    layer: str | None = None
    """Layer whose output is the feature vector; default: the backbone's own."""
    input_size: InputSize | PerBudget[InputSize] | None = None
    """Side of the square input, in pixels, perhaps smaller in a demonstration; default: the backbone's own."""
    preprocessing: Preprocessing | None = None
    """How pixel values are scaled; default: as the backbone's weights were trained."""
    normalise: Normalise = None
    """How colours are made those of a reference, before all else; default: they stay."""


class DescriptorSpec(Strict):
    """Features computed from the pixels without a network."""

    descriptor: str
    """A name of the registry in `leukorepro.features.descriptors.registry`."""
    input_size: DescriptorSize | PerBudget[DescriptorSize] | None = None
    """Side of the square that images are resized to, in pixels, perhaps smaller in a demonstration; default: the
    descriptor's own."""
    normalise: Normalise = None
    """How colours are made those of a reference, before all else; default: they stay."""


class SparseAutoencoderSpec(Strict):
    """Sparse autoencoder with the semantics of MATLAB's trainAutoencoder."""

    plural: ClassVar[str] = "autoencoders"
    kind: Literal["sparse_autoencoder"]
    hidden_fraction: Annotated[float, Field(gt=0, le=4)]
    """Hidden units as a share of the number of features."""
    max_epochs: PerBudget[Epochs]
    gradient_tolerance: Annotated[float, Field(ge=0)] = 1e-6
    l2_weight: Annotated[float, Field(ge=0)] = 0.001
    sparsity_weight: Annotated[float, Field(ge=0)] = 1.0
    sparsity_target: Share = 0.05
    error_divisor: Literal["rows", "cells"] = "rows"
    """Squared error divided by the number of rows (N), or of rows times features (N*K)."""
    l2_factor: Literal["half", "rows"] = "half"
    """Sum of squared weights times 1/2, or over the number of rows (1/N)."""

    def n_hidden(self, n_features: int) -> int:
        """Number of hidden units on so many features."""
        return max(1, round(self.hidden_fraction * n_features))


class ConvAutoencoderSpec(TrainingSpec):
    """Convolutional autoencoder of images, whose code is what networks are trained on."""

    plural: ClassVar[str] = "autoencoders"
    kind: Literal["conv_autoencoder"]
    pooling: Literal["average", "max"] = "average"
    batch_size: Annotated[int, Field(ge=1)] = 6
    learning_rate: Annotated[float, Field(gt=0)] = 0.001

    def recipe(self, budget: Budget) -> Recipe:  # noqa: ARG002
        """The same at every budget."""
        return self.recipe_of(f"convolutional autoencoder, {self.pooling} pooling", [])


class TrainedFeaturesSpec(Strict):
    """What a network of the study sees of images after its training: the output of its layer before the last."""

    kind: Literal["trained_features"]
    network: str
    """A classifier of kind `network`; the features of a fold's rows are those of the network trained in that fold."""


ReducerSpec = Annotated[SparseAutoencoderSpec | ConvAutoencoderSpec | TrainedFeaturesSpec, Field(discriminator="kind")]


SMALLEST_IMAGES = 32
"""Side of the smallest images that networks are trained on, in pixels: after five poolings by 2 one is left."""


class NetworkSpec(ClassifierTrainingSpec):
    """A network trained from random weights, on images or on an autoencoder's code of them."""

    plural: ClassVar[str] = "networks"
    kind: Literal["network"]
    architecture: Architecture
    width: PerBudget[Annotated[float, Field(gt=0, le=1)]] = {"demo": 1.0, "published": 1.0}
    """Share of the channels and units that each layer has."""

    def recipe(self, budget: Budget) -> Recipe:
        """With the width at a budget."""
        width = self.width[budget]
        more = [f"{100 * width:g} % of the channels"] if width < 1 else []
        return self.recipe_of(f"{ARCHITECTURES[self.architecture]}, from random weights", more)


class FineTunedSpec(ClassifierTrainingSpec):
    """The network of a feature set with a new last layer, trained on images from one of its layers on.

    Layers before that one stay as they are, and so do their batch norms' statistics.
    """

    plural: ClassVar[str] = "fine-tuned networks"
    kind: Literal["fine_tuned"]
    train_from: str = "all"
    """The first layer that is trained: `last`, the new one alone; `fc`, all fully connected ones; `block`, the last
    block of convolutions or of attention and all that follows; `all`; or the name of a layer in the network's
    library."""

    @model_validator(mode="after")
    def _scaled_by_the_network(self) -> Self:
        if self.zero_center is not None:
            raise ValueError("zero_center: a trained network gets images as it was trained on them; leave it out")
        return self

    def recipe(self, budget: Budget) -> Recipe:  # noqa: ARG002
        """The same at every budget."""
        words = {"all": "all layers", "last": "a new last layer alone", "block": "the last block on", "fc": "fc on"}
        return self.recipe_of(f"network trained before, {words.get(self.train_from, f'{self.train_from} on')}", [])
