"""Every metric of a study with its interval, as a table."""

from __future__ import annotations

import pandas as pd

from leukorepro.core.tables.results import MEASURED_TABLE
from leukorepro.evaluation.metrics.item_metrics import cell_metrics
from leukorepro.evaluation.predictions import Cell
from leukorepro.evaluation.resampling.intervals import N_RESAMPLES
from leukorepro.evaluation.study_cells import StudyCells


def measure(cells: StudyCells, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Every metric of every item on every rung, with its interval.

    Parameters
    ----------
    cells : StudyCells
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.

    Returns
    -------
    DataFrame
        Columns `MEASURED_TABLE`: tables and items in the study's order, rungs from the published one down. `n_images`
        counts different images that were scored, `n_subjects` different subjects (0 where none is known). `ci_low` and
        `ci_high` are NaN where there is no interval; a metric that the table prints and that cannot be measured here
        has the value NaN.

    Raises
    ------
    UserError
        If a cell has two classes and its positive one is neither.
    """
    parts = []
    for table, item in cells.items:
        measuring = cells.measuring(table, item, n_resamples, seed)
        for rung in cells.rungs(table, item):
            cell = Cell(table, item, rung)
            parts.append(cell_metrics(cells.tested(cell), cells.fitted(cell), measuring).assign(**cell._asdict()))
    measured = pd.concat(parts, ignore_index=True).assign(study=cells.resolved.study.key)
    return measured[list(MEASURED_TABLE.columns)]
