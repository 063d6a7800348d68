"""How a study's rows are split, by which classes, and what the paper did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from leukorepro.config.fields import Key, Strict, Views, refuse_twice
from leukorepro.core.words import Augment
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.ladder.units import Scope, Unit


class SchemeBase(Strict):
    """What every way of splitting may say."""

    repeats: Annotated[int, Field(ge=1)] = 1
    views: Views = ["identity"]
    augment: Augment = "all"
    """Which images have their other views: `all`, before the split; or those of the `training` part only."""
    include_external: bool = False
    """Pool the dataset's held-out part with the rest, as a paper may have done; a rung that tests it never does."""
    official_splits: Annotated[list[str], Field(min_length=1)] | None = None
    """Official splits whose images take part, the dataset's held-out part aside; default: all images."""
    labels: Key | None = None
    """Label set of the study; default: the dataset's own classes."""

    def in_labels(self, class_names: Mapping[str, str]) -> Self:  # noqa: ARG002
        """With the dataset's labels in place of what the study calls them."""
        return self

    @property
    def repeated(self) -> str:
        """How often rows are dealt out, behind the words for how; empty where it is once."""
        return f", {self.repeats} times" if self.repeats > 1 else ""

    @field_validator("official_splits")
    @classmethod
    def _splits_once(cls, value: list[str] | None) -> list[str] | None:
        refuse_twice(value or [])
        return value


class KFoldScheme(SchemeBase):
    """Stratified k-fold cross-validation."""

    kind: Literal["k_fold"]
    n_splits: Annotated[int, Field(ge=2)]

    @property
    def words(self) -> str:
        """How rows are dealt out."""
        return f"stratified {self.n_splits}-fold cross-validation{self.repeated}"


class HoldOutScheme(SchemeBase):
    """One split into a training part, a test part and perhaps a validation part; by default stratified."""

    kind: Literal["hold_out"]
    test_share: Annotated[float, Field(gt=0, le=0.5)]
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    turns: Annotated[int, Field(ge=1)] = 1
    """Where sources or subjects are kept together, so many parts of that size take their turn as the test part: a tenth
    of the subjects is a handful."""
    stratify: bool = True
    """Whether every part has its share of each class. Where `false`, the test part is drawn from all rows alike."""
    test_counts: Annotated[dict[str, Annotated[int, Field(ge=1)]], Field(min_length=2)] | None = None
    """Rows of each class in the paper's test part, which is drawn at random within each class to these numbers. Of more
    or fewer images, or of other classes, the test part is stratified, and that is said.

    `stratify` and `test_counts` are about rows that are dealt out one by one. Sources and subjects come as they are:
    parts of them are stratified as nearly as they allow."""

    def in_labels(self, class_names: Mapping[str, str]) -> Self:
        """With its numbers by the dataset's labels."""
        if self.test_counts is None:
            return self
        labels = {name: label for label, name in class_names.items()}
        counts = {labels.get(name, name): count for name, count in self.test_counts.items()}
        return self.model_copy(update={"test_counts": counts})

    @property
    def words(self) -> str:
        """How rows are dealt out."""
        validated = f", {100 * self.validation_share:g} % for validation" if self.validation_share else ""
        how = "stratified by class" if self.stratify else "drawn from all classes alike"
        if self.test_counts is not None:
            counts = ", ".join(f"{count:,} {name}" for name, count in self.test_counts.items())
            how = f"of {counts} where the dataset has the paper's images, else stratified by class"
        turns = f"; up to {self.turns} parts are tested in turn" if self.turns > 1 else ""
        return f"one part of {100 * self.test_share:g} % for testing{validated}, {how}{turns}{self.repeated}"

    @model_validator(mode="after")
    def _parts(self) -> HoldOutScheme:
        if self.test_counts and not self.stratify:
            raise ValueError("test_counts are given, and stratify is false; a test part is drawn in one way")
        if self.turns > (parts := round(1 / self.test_share)):
            raise ValueError(f"turns: given {self.turns}; a test share of {self.test_share} has {parts} parts at most")
        return self


Scheme = Annotated[KFoldScheme | HoldOutScheme, Field(discriminator="kind")]


class LabelSet(Strict):
    """Classes put together from a dataset's own."""

    classes: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(min_length=2)]
    positive_class: str | None = None
    """With two classes, the one that counts as positive."""

    @model_validator(mode="after")
    def _consistent(self) -> LabelSet:
        refuse_twice([label for labels in self.classes.values() for label in labels])
        if len(self.classes) == 2 and self.positive_class not in self.classes:
            raise ValueError(f"positive_class: given {self.positive_class!r}; must be one of {', '.join(self.classes)}")
        return self

    @property
    def of_label(self) -> dict[str, str]:
        """Class of each of the dataset's own labels."""
        return {label: name for name, labels in self.classes.items() for label in labels}


class Protocol(Strict):
    """How rows are split and what fitted steps may see: one rung of the leakage ladder."""

    rung: Rung
    unit: Unit
    scope: Scope
    held_out: bool = False
    """Whether the paper tested the dataset's own held-out part, where the rung does as the paper did."""

    @property
    def tests_held_out_part(self) -> bool:
        """Whether the dataset's own held-out part is what is tested, and all the rest trains."""
        return self.held_out or LADDER[self.rung].tests_held_out_part


class PublishedProtocol(Strict):
    """What the paper did; the honest rungs follow from it."""

    unit: Unit
    """What is kept on one side of a split: a row (`view`), a source image or a subject."""
    scope: Scope
    """Rows that unsupervised and scaling steps were fitted on: `all` of them or the `train` part."""
    held_out: bool = False
    """Whether the paper trained on all images but the dataset's own held-out part and tested that, so that its numbers
    are compared with ours there; the study's splits then divide the rest, on the rungs that split otherwise."""
    choices: list[str] = []
    """What the paper chose by the rows that it tested, as a sentence each that says where."""

    def ladder(self) -> dict[Rung, Protocol]:
        """The protocol of every rung."""
        return {
            key: Protocol(
                rung=key,
                unit=rung.unit or self.unit,
                scope=rung.scope or self.scope,
                held_out=self.held_out and rung.unit is None,
            )
            for key, rung in LADDER.items()
        }
