"""The table of metrics: ours with intervals, the published value beside it, and a verdict.

A verdict is given only where it means something (`leukorepro.evaluation.testability`); everywhere else, and where the
paper prints no such number or there is no interval, it is ``not tested``. On the published rung it asks whether the
number can be had again; on every rung below, whether it survives that rung's stricter split. A second reading of an
item is compared with the same published numbers as the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from leukorepro.config import Item, Table
from leukorepro.errors import UserError
from leukorepro.evaluation.cell_metrics import Measuring, cell_metrics
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.predictions import Cell, positions_of_cells, rows_of_cell
from leukorepro.evaluation.testability import NOT_TESTED, untested, verdicts
from leukorepro.resolved import ResolvedStudy
from leukorepro.tables import METRICS_TABLE
from leukorepro.words import LADDER, Budget


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
        As `leukorepro.evaluation.published.read_published` gives it.
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
        If predictions name an item or a protocol that the study has not, or the same ones come in two tables; if a
        cell has two classes and its positive one is neither; if a table prints an accuracy or a loss of the training
        part and there are no predictions of it.
    """
    items = {
        (number, item.item): (table, item) for number, table in resolved.study.tables.items() for item in table.items
    }
    fitted = _by_cell(fitting, items, resolved.study.key)
    tested = _by_cell(predictions, items, resolved.study.key)
    if not tested:
        raise UserError(
            f"study '{resolved.study.key}': no predictions to evaluate; run the stage that makes them first."
        )
    parts = []
    for key, (table, item) in items.items():
        measuring = Measuring(
            table.metrics,
            table.average,
            resolved.positive_class_of(table.split_of(item)),
            resolved.study.class_names,
            n_resamples,
            seed,
        )
        for rung in LADDER:
            cell = Cell(*key, rung)
            if cell in tested:
                if table.needs_fitted_rows and cell not in fitted:
                    raise UserError(
                        f"{_name(cell)}: no predictions of training rows, which the table's metrics need; "
                        "run the stage that makes them again."
                    )
                frame = cell_metrics(tested[cell](), fitted[cell]() if cell in fitted else None, measuring)
                parts.append(frame.assign(**cell._asdict(), printed_as=item.reading_of or item.item))
    metrics = pd.concat(parts, ignore_index=True).assign(study=resolved.study.key)
    printed = {(r.table, r.item, r.metric): (r.value, r.half_unit) for r in published.itertuples()}
    keys = zip(metrics["table"], metrics["printed_as"], metrics["metric"], strict=True)
    values = np.array([printed.get(key, (np.nan, np.nan)) for key in keys])
    metrics["published"] = values[:, 0]
    metrics["verdict"] = NOT_TESTED
    if not untested(resolved, budget, dataset_complete):
        metrics["verdict"] = verdicts(metrics["published"], values[:, 1], metrics["ci_low"], metrics["ci_high"])
    return metrics[list(METRICS_TABLE)]


def _by_cell(
    frames: Sequence[pd.DataFrame], items: dict[tuple[str, str], tuple[Table, Item]], study: str
) -> dict[Cell, Callable[[], pd.DataFrame]]:
    """How to get the rows of every cell; those of all cells at once would be too much."""
    found: dict[Cell, Callable[[], pd.DataFrame]] = {}
    for frame in frames:
        for cell, positions in positions_of_cells(frame).items():
            if cell[:2] not in items or cell.protocol not in LADDER:
                raise UserError(
                    f"{_name(cell)}: not in the configuration of study '{study}'; run the stage that makes them again."
                )
            if cell in found:
                raise UserError(f"{_name(cell)}: given twice; collect them once.")
            found[cell] = partial(rows_of_cell, frame, positions)
    return found


def _name(cell: Cell) -> str:
    return f"predictions of table '{cell.table}', item '{cell.item}', protocol '{cell.protocol}'"
