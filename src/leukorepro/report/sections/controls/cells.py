"""What the size and the colour of the cell alone give, as the report tells of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from leukorepro.core.words import CELL_CONTROLS, Control
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.numbers.tables import Estimate

NAMES: dict[Control, str] = {"cell_size": "cell size alone", "mean_colour": "mean colour alone"}


@dataclass(frozen=True)
class CellControl:
    """What a classifier that sees one measure of the cell comes to, in one metric."""

    name: str
    """What it sees, in a few words."""
    metric: str
    of_rung: dict[Rung, Estimate]
    note: str
    """How it was made, and in how many images no cell was found."""

    def on(self, rung: Rung) -> Estimate:
        """Its value on a rung; one without a number where it has none there."""
        return self.of_rung.get(rung, Estimate(self.metric))

    @property
    def told(self) -> str:
        """Its value on every rung, for a figure's description."""
        values = [f"{LADDER[rung].name.lower()} {estimate.text}" for rung, estimate in self.of_rung.items()]
        return f"{self.name}: {', '.join(values)}"


def cell_controls(frame: pd.DataFrame, metric: str) -> list[CellControl]:
    """The controls of size and colour in a table of controls, in one metric; without those that have no value of it.

    Parameters
    ----------
    frame : DataFrame
        A `leukorepro.core.tables.results.CONTROLS_TABLE`.
    metric : str
        Its name in the table of controls.
    """
    found = []
    for control in CELL_CONTROLS:
        rows = frame[(frame["control"] == control) & (frame["metric"] == metric) & frame["value"].notna()]
        if len(rows):
            of_rung = {cast(Rung, row["protocol"]): estimate_of(row) for row in rows.to_dict("records")}
            found.append(CellControl(NAMES[control], metric, of_rung, rows["note"].iloc[0]))
    return found


def estimate_of(row: Mapping[Hashable, Any]) -> Estimate:
    """The value in a row of a table of controls."""
    value, low, high, n_images = (
        None if pd.isna(row[column]) else float(row[column]) for column in ("value", "ci_low", "ci_high", "n_images")
    )
    return Estimate(str(row["metric"]), value, low, high, n_images=None if n_images is None else int(n_images))
