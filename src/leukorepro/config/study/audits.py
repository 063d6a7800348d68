"""What is known of printed numbers beside the numbers: their images, what must add up or agree, what answers them.

Numbers themselves stand in ``config/published/<study>.csv``. A place is ``table/item`` there, or an item of the
table ``text`` by its name alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from leukorepro.config.audit_facts import SizeRange
from leukorepro.config.fields import Key, Share, Strict, refuse_twice
from leukorepro.config.study.answers import Count, Description, Place, Tie
from leukorepro.config.study.tables import Metric
from leukorepro.core.errors import unknown

TEXT = "text"
"""Table of the numbers that a paper's sentences give."""

Number = Annotated[int, Field(ge=0)] | Place
"""A number, or where the paper prints it."""


AuditAverage = Literal["positive", "negative", "macro"]
"""With two classes, whose precision, recall and F1 are printed: of one of them, or the mean over both."""

AVERAGES: tuple[AuditAverage, ...] = ("positive", "negative", "macro")


class ImageSet(Strict):
    """Images that printed shares may be of."""

    total: Number | None = None
    """Number of images; default: the share of `of`, or the only number that the accuracies allow."""
    of: Number | None = None
    """Number of images of which these are a stratified part: the classes are in proportion there."""
    share: Share | None = None
    """Of `of`, rounded up."""
    positives: Number | None = None
    """Of the positive class, in `of` or else in `total`; without it and `negatives`, every number is tried."""
    negatives: Number | None = None
    stated: bool = True
    """Whether the paper says that these images were tested; else it is another reading."""

    @model_validator(mode="after")
    def _consistent(self) -> ImageSet:
        if self.positives is not None and self.negatives is not None:
            raise ValueError("give `positives` or `negatives`; the other follows")
        if self.share is not None and (self.of is None or self.total is not None):
            raise ValueError("`share` is one of `of`, and takes the place of `total`")
        if (self.positives, self.negatives) != (None, None) and self.of is None and self.total is None:
            raise ValueError("`positives` and `negatives` are of `total` or of `of`; give one of these")
        return self


class AuditTable(Strict):
    """What is known of one table."""

    title: str = ""
    """Where the study has no table of this name."""
    sets: list[Key] = []
    """Images that the table may be of, the likeliest first."""
    sizes: SizeRange | None = None
    """Least and greatest number of images that is tried; default: the study's."""
    averages: Annotated[list[AuditAverage], Field(min_length=1)] = list(AVERAGES)
    """What precision, recall and F1 may be of; where a paper gives the formula, only that."""
    classes: Annotated[int, Field(ge=2)] = 2
    """How many classes the table is about."""
    means_of: str | None = None
    """What the numbers are means of, such as epochs: they need not be shares of a number of images then."""
    not_printed: list[Metric] = []
    """Metrics that the paper does not print; they were computed from its numbers."""


class Sum(Strict):
    """A number that others must make."""

    whole: Place
    parts: Annotated[list[Place], Field(min_length=1)]
    times: Annotated[int, Field(ge=1)] = 1
    """How often the parts are in the whole."""


class Statement(Strict):
    """A sentence of the paper about its own printed numbers, which these can refute."""

    where: str
    """Where the sentence stands, as in ``section 3``."""
    item: Place
    says: Literal["highest", "lowest"]
    metrics: Annotated[list[Metric], Field(min_length=1)]
    than: list[Place] = []
    """Items that it is compared with; default: all others of its table."""


class SplitShares(Strict):
    """An undescribed split: which shares of the images the accuracies of its two parts allow."""

    images: Place
    positives: Number | None = None
    """Of the positive class, for the precisions."""
    test: str
    """Table about the test part."""
    train: str
    """Table about the rest."""
    shares: Annotated[list[Share], Field(min_length=1)]


class PrintedLayers(Strict):
    """A table of layers with their learnables: convolutions with square kernels, pooling and depth-to-space layers."""

    table: str
    channels: Annotated[int, Field(ge=1)]
    """Of the input, and of the output."""
    code: Place
    """Number of features between encoder and decoder."""
    sides: Annotated[list[Place], Field(min_length=1)]
    """Sides of the input in pixels, as the paper gives them."""


class Audit(Strict):
    """What is known of a paper's printed numbers."""

    classes: Annotated[list[str], Field(max_length=2)] = []
    """Names of two classes that stand in front of metrics, the positive one first."""
    sizes: SizeRange = [10, 3000]
    """Least and greatest number of test images that is tried."""
    sets: dict[Key, ImageSet] = {}
    tables: dict[str, AuditTable] = {}
    same_predictions: list[Annotated[list[str], Field(min_length=2)]] = []
    """Tables that tell different metrics of the same predictions."""
    same_results: list[Annotated[list[Place], Field(min_length=2)]] = []
    """Tables, or places, that print the same results; what both print must agree."""
    sums: list[Sum] = []
    statements: list[Statement] = []
    splits: list[SplitShares] = []
    layers: list[PrintedLayers] = []
    ties: list[Tie] = []
    counts: list[Count] = []
    described: list[Description] = []

    @model_validator(mode="after")
    def _names_exist(self) -> Audit:
        if self.classes:
            refuse_twice(self.classes)
            if len(self.classes) == 1:
                raise ValueError("classes: one only; name both, the positive one first")
        for number, table in self.tables.items():
            for name in table.sets:
                if name not in self.sets:
                    raise ValueError(f"tables.{number}.sets: {unknown('set', name, self.sets)}")
        return self
