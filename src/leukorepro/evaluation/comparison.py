"""The table of metrics: ours with intervals, the published value beside it, and a verdict.

A verdict is given only where it means something: the study ran with its published budget on a complete copy of the
dataset that its paper used, and no network had random weights. Everywhere else, and where the paper prints no such
number or there is no interval, it is ``not tested``. A published value is ``reproduced`` if it lies in our interval,
or so close outside it that its rounding could hide that; else it is ``not reproduced``. On the published rung that
asks whether the number can be had again; on every rung below, whether it survives that rung's stricter split.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.data.groups import groups
from leukorepro.errors import UserError
from leukorepro.evaluation.intervals import N_RESAMPLES, intervals
from leukorepro.evaluation.metrics import METRICS, Floats, measure, scored
from leukorepro.evaluation.predictions import Cell, cells, score_of_class
from leukorepro.resolved import ResolvedStudy
from leukorepro.words import LADDER, Budget

COLUMNS = (
    "study",
    "table",
    "item",
    "protocol",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n_images",
    "n_subjects",
    "published",
    "verdict",
)

REPRODUCED, NOT_REPRODUCED, NOT_TESTED = "reproduced", "not reproduced", "not tested"


def evaluate(
    predictions: Sequence[pd.DataFrame],
    resolved: ResolvedStudy,
    published: pd.DataFrame,
    *,
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
        As `leukorepro.evaluation.published.read_published` gives it.
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
        Columns `COLUMNS`: tables and items in the study's order, rungs from the published one down. `n_images` counts
        different images that were scored, `n_subjects` different subjects (0 where none is known). `ci_low`, `ci_high`
        and `published` are NaN where there is none.

    Raises
    ------
    UserError
        If predictions name an item or a protocol that the study has not, or the same ones come in two tables; if the
        dataset has two classes and its `positive_class` is neither.
    """
    testable = _is_testable(resolved, budget, dataset_complete)
    printed = {(r.table, r.item, r.metric): (r.value, r.half_unit) for r in published.itertuples()}
    items = [(number, i.item) for number, table in resolved.study.tables.items() for i in table.items]
    tables: dict[Cell, pd.DataFrame] = {}
    for frame in predictions:
        columns = score_of_class(frame, resolved.dataset.positive_class)
        for cell, rows in cells(frame):
            name = f"predictions of table '{cell.table}', item '{cell.item}', protocol '{cell.protocol}'"
            if cell[:2] not in items or cell.protocol not in LADDER:
                raise UserError(
                    f"{name}: not in the configuration "
                    f"of study '{resolved.study.key}'; run the stage that makes them again."
                )
            if cell in tables:
                raise UserError(f"{name}: given twice; collect them once.")
            tables[cell] = _metrics(rows, columns, n_resamples, seed)
    parts = [
        tables[Cell(*key, rung)].assign(table=key[0], item=key[1], protocol=rung)
        for key in items
        for rung in LADDER
        if Cell(*key, rung) in tables
    ]
    if not parts:
        raise UserError(
            f"study '{resolved.study.key}': no predictions to evaluate; run the stage that makes them first."
        )
    metrics = pd.concat(parts, ignore_index=True).assign(study=resolved.study.key)
    keys = zip(metrics["table"], metrics["item"], metrics["metric"], strict=True)
    values = np.array([printed.get(key, (np.nan, np.nan)) for key in keys])
    metrics["published"] = values[:, 0]
    metrics["verdict"] = np.where(testable, _verdicts(metrics, values[:, 1]), NOT_TESTED)
    return metrics[list(COLUMNS)]


def _metrics(rows: pd.DataFrame, columns: dict[str, str], n_resamples: int, seed: int) -> pd.DataFrame:
    """Metrics of one item under one protocol, a row each."""
    rows = rows.sort_values(["image_id", "view", "repeat", "fold"])  # resamples then do not depend on the rows' order
    numbers = scored(
        rows["y_true"], rows["y_pred"], {name: rows[c] for name, c in columns.items()}, rows["repeat"], rows["fold"]
    )
    group = groups(rows["subject_id"].to_list(), rows["source_id"].to_list())
    bounds = intervals(numbers, group, n_resamples, seed)
    return pd.DataFrame(
        {
            "metric": METRICS,
            "value": measure(numbers).values(),
            "ci_low": [bounds[name].low for name in METRICS],
            "ci_high": [bounds[name].high for name in METRICS],
            "n_images": rows["image_id"].nunique(),
            "n_subjects": rows["subject_id"][rows["subject_id"] != ""].nunique(),
        }
    )


def _is_testable(resolved: ResolvedStudy, budget: Budget, dataset_complete: bool) -> bool:
    return (
        resolved.dataset.adapter == resolved.study.published_dataset
        and not resolved.simulated
        and dataset_complete
        and budget == "published"
        and not resolved.random_weights
    )


def _verdicts(metrics: pd.DataFrame, half_unit: Floats) -> NDArray[np.str_]:
    value, low, high = (metrics[c].to_numpy() for c in ("published", "ci_low", "ci_high"))
    inside = (low - half_unit <= value) & (value <= high + half_unit)
    known = ~np.isnan(value) & ~np.isnan(low)
    return np.where(known, np.where(inside, REPRODUCED, NOT_REPRODUCED), NOT_TESTED)
