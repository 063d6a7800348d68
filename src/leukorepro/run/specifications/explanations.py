"""What is explained of a study: its headline, on the same images on two rungs."""

from __future__ import annotations

from pathlib import Path

from leukorepro.ladder.rungs import Rung
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.specifications.specification import Specification


class ExplanationsSpecification(Specification):
    """The headline of a study under the paper's protocol and under the honest one."""

    run: ResolvedRun
    """With this study alone."""
    rungs: list[Rung]
    """The paper's own first."""
    inputs: list[Path]
    """Files that must be there before."""
