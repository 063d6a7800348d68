"""What sets a study's items apart: the best of each table, how far the others are from it, and cell-level intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from leukorepro.evaluation.resampling.differences import ITEM, deciding_metric
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import shown_rungs
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Estimate, Headline, float_or_none
from leukorepro.report.output import Output
from leukorepro.report.sections.comparisons.figure import Panel, differences_to_best
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.run.resolved import ResolvedStudy

FILES = ("differences.csv", "winners.csv", "cell_level.csv")
P_VALUES = ["p_corrected_t", "p_mcnemar", "p_mcnemar_holm"]


@dataclass(frozen=True)
class OnRung:
    """Something of one rung."""

    rung: Rung

    @property
    def rung_name(self) -> str:
        """The rung's name."""
        return LADDER[self.rung].name


@dataclass(frozen=True)
class Winner(OnRung):
    """The best item of a table on a rung, and what its value owes to its being picked."""

    table: str
    item: str
    n_items: int
    value: Estimate
    optimism: Difference
    corrected: Estimate


@dataclass(frozen=True)
class Compared:
    """An item beside the best one of its table."""

    item: str
    difference: Difference
    p_values: list[str]
    """Of the corrected t-test, of McNemar's test, and of that after Holm's correction; a dash where there is none."""


@dataclass(frozen=True)
class Ranking(OnRung):
    """The best item of a table on a rung, and the others beside it, the closest first."""

    best: str
    compared: list[Compared]


@dataclass(frozen=True)
class Widths(OnRung):
    """A number of the headline item with both of its intervals."""

    by_group: Estimate
    by_cell: Estimate
    n: int
    """Cells that the second one counts."""

    @property
    def ratio(self) -> str:
        """How many times as wide the interval of groups is; a dash where one is missing."""
        low, high, cell_low, cell_high = (
            math.nan if bound is None else bound
            for estimate in (self.by_group, self.by_cell)
            for bound in (estimate.low, estimate.high)
        )
        ratio = (high - low) / (cell_high - cell_low) if cell_high != cell_low else math.nan
        return wording.MISSING if math.isnan(ratio) else f"{ratio:.1f}"


@dataclass(frozen=True)
class ComparisonsPage:
    """Everything that the template lays out."""

    winners: list[list[Winner]]
    """Table by table, those with several items."""
    table: str
    """Table whose items are compared on the page; empty where no table has several."""
    metric: str
    picture: Picture | None
    rankings: list[Ranking]
    widths: list[Widths]
    files: dict[str, str]
    """Addresses of the tables with all numbers, by their names."""


def comparisons_page(
    study: ResolvedStudy, top: Headline, sources: Sources, conditions: Sequence[str], output: Output
) -> ComparisonsPage:
    """Draw a study's comparisons into the report's folder and put its part of the page together.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    top : Headline
        The number that the paper is quoted for, whose table is drawn.
    sources : Sources
        What earlier stages left of the study.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    rungs = shown_rungs(study)
    shown = [_winner(row) for row in sources.winners.itertuples() if row.protocol in rungs]
    number = _compared_table(study, top)
    metric = deciding_metric(study.study.tables[number]) if number else ""
    best = [winner for winner in shown if winner.table == number]
    rankings = [Ranking(w.rung, w.item, _compared(sources.differences, number, metric, w.rung)) for w in best]
    files = [sources.metrics_file.with_name(name) for name in FILES]
    addresses = {file.name: output.copy(file, "data", study.study.key, file.name) for file in files}
    return ComparisonsPage(
        winners=[[winner for winner in shown if winner.table == table] for table in {w.table: None for w in shown}],
        table=number,
        metric=metric,
        picture=_picture(study, number, metric, rankings, conditions, output, addresses) if rankings else None,
        rankings=rankings,
        widths=_widths(sources, top, rungs),
        files=addresses,
    )


def _picture(
    study: ResolvedStudy,
    number: str,
    metric: str,
    rankings: Sequence[Ranking],
    conditions: Sequence[str],
    output: Output,
    files: Mapping[str, str],
) -> Picture:
    panels = [Panel(r.rung, r.best, [(other.item, other.difference) for other in r.compared]) for r in rankings]
    drawn = partial(differences_to_best, panels, metric, conditions)
    name = wording.table_name(number)
    return Picture(
        output.figure(drawn, "figures", study.study.key, f"differences-{number}.svg"),
        f"Items of {name} compared with the best one: {'; '.join(map(_told, rankings))}.",
        f"{wording.metric_heading(metric)} of {name}: every item minus the best one on the same rung, with paired 95 % "
        "intervals; hollow where the interval reaches 0 and cannot tell the item from the best.",
        files["differences.csv"],
    )


def _compared_table(study: ResolvedStudy, top: Headline) -> str:
    """The headline's table, or the first other one with several items; empty where there is none."""
    tables = study.study.tables
    several = [number for number, table in tables.items() if sum(item.reading_of is None for item in table.items) > 1]
    return top.table if top.table in several else next(iter(several), "")


def _winner(row: Any) -> Winner:
    low, high = float_or_none(row.ci_low), float_or_none(row.ci_high)
    return Winner(
        rung=row.protocol,
        table=row.table,
        item=row.winner,
        n_items=int(row.n_items),
        value=Estimate(row.metric, float_or_none(row.value)),
        optimism=Difference(row.metric, float_or_none(row.optimism)),
        corrected=Estimate(row.metric, float_or_none(row.corrected), low, high),
    )


def _compared(differences: pd.DataFrame, number: str, metric: str, rung: Rung) -> list[Compared]:
    """Items of a table on a rung, the closest to the best first; p-values are those of their accuracies."""
    own = differences[
        (differences["kind"] == ITEM) & (differences["table"] == number) & (differences["protocol"] == rung)
    ]
    tests = own[own["metric"] == "accuracy"].set_index("item")[P_VALUES]
    chosen = own[own["metric"] == metric].dropna(subset="difference")
    rows = []
    for row in chosen.sort_values("difference", key=abs, kind="stable").itertuples():
        value, low, high = map(float_or_none, (row.difference, row.ci_low, row.ci_high))
        p_values = [wording.p_value(float(p)) for p in tests.loc[str(row.item)].to_numpy()]
        rows.append(Compared(str(row.item), Difference(metric, value, low, high), p_values))
    return rows


def _widths(sources: Sources, top: Headline, rungs: Sequence[Rung]) -> list[Widths]:
    frame = sources.cell_level
    own = frame[(frame["table"] == top.table) & (frame["item"] == top.item)]
    rows = []
    for rung in rungs:
        for row in own[own["protocol"] == rung].itertuples():
            metric = str(row.metric)
            value, low, high = map(float_or_none, (row.value, row.ci_low, row.ci_high))
            by_group = sources.numbers.ours(top.table, top.item, rung, metric)
            rows.append(Widths(rung, by_group, Estimate(metric, value, low, high), int(float(str(row.n)))))
    return rows


def _told(ranking: Ranking) -> str:
    """The best item of a rung and the one next to it, for readers who cannot see the picture."""
    told = f"{ranking.rung_name.lower()}, best {ranking.best}"
    if not ranking.compared:
        return told
    nearest = ranking.compared[0]
    clear = sum(other.difference.is_clear for other in ranking.compared)
    return f"{told}, next {nearest.item} {nearest.difference.told}, {clear} of {len(ranking.compared)} clearly behind"
