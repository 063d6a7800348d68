"""What the controls of a study put in the place of its headline."""

from __future__ import annotations

from leukorepro.config.fields import Strict
from leukorepro.config.study.classifiers import OtherClassifierSpec
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.core.words import Average, Budget, Control
from leukorepro.features.parts import Part, ResolvedDescriptor
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class ControlledSystem(Strict):
    """The classifier that is fitted where it must fail."""

    parts: list[Part]
    """What the features are made by, in the order of their columns."""
    table: str
    item: Item
    classifier: OtherClassifierSpec
    note: str
    """How it differs from the headline; empty where it is the headline itself."""
    label_set: LabelSet | None
    positive_class: str | None


class MeasuredCells(Strict):
    """The headline, in whose place stand classifiers that see the size or the colour of a cell alone."""

    part: ResolvedDescriptor
    table: str
    item: Item
    metric: str
    """That the paper is quoted in."""
    average: Average
    class_names: dict[str, str]
    """What the paper calls the dataset's classes."""
    label_set: LabelSet | None
    positive_class: str | None


class ControlsSpecification(Specification):
    """The controls that a run asks for of a study, on every rung."""

    study: str
    dataset: str
    controls: list[Control]
    system: ControlledSystem | None
    """None where the run asks for controls of the cell's size and colour alone."""
    cells: MeasuredCells | None
    """None where it asks for neither of these."""
    protocols: dict[Rung, Protocol]
    budget: Budget
    seed: int
    fast_trees: bool
    """Whether trees and forests may be those of an extension, which draws others."""
