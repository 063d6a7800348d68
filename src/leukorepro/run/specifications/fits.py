"""What is fitted before classifiers: autoencoders, trained networks, and the features of these."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from leukorepro.config.fields import Strict
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.config.study.systems import (
    ConvAutoencoderSpec,
    FineTunedSpec,
    NetworkSpec,
    SparseAutoencoderSpec,
)
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.words import Budget, Precision
from leukorepro.features.parts import Part, Tuning
from leukorepro.ladder.rungs import Rung
from leukorepro.run.paths import NetworkFolder
from leukorepro.run.specifications.specification import Specification


class ReducerFit(Strict):
    """An autoencoder, fitted in every fold of a split on the rows that a protocol allows."""

    kind: Literal["reducer"] = "reducer"
    features: Path
    parts: list[Part]
    """What the features are made by, in the order of their columns."""
    splits: Path
    output: Path
    protocol: Protocol
    reducer: Annotated[SparseAutoencoderSpec | ConvAutoencoderSpec, Field(discriminator="kind")]
    budget: Budget
    seed: int
    precision: Precision
    """Of a convolutional autoencoder's training; sparse ones are always fitted in float32."""

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [self.features, self.splits]

    @property
    def outputs(self) -> list[Path]:
        """Files that it comes to."""
        return [self.output]


class EncodingFit(Strict):
    """What a trained network sees of all images, the output of its layer before the last, in every fold."""

    kind: Literal["encoding"] = "encoding"
    features: Path
    parts: list[Part]
    """What the features are made by."""
    weights: Path
    output: Path
    network: NetworkSpec
    budget: Budget

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [self.features, self.weights]

    @property
    def outputs(self) -> list[Path]:
        """Files that it comes to."""
        return [self.output]


class TrainingFit(Strict):
    """A network that is trained in every fold of a split on one rung."""

    features: Path
    """What it is trained on."""
    parts: list[Part]
    """What the features are made by."""
    splits: Path
    manifest: Path
    duplicates: Path | None = None
    """Near-duplicates that tie groups; None where they do not."""
    folder: Path
    """Where its files lie."""
    study: str
    dataset: str
    protocol: Protocol
    served_rungs: list[Rung]
    """Rungs that this training serves."""
    items: list[tuple[str, Item]]
    """Items of the network, each with its table."""
    label_set: LabelSet | None
    positive_class: str | None
    fitted_tables: list[str]
    """Tables whose items are also asked about the rows that the network was trained on."""
    all_epochs: list[str]
    """Tables whose metrics are means over the predictions after every epoch."""
    reducer: str | None
    classifier: str
    network: ClassifierTrainingSpec
    budget: Budget
    seed: int
    precision: Precision

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [self.features, self.splits, self.manifest, *([] if self.duplicates is None else [self.duplicates])]

    @property
    def outputs(self) -> list[Path]:
        """Files that it comes to."""
        return NetworkFolder(self.folder).files


class NetworkFit(TrainingFit):
    """A network of a study that is trained from random weights."""

    kind: Literal["network"] = "network"
    codes: Path | None
    """Fitted autoencoder whose code the network sees; None where it sees images."""
    network: NetworkSpec

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [*super().inputs, *([] if self.codes is None else [self.codes])]


class FineTunedFit(TrainingFit):
    """A backbone that is trained further."""

    kind: Literal["fine_tuned"] = "fine_tuned"
    network: FineTunedSpec
    tuning: Tuning
    weights: Path | None
    """What came of asking for pretrained weights; None where they are random, or a user's own file."""

    @property
    def inputs(self) -> list[Path]:
        """Files that it is made from."""
        return [*super().inputs, *([] if self.weights is None else [self.weights])]


Fit = ReducerFit | EncodingFit | NetworkFit | FineTunedFit


class FitsSpecification(Specification):
    """One fit, or several that follow one another in one job."""

    fits: list[Annotated[Fit, Field(discriminator="kind")]]
    """Each after those whose files it needs."""

    @property
    def inputs(self) -> list[Path]:
        """Files that must be there before."""
        made = set(self.outputs)
        return [file for file in dict.fromkeys(file for fit in self.fits for file in fit.inputs) if file not in made]

    @property
    def outputs(self) -> list[Path]:
        """Files that all fits together come to."""
        return [file for fit in self.fits for file in fit.outputs]
