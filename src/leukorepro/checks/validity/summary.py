"""Bias and coverage of every rung, over the repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from leukorepro.checks.validity.repetition import METRICS, RUNGS
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.tables.results import POPULATION, VALIDITY_TABLE
from leukorepro.evaluation.intervals import LEVEL
from leukorepro.ladder.rungs import LADDER, Need

BIAS = 0.02
"""Largest bias that an honest rung may have."""
COVERAGE = (0.90, 0.99)
"""Between these an honest rung's 95 % intervals should cover."""
TARGET = "a bias of at most {:g} points and intervals that cover in {:g} to {:g} %".format(
    *(100 * share for share in (BIAS, *COVERAGE))
)


def summarise(repetitions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Bias and coverage of every rung and metric in every setting.

    Parameters
    ----------
    repetitions : mapping of str to DataFrame
        By the setting's name, its repetitions.

    Returns
    -------
    DataFrame
        A `VALIDITY_TABLE`; settings in the order given, rungs and metrics in theirs.

        - ``bias``: mean of estimate less truth; ``bias_error``: its Monte Carlo standard error.
        - ``coverage``: share of the intervals that hold the truth, among repetitions that have one, with its Wilson
          interval of 95 %; ``width``: their mean width; ``percentile_coverage``: the plain percentile interval's.
    """
    rows = []
    for setting, frame in repetitions.items():
        for rung in RUNGS:
            for metric in METRICS:
                chosen = frame[(frame["rung"] == rung) & (frame["metric"] == metric)]
                if not chosen.empty:
                    rows.append({"setting": setting, "rung": rung, "metric": metric, **_of_repetitions(chosen)})
    return VALIDITY_TABLE.frame(rows)


def read_summary(path: Path) -> pd.DataFrame:
    """Read what `summarise` gave.

    Raises
    ------
    UserError
        If it is no such table, has a rung or a metric that is not repeated, as those of another version, or not all.
    """
    again = "Make it again with `snakemake validity`, or remove it."
    try:
        summary = VALIDITY_TABLE.read(path)
    except UserError as error:
        raise UserError(f"{error} {again}") from None
    for column, known in (("rung", RUNGS), ("metric", METRICS)):
        if other := sorted(set(summary[column]) - set(known)):
            raise UserError(f"{path}: {unknown(column, other[0], known)} {again}")
    if summary.empty:
        raise UserError(f"{path}: has no rows. {again}")
    always = {rung for rung in RUNGS if LADDER[rung].needs is not Need.HELD_OUT_PART}
    for setting, rows in summary.groupby("setting"):
        there = set(zip(rows["rung"], rows["metric"], strict=True))
        for rung, metric in product(sorted(always | set(rows["rung"])), METRICS):
            if (rung, metric) not in there:
                raise UserError(f"{path}: setting '{setting}' lacks the {metric} on the rung {rung}. {again}")
    return summary


def meets_target(row: pd.Series) -> bool:
    """Whether a row of the summary has no more bias, and the coverage, that an honest rung should have."""
    return bool(abs(row["bias"]) <= BIAS and COVERAGE[0] <= row["coverage"] <= COVERAGE[1])


def _of_repetitions(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    measured = rows.dropna(subset=["estimate", "truth"])
    error = measured["estimate"] - measured["truth"]
    with_interval = measured.dropna(subset=["ci_low", "ci_high"])
    covered = with_interval["truth"].between(with_interval["ci_low"], with_interval["ci_high"])
    plain = measured["truth"].between(measured["percentile_low"], measured["percentile_high"])
    low, high = np.nan, np.nan
    if len(covered) > 0:
        low, high = binomtest(int(covered.sum()), len(covered)).proportion_ci(LEVEL, method="wilson")
    return {
        **{name: first[name] for name in POPULATION},
        "n_repetitions": len(measured),
        "truth": measured["truth"].mean(),
        "estimate": measured["estimate"].mean(),
        "bias": error.mean(),
        "bias_error": error.std(ddof=1) / np.sqrt(len(error)),
        "n_intervals": len(covered),
        "coverage": covered.mean(),
        "coverage_low": low,
        "coverage_high": high,
        "width": (with_interval["ci_high"] - with_interval["ci_low"]).mean(),
        "percentile_coverage": plain.mean(),
    }
