"""What is classified on a feature set, and by which classifiers."""

from __future__ import annotations

from leukorepro.config.fields import Strict
from leukorepro.config.study.classifiers import OtherClassifierSpec
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.core.words import Budget
from leukorepro.features.parts import Part
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class ClassifiedSplit(Strict):
    """A split's share of a feature set's items."""

    items: list[tuple[str, Item]]
    """Each with its table."""
    label_set: LabelSet | None
    positive_class: str | None


class ClassificationSpecification(Specification):
    """Every classifier of a study on one feature set, on every split and rung."""

    study: str
    dataset: str
    parts: list[Part]
    """What the features are made by, in the order of their columns."""
    protocols: dict[Rung, Protocol]
    splits: dict[str, ClassifiedSplit]
    """By their names."""
    classifiers: dict[str, OtherClassifierSpec]
    fitted_tables: list[str]
    """Tables whose items are also asked about the rows that they were fitted on."""
    budget: Budget
    seed: int
    fast_trees: bool
    """Whether trees and forests may be those of an extension, which draws others."""
