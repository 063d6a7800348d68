"""What a study's systems are made of: extractors, descriptors, reducers, classifiers and trained networks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leukorepro.config.fields import PerBudget, Share, Strict
from leukorepro.core.words import Architecture, Preprocessing, ScoreKind

Epochs = Annotated[int, Field(ge=1)]
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


class DescriptorSpec(Strict):
    """Features computed from the pixels without a network."""

    descriptor: str
    """A name of the registry in `leukorepro.features.descriptors.registry`."""
    input_size: DescriptorSize | PerBudget[DescriptorSize] | None = None
    """Side of the square that images are resized to, in pixels, perhaps smaller in a demonstration; default: the
    descriptor's own."""


class SparseAutoencoderSpec(Strict):
    """Sparse autoencoder with the semantics of MATLAB's trainAutoencoder."""

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


class ConvAutoencoderSpec(Strict):
    """Convolutional autoencoder of images, whose code is what networks are trained on."""

    kind: Literal["conv_autoencoder"]
    pooling: Literal["average", "max"] = "average"
    epochs: PerBudget[Epochs]
    batch_size: Annotated[int, Field(ge=1)] = 6
    learning_rate: Annotated[float, Field(gt=0)] = 0.001


class TrainedFeaturesSpec(Strict):
    """What a network of the study sees of images after its training: the output of its layer before the last."""

    kind: Literal["trained_features"]
    network: str
    """A classifier of kind `network`; the features of a fold's rows are those of the network trained in that fold."""


ReducerSpec = Annotated[SparseAutoencoderSpec | ConvAutoencoderSpec | TrainedFeaturesSpec, Field(discriminator="kind")]


class ClassifierBase(Strict):
    """What every classifier may say."""

    scores: ClassVar[ScoreKind] = "probability"
    """What its scores are; a class that says nothing gives probabilities."""
    standardize: bool = False
    """Scale every feature to mean 0 and deviation 1 over the training rows."""


class SvmSpec(ClassifierBase):
    """Support vector machine, one against one for several classes."""

    scores: ClassVar[ScoreKind] = "margin"
    kind: Literal["svm"]
    kernel: Literal["linear", "poly", "rbf"]
    C: Annotated[float, Field(gt=0)] = 1.0
    degree: Annotated[int, Field(ge=1)] = 3
    coef0: float = 0.0
    gamma: Literal["scale", "auto", "median"] | Annotated[float, Field(gt=0)] = "scale"
    """`median`: 1 / s^2 with the kernel scale s = `scale_factor` times the median distance between training rows."""
    scale_factor: Annotated[float, Field(gt=0)] = 1.0
    """Only with `gamma: median`: MATLAB's automatic kernel scale is not published, so a study can vary it."""
    standardize: bool = True


class KnnSpec(ClassifierBase):
    """K nearest neighbours, Euclidean, each with one vote."""

    kind: Literal["knn"]
    n_neighbors: Annotated[int, Field(ge=1)] = 5


class DecisionTreeSpec(ClassifierBase):
    """One decision tree, grown until its leaves are pure."""

    kind: Literal["decision_tree"]


class RandomForestSpec(ClassifierBase):
    """Random forest."""

    kind: Literal["random_forest"]
    n_estimators: Annotated[int, Field(ge=1)] = 100


class LogisticRegressionSpec(ClassifierBase):
    """Logistic regression with an L2 penalty."""

    scores: ClassVar[ScoreKind] = "log_odds"
    kind: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)] = 1.0
    max_iterations: Annotated[int, Field(ge=1)] = 1000


class SgdSpec(ClassifierBase):
    """Linear support vector machine fitted by stochastic gradient descent."""

    scores: ClassVar[ScoreKind] = "margin"
    kind: Literal["sgd"]
    alpha: Annotated[float, Field(gt=0)] = 0.0001


class MlpSpec(ClassifierBase):
    """Multilayer perceptron: rectified hidden layers, Adam, cross-entropy."""

    kind: Literal["mlp"]
    hidden: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [100]
    epochs: PerBudget[Epochs]
    batch_size: Annotated[int, Field(ge=1)] = 200
    learning_rate: Annotated[float, Field(gt=0)] = 0.001


class SoftmaxSpec(ClassifierBase):
    """A new last layer of a network whose other layers stay as they are, trained by stochastic gradient descent."""

    kind: Literal["softmax"]
    epochs: PerBudget[Epochs]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.0001
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the features that are dropped at random in every step of the training."""


class RateDrop(Strict):
    """A learning rate that falls in steps."""

    factor: Share
    """What the rate is multiplied with."""
    every: Epochs
    """Epochs between two drops."""


class NetworkSpec(Strict):
    """A network trained from random weights, on images or on an autoencoder's code of them."""

    scores: ClassVar[ScoreKind] = "probability"
    kind: Literal["network"]
    architecture: Architecture
    epochs: PerBudget[Epochs]
    batch_size: Annotated[int, Field(ge=1)]
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of `sgd`."""
    rate_drop: RateDrop | None = None
    class_weights: bool = False
    """Weigh every class by the inverse of its frequency among the training rows."""
    width: PerBudget[Annotated[float, Field(gt=0, le=1)]] = {"demo": 1.0, "published": 1.0}
    """Share of the channels and units that each layer has."""


ClassifierSpec = Annotated[
    SvmSpec
    | KnnSpec
    | DecisionTreeSpec
    | RandomForestSpec
    | LogisticRegressionSpec
    | SgdSpec
    | MlpSpec
    | SoftmaxSpec
    | NetworkSpec,
    Field(discriminator="kind"),
]
