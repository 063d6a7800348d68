"""What a study's predictions are evaluated by."""

from __future__ import annotations

from leukorepro.core.words import Budget
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.specifications.specification import Specification


class EvaluationSpecification(Specification):
    """A study with all of its tables."""

    study: ResolvedStudy
    splits: list[str]
    """Names of the split tables of each rung."""
    budget: Budget
    seed: int
