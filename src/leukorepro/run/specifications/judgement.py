"""What a study's printed numbers are judged by."""

from __future__ import annotations

from leukorepro.core.words import Budget
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.specifications.specification import Specification


class JudgementSpecification(Specification):
    """A study with all of its tables, and what its paper leaves open."""

    study: ResolvedStudy
    budget: Budget
