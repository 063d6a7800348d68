"""A run's headline numbers on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.table import Table

from leukorepro.report import wording
from leukorepro.report.tables import Estimate, Numbers, headline
from leukorepro.resolved import ResolvedRun


def summary_table(metrics: Mapping[str, pd.DataFrame], resolved: ResolvedRun) -> Table:
    """The headline of every study: published, as published (ours), honest, verdict.

    Parameters
    ----------
    metrics : mapping from study key to DataFrame
        Each study's ``metrics.csv``, as `leukorepro.report.tables.read_metrics` reads it.
    resolved : ResolvedRun

    Returns
    -------
    rich.table.Table
        With the run's caveats as its caption.
    """
    table = Table(title=f"leukorepro, run '{resolved.name}'", caption="\n".join(resolved.caveats) or None)
    table.caption_justify = "left"
    table.add_column("study")
    table.add_column("dataset")
    table.add_column("headline item")
    for name in ("published", "as published, ours", "honest"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for study in resolved.studies:
        top = headline(study, Numbers(metrics[study.study.key]))
        table.add_row(
            study.study.key,
            study.dataset_id,
            f"Table {top.table}, {top.item}: {wording.metric_heading(top.metric)}",
            top.published.text,
            _with_interval(top.as_published),
            f"{_with_interval(top.honest)}\n{top.honest_name.lower()}",
            top.verdict,
        )
    return table


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.text} ({estimate.interval})" if estimate.interval else estimate.text
