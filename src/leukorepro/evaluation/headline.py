"""A study's headline in numbers alone, for programs that follow numbers from one version of a run to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from leukorepro.run.plan import headline_of
from leukorepro.run.resolved import ResolvedStudy


def headline_numbers(study: ResolvedStudy, measured: pd.DataFrame, conditions: Sequence[str]) -> dict[str, Any]:
    """What the headline's item comes to on every rung.

    Parameters
    ----------
    study : ResolvedStudy
    measured : DataFrame
        Every metric of every item on every rung; its columns are those of `MEASURED_TABLE`.
    conditions : sequence of str
        Why the numbers say nothing of the paper's; empty where they do.

    Returns
    -------
    dict
        `conditions`, in words; for each rung, and in it for each metric of the item's table, `value`, `ci_low` and
        `ci_high`; and `ladder`, the values once more with a row for each rung, as plots take them. What could not be
        measured is left out.
    """
    table, item, _ = headline_of(study)
    names = study.study.tables[table].metrics
    rows = measured[(measured["table"] == table) & (measured["item"] == item.item) & measured["metric"].isin(names)]
    rungs: dict[str, dict[str, dict[str, float]]] = {rung: {} for rung in study.protocols}
    for row in rows.to_dict("records"):
        numbers = {name: row[name] for name in ("value", "ci_low", "ci_high") if pd.notna(row[name])}
        if numbers:
            rungs.setdefault(row["protocol"], {})[row["metric"]] = numbers
    ladder = [
        {"rung": rung} | {metric: numbers["value"] for metric, numbers in metrics.items() if "value" in numbers}
        for rung, metrics in rungs.items()
    ]
    return {"conditions": "; ".join(conditions)} | rungs | {"ladder": ladder}
