"""What the controls of a study put in the place of its headline."""

from __future__ import annotations

from leukorepro.config.study.classifiers import OtherClassifierSpec
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.core.words import Budget, Control
from leukorepro.features.parts import Part
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class ControlsSpecification(Specification):
    """The controls that a run asks for of a study, on every rung."""

    study: str
    dataset: str
    parts: list[Part]
    """What the features are made by, in the order of their columns."""
    controls: list[Control]
    table: str
    item: Item
    classifier: OtherClassifierSpec
    note: str
    """How it differs from the headline; empty where it is the headline itself."""
    protocols: dict[Rung, Protocol]
    label_set: LabelSet | None
    positive_class: str | None
    budget: Budget
    seed: int
    fast_trees: bool
    """Whether trees and forests may be those of an extension, which draws others."""
