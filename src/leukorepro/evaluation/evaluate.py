"""The evaluation of a study: every metric with its interval, and a verdict on every number that its paper prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from leukorepro.core.words import Budget
from leukorepro.evaluation.metrics.item_metrics import cell_metrics
from leukorepro.evaluation.predictions import Cell
from leukorepro.evaluation.resampling.intervals import N_RESAMPLES
from leukorepro.evaluation.study_cells import StudyCells
from leukorepro.evaluation.testability import untested
from leukorepro.evaluation.verdicts import Judged, Number, judge
from leukorepro.run.resolved import ResolvedStudy


def evaluate(
    predictions: Sequence[pd.DataFrame],
    resolved: ResolvedStudy,
    published: pd.DataFrame,
    impossible: Mapping[Number, str],
    *,
    fitting: Sequence[pd.DataFrame] = (),
    budget: Budget,
    dataset_complete: bool,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> Judged:
    """Every metric of every item on every rung, and a verdict on every printed number.

    Parameters
    ----------
    predictions : sequence of DataFrame
        Tables of predictions, each as `leukorepro.evaluation.predictions.read_predictions` gives it; the order of
        tables and rows does not matter.
    resolved : ResolvedStudy
        What was run.
    published : DataFrame
        As `leukorepro.config.published.read_published` gives it.
    impossible : mapping
        Numbers that cannot be, each with its reason, as `leukorepro.evaluation.verdicts.read_impossible` gives them.
    fitting : sequence of DataFrame
        Predictions of training and validation rows, as `leukorepro.evaluation.predictions.read_fitting` gives them.
    budget : "demo" or "published"
        Budget of the run.
    dataset_complete : bool
        Whether every image of the dataset was there.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.

    Raises
    ------
    UserError
        As `leukorepro.evaluation.study_cells.StudyCells` and `leukorepro.evaluation.verdicts.judge`; also if a cell has
        two classes and its positive one is neither.
    """
    measured = measure_study(StudyCells(resolved, predictions, fitting), seed, n_resamples)
    return judge(measured, published, resolved, impossible, untested(resolved, budget, dataset_complete))


def measure_study(cells: StudyCells, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Every metric of every item on every rung, with its interval.

    Returns
    -------
    DataFrame
        Columns ``study, table, item, protocol, metric, value, ci_low, ci_high, n_images, n_subjects``: tables and items
        in the study's order, rungs from the published one down. `n_images` counts different images that were scored,
        `n_subjects` different subjects (0 where none is known). `ci_low` and `ci_high` are NaN where there is no
        interval; a metric that the table prints and that cannot be measured here has the value NaN.
    """
    parts = []
    for table, item in cells.items:
        measuring = cells.measuring(table, item, n_resamples, seed)
        for rung in cells.rungs(table, item):
            cell = Cell(table, item, rung)
            parts.append(cell_metrics(cells.tested(cell), cells.fitted(cell), measuring).assign(**cell._asdict()))
    return pd.concat(parts, ignore_index=True).assign(study=cells.resolved.study.key)
