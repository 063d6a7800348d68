"""A run on the terminal: the number that each paper is quoted for, and what is left of it on an honest split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from leukorepro.core.tables.results import CLAIMS_TABLE, DIFFERENCES_TABLE, VERDICTS_TABLE
from leukorepro.evaluation.testability import VERDICTS
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import shown_rungs
from leukorepro.report.numbers.tables import Estimate, Headline, Numbers, headline
from leukorepro.report.sections.claims.page import holding
from leukorepro.report.sections.ladder.ladder import Difference, Differences, ladder_of
from leukorepro.report.sections.verdicts.page import Verdicts, sizes_in_words
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy

WIDTH = 100
"""Columns of a terminal that the table fits."""


@dataclass(frozen=True)
class Line:
    """What the table says of one study."""

    study: ResolvedStudy
    top: Headline
    change: Difference
    """From the paper's own protocol to the honest rung, paired."""
    verdicts: Verdicts
    claims: pd.DataFrame
    """What becomes of the paper's conclusions."""

    @property
    def verdict(self) -> str:
        """What becomes of the printed number."""
        return self.verdicts.of(self.top.table, self.top.item, self.top.metric)[0]

    @property
    def hold(self) -> dict[Rung, str]:
        """How many conclusions hold, of how many, on the published rung and on the honest one; those judged there."""
        return {rung: told for rung in shown_rungs(self.study) if (told := holding([self.claims], rung))}


def summary_table(resolved: ResolvedRun, results: Path) -> Table:
    """Each study's headline: as printed, ours on the paper's own split, ours on the honest one, and what changes.

    Parameters
    ----------
    resolved : ResolvedRun
    results : Path
        Folder of the run, whose tables are shown.

    Returns
    -------
    rich.table.Table
        What it means, and what every reader of its numbers must know, stand below it.
    """
    lines = [read_line(study, results / study.study.key) for study in resolved.studies]
    names = list(dict.fromkeys(line.top.honest_name.lower() for line in lines))
    table = Table(
        title=f"leukorepro, run '{resolved.name}'", box=SIMPLE_HEAD, leading=1, padding=(0, 1, 0, 0), width=WIDTH
    )
    table.add_column("paper and its headline", ratio=1)
    table.add_column("printed", justify="right")
    table.add_column("ours, as\npublished", justify="right")
    table.add_column(f"ours,\n{names[0] if len(names) == 1 else 'honest'}", justify="right")
    table.add_column("change", justify="right")
    table.add_column("verdict", max_width=13)
    for line in lines:
        top, key = line.top, line.study.study.key
        name = escape(f"{wording.table_name(top.table)}, {top.item}: {wording.metric_heading(top.metric)}")
        table.add_row(
            f"[bold]{key}[/bold]\n{name}",
            top.published.text,
            _above_interval(top.as_published),
            _above_interval(top.honest) + (f"\n{top.honest_name.lower()}" if len(names) > 1 else ""),
            _above_interval(line.change),
            line.verdict,
        )
    table.caption = escape("\n".join([*_meaning(lines), *resolved.caveats]))
    table.caption_justify = "left"
    table.caption_style = ""
    return table


def read_line(study: ResolvedStudy, folder: Path) -> Line:
    """Read what there is to say of one study, from its folder of the run.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    folder : Path
        Of the study in the run.

    Returns
    -------
    Line
        The study's headline number as printed and on each rung, and what became of its verdicts and claims.
    """
    top = headline(study, Numbers.read(folder / "metrics.csv"))
    to_honest = ladder_of(top, Differences(DIFFERENCES_TABLE.read(folder / "differences.csv"))).to_honest
    change = to_honest[-1].from_first if to_honest else Difference(top.metric)
    verdicts = Verdicts(VERDICTS_TABLE.read(folder / "verdicts.csv"))
    return Line(study, top, change, verdicts, CLAIMS_TABLE.read(folder / "claims.csv"))


def _meaning(lines: Sequence[Line]) -> list[str]:
    """What the columns are, which changes can be told from 0, and what became of all printed numbers."""
    rungs = [LADDER[rung] for rung in dict.fromkeys(line.top.honest_rung for line in lines) if rung]
    clear = [line.study.study.key for line in lines if line.change.is_clear]
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line.verdicts.counts())
    sizes = pd.concat([line.verdicts.sizes for line in lines])
    told = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in VERDICTS if counts[verdict])
    return [
        "Printed: in the paper. As published: the same experiment here, split and fitted as in the paper. "
        + "".join(f"{rung.name}: with {rung.honest_means}. " for rung in rungs)
        + "Change: from as published to that, paired over the same groups of images. Ranges are 95 % intervals.",
        f"Changes distinguishable from 0: {wording.listed(clear) or 'none'} ({len(clear)} of {len(lines)}).",
        f"Results that these papers print: {told or 'none recorded here'}.",
        *([f"Counts that they print (images, features, learnables): {sizes_in_words(sizes)}."] if len(sizes) else []),
        *_conclusions(lines),
    ]


def _conclusions(lines: Sequence[Line]) -> list[str]:
    """How many of the papers' conclusions hold here, as published and honestly; nothing where none was judged."""
    rungs = dict.fromkeys([PUBLISHED, *(line.top.honest_rung for line in lines if line.top.honest_rung)])
    told = [
        f"{count} {LADDER[rung].name.lower()}"
        for rung in rungs
        if (count := holding([line.claims for line in lines], rung))
    ]
    return [f"Conclusions of these papers that hold on these images: {wording.listed(told)}."] if told else []


def _above_interval(value: Estimate | Difference) -> str:
    return f"{value.text}\n{value.interval}"
