"""What the split tables of a study are made by."""

from __future__ import annotations

from pydantic import Field

from leukorepro.config.study.schemes import LabelSet, Protocol, Scheme
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class SplitsSpecification(Specification):
    """Every split of a study on every rung."""

    seed: int
    seeds: int = Field(default=1, exclude_if=lambda seeds: seeds == 1)
    """How often every split is drawn; unsaid where it is once."""
    external_split: str | None
    """Official split that is the dataset's held-out part, where it has one."""
    protocols: dict[Rung, Protocol]
    schemes: dict[str, Scheme]
    """By the names of the splits."""
    label_sets: dict[str, LabelSet]
    """Of the splits that put classes together, by their names."""
    rows_needed: dict[str, dict[str, int]]
    """Training rows that classifiers need at least, by split and classifier, where that is more than one."""
