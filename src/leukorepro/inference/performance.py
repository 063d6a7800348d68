"""What was measured of an item, with intervals: the numbers that a model carries with it."""

from __future__ import annotations

from leukorepro.config.fields import Strict
from leukorepro.ladder.rungs import Rung


class Measured(Strict):
    """A metric of tested rows, and its interval of 95 %."""

    metric: str
    value: float
    low: float | None
    """None where there is no interval, as with `high`."""
    high: float | None


class RungPerformance(Strict):
    """What an item came to on a rung: of the models of all folds, on the rows that each was tested on."""

    rung: Rung
    honest: bool
    """Whether this is the rung that stands for the honest measurement."""
    n_images: int
    n_subjects: int
    """0 where no subject is known."""
    metrics: list[Measured]

    def find(self, metric: str) -> Measured | None:
        """A metric by its name; None where it was not measured."""
        return next((measured for measured in self.metrics if measured.metric == metric), None)
