"""What `model.json` says: all that is needed to put a system together again, and a digest of every other file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from leukorepro.config.fields import Strict
from leukorepro.config.study.schemes import LabelSet
from leukorepro.core.validation import pattern
from leukorepro.core.words import ScoreKind
from leukorepro.features.parts import Part, ResolvedExtractor
from leukorepro.inference.operating import Calibration, Threshold
from leukorepro.inference.outlines import ClassifierOutline, EncoderOutline

SCHEMA_VERSION: Literal[1] = 1

DESCRIPTION = "model.json"
CLASSIFIER = "classifier.skops"
NETWORK = "network.safetensors"
REDUCER = "reducer.safetensors"
UNLIKE = "unlike.safetensors"
TRAINED_ON = "trained_on.safetensors"
CARD, CARD_TEXT = "card.json", "card.md"

Sha256 = Annotated[str, Field(pattern=pattern("^[0-9a-f]{64}$", "64 hexadecimal digits"))]
FileName = Annotated[
    str, Field(pattern=pattern(r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", "the name of a file in the model's folder"))
]


class StoredFile(Strict):
    """A file beside `model.json`."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """Bytes."""


class Source(Strict):
    """What computes some columns of a system's rows."""

    part: Part
    """Of a user's own file of weights, the file's name in the model's folder."""
    weights_sha256: str = ""
    """Digest of the network's parameters in use (`leukorepro.features.backbones.parameters.parameters_digest`)."""
    weights_file_sha256: str = ""
    """Of the published file that they came from; empty where they are random, or in the model's folder."""
    stored: str = ""
    """File in the model's folder: a user's own weights, or the batch-norm statistics of random ones."""
    engine: str
    """What computed the rows that the system was fitted on, with device, precision and batches."""

    @model_validator(mode="after")
    def _has_own_weights_beside_it(self) -> Self:
        part, own = self.part, f"file:{self.stored}"
        if isinstance(part, ResolvedExtractor) and part.weights.startswith("file:") and part.weights != own:
            raise ValueError(f"part.weights: own weights lie in the model's folder, not at {part.weights!r}")
        return self


class SparseEncoderOutline(Strict):
    """The encoder of a sparse autoencoder: `leukorepro.systems.autoencoders.encoder.Encoder`."""

    kind: Literal["sparse_encoder"] = "sparse_encoder"
    stopped_by: str
    """Why its fit ended."""


ReducerOutline = Annotated[SparseEncoderOutline | EncoderOutline, Field(discriminator="kind")]


class Description(Strict):
    """A model."""

    schema_version: Literal[1] = SCHEMA_VERSION
    sources: Annotated[list[Source], Field(min_length=1)]
    """In the order of the columns of a row."""
    classes: Annotated[list[str], Field(min_length=2)]
    positive_class: str | None
    label_set: LabelSet | None
    """Which of the dataset's labels each class stands for; None where the classes are the labels."""
    scores: ScoreKind
    engine: str
    """What fitted the classifier."""
    reducer: ReducerOutline | None
    network: ClassifierOutline | None
    """None where the classifier lies in `classifier.skops`."""
    calibration: Calibration | None
    threshold: Threshold | None
    files: dict[FileName, StoredFile]
    digest: str = ""
    """SHA-256 of this file with 64 zeros in the place of the digest."""

    @model_validator(mode="after")
    def _calibrated_by_its_classes(self) -> Self:
        if self.calibration is not None and self.calibration.n_classes != len(self.classes):
            raise ValueError(f"calibration: of {self.calibration.n_classes} classes, and there are {len(self.classes)}")
        return self
