"""What is known of a rung beside its split tables, when they are searched for leakage."""

from __future__ import annotations

from pydantic import Field

from leukorepro.config.fields import Strict
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class Steps(Strict):
    """What a study does with the rows of a rung beside fitting classifiers."""

    reducers: list[str]
    """Fitted before the classifiers."""
    fitted_on_all: bool
    """Whether they are fitted on all rows, the tested ones among them."""
    published: bool
    """Whether the rung stands for what the paper did."""
    choices: list[str]
    """What the paper chose by the rows that it tested, a sentence each."""
    classes: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Class of each label, for splits that put classes together, by the split's name."""


class LeakageSpecification(Specification):
    """Every rung of a study."""

    splits: list[str]
    """Names of the split tables of each rung."""
    rungs: dict[Rung, Steps]
