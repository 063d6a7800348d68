"""A run's headline numbers on the terminal, study by study."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.table import Table

from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import main_item
from leukorepro.report.numbers.tables import Estimate, Numbers, headline, headline_of
from leukorepro.report.sections.verdicts.page import Verdicts
from leukorepro.run.resolved import ResolvedRun


def summary_table(
    metrics: Mapping[str, pd.DataFrame], verdicts: Mapping[str, pd.DataFrame], resolved: ResolvedRun
) -> Table:
    """A block for every study: its headline, then the item that stands for each other table.

    Every line has what is published, ours as published, ours honest, and the verdict.

    Parameters
    ----------
    metrics : mapping from study key to DataFrame
        Each study's ``metrics.csv``, as `leukorepro.report.numbers.tables.read_metrics` reads it.
    verdicts : mapping from study key to DataFrame
        Each study's ``verdicts.csv``, as `leukorepro.evaluation.verdicts.read_verdicts` reads it.
    resolved : ResolvedRun

    Returns
    -------
    rich.table.Table
        With the run's caveats as its caption.
    """
    table = Table(title=f"leukorepro, run '{resolved.name}'", caption="\n".join(resolved.caveats) or None)
    table.caption_justify = "left"
    table.add_column("item")
    for name in ("published", "as published, ours", "honest"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for study in resolved.studies:
        numbers, judged = Numbers(metrics[study.study.key]), Verdicts(verdicts[study.study.key])
        top = headline(study, numbers)
        table.add_section()
        table.add_row(f"{study.study.key} on {study.dataset_id}", "", "", top.honest_name.lower(), "", style="bold")
        others = [key for key in study.study.tables if key != top.table]
        for shown in (top, *(headline_of(study, numbers, key, main_item(study, numbers, key)) for key in others)):
            name = f"{wording.table_name(shown.table)}, {shown.item}: {wording.metric_heading(shown.metric)}"
            table.add_row(
                f"{'*' if shown is top else ' '} {name}",
                shown.published.text,
                _with_interval(shown.as_published),
                _with_interval(shown.honest),
                judged.of(shown.table, shown.item, shown.metric)[0],
            )
    return table


def tallies(verdicts: Mapping[str, pd.DataFrame]) -> list[str]:
    """A line for every study: how many of its paper's numbers have each verdict."""
    lines = []
    for key, frame in verdicts.items():
        counts = [f"{number} {verdict}" for verdict, number in Verdicts(frame).counts().items()]
        lines.append(f"{key}, {wording.count(len(frame), 'printed number')}: {', '.join(counts)}")
    return lines


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.text} ({estimate.interval})" if estimate.interval else estimate.text
