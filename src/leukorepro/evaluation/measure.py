"""Every metric of a study with its interval, as a table."""

from __future__ import annotations

import pandas as pd

from leukorepro.core.tables.results import MEASURED_TABLE
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.outcome_metrics import outcome_metrics
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome


def measure(outcomes: Outcomes, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Every metric of every item on every rung, with its interval.

    Parameters
    ----------
    outcomes : Outcomes
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
        If an outcome has two classes and its positive one is neither.
    """
    parts = []
    for table, item in outcomes.items:
        measuring = outcomes.measuring(table, item, n_resamples, seed)
        for rung in outcomes.rungs(table, item):
            outcome = Outcome(table, item, rung)
            parts.append(
                outcome_metrics(outcomes.tested(outcome), outcomes.fitted(outcome), measuring).assign(
                    **outcome._asdict()
                )
            )
    measured = pd.concat(parts, ignore_index=True).assign(study=outcomes.resolved.study.key)
    return measured[list(MEASURED_TABLE.kinds_of(measured))]
