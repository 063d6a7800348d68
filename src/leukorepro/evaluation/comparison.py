"""The table of metrics: ours with intervals, the published value beside it, and a verdict.

A verdict is given only where it means something (`leukorepro.evaluation.testability`); everywhere else, and where the
paper prints no such number or there is no interval, it is ``not tested``. On the published rung it asks whether the
number can be had again; on every rung below, whether it survives that rung's stricter split. A second reading of an
item is compared with the same published numbers as the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leukorepro.core.tables import METRICS_TABLE
from leukorepro.core.words import Budget
from leukorepro.evaluation.metrics.item_metrics import cell_metrics
from leukorepro.evaluation.predictions import Cell
from leukorepro.evaluation.resampling.intervals import N_RESAMPLES
from leukorepro.evaluation.study_cells import StudyCells
from leukorepro.evaluation.testability import NOT_TESTED, untested, verdicts
from leukorepro.run.resolved import ResolvedStudy


def evaluate(
    predictions: Sequence[pd.DataFrame],
    resolved: ResolvedStudy,
    published: pd.DataFrame,
    *,
    fitting: Sequence[pd.DataFrame] = (),
    budget: Budget,
    dataset_complete: bool,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> pd.DataFrame:
    """Every metric of every item under every protocol, with its interval, published value and verdict.

    Parameters
    ----------
    predictions : sequence of DataFrame
        Tables of predictions, each as `leukorepro.evaluation.predictions.read_predictions` gives it; the order of
        tables and rows does not matter.
    resolved : ResolvedStudy
        What was run.
    published : DataFrame
        As `leukorepro.config.published.read_published` gives it.
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

    Returns
    -------
    DataFrame
        Columns `METRICS_TABLE`: tables and items in the study's order, rungs from the published one down. `n_images`
        counts different images that were scored, `n_subjects` different subjects (0 where none is known). `ci_low`,
        `ci_high` and `published` are NaN where there is none; a metric that the table prints and that cannot be
        measured here has the value NaN.

    Raises
    ------
    UserError
        As `leukorepro.evaluation.study_cells.StudyCells`; also if a cell has two classes and its positive one is
        neither.
    """
    cells = StudyCells(resolved, predictions, fitting)
    parts = []
    for (table, name), (_, item) in cells.items.items():
        measuring = cells.measuring(table, name, n_resamples, seed)
        for rung in cells.rungs(table, name):
            cell = Cell(table, name, rung)
            frame = cell_metrics(cells.tested(cell), cells.fitted(cell), measuring)
            parts.append(frame.assign(**cell._asdict(), printed_as=item.reading_of or name))
    metrics = pd.concat(parts, ignore_index=True).assign(study=resolved.study.key)
    printed = {(r.table, r.item, r.metric): (r.value, r.half_unit) for r in published.itertuples()}
    keys = zip(metrics["table"], metrics["printed_as"], metrics["metric"], strict=True)
    values = np.array([printed.get(key, (np.nan, np.nan)) for key in keys])
    metrics["published"] = values[:, 0]
    metrics["verdict"] = NOT_TESTED
    if not untested(resolved, budget, dataset_complete):
        metrics["verdict"] = verdicts(metrics["published"], values[:, 1], metrics["ci_low"], metrics["ci_high"])
    return metrics[list(METRICS_TABLE)]
