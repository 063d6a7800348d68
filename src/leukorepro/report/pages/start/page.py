"""The page that a report opens with: every paper's headline, as printed and as measured here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial

from leukorepro.evaluation.testability import NOT_REPRODUCED, REPRODUCED
from leukorepro.ladder.rungs import LADDER, PUBLISHED
from leukorepro.report.figures.picture import Picture
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import PrintedNumbers, read_printed_numbers
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.pages.start import figure
from leukorepro.report.pages.validity.findings import in_short, read_kinds
from leukorepro.report.summary import Line, read_line
from leukorepro.run.conditions.words import conditions_of_run
from leukorepro.run.resolved import NotRun

GROUP = "Overview"


@dataclass(frozen=True)
class Row:
    """One paper in the table."""

    key: str
    name: str
    _: KW_ONLY
    audit: PrintedNumbers
    line: Line | None = None
    left_out: NotRun | None = None
    """In the place of `line`: why the study did not run."""


def start_page(finished: FinishedRun, output: Output) -> Page:
    """Put the page together.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    run, results = finished.run, finished.results
    rows = [
        Row(
            key := study.study.key,
            wording.short_citation(study.study.citation),
            line=read_line(study, finished.folder / key),
            audit=read_printed_numbers(results.audit(key), key, study.study.citation),
        )
        for study in run.studies
    ]
    rows += [
        Row(
            study.key,
            wording.short_citation(study.citation),
            left_out=study,
            audit=read_printed_numbers(results.audit(study.key), study.key, study.citation),
        )
        for study in run.left_out
    ]
    lines = [row.line for row in rows if row.line]
    honest = list(dict.fromkeys(line.top.honest_name.lower() for line in lines))
    return Page(
        address=addresses.START,
        title="Summary",
        group=GROUP,
        caveats=caveats_of(run.caveats),
        body=render(
            "pages/start/page.html.j2",
            run=run,
            rows=rows,
            picture=_picture(rows, conditions_of_run(run), output),
            honest=honest[0] if len(honest) == 1 else "",
            is_not=_is_not(lines),
            addresses=addresses,
            validity=in_short(read_kinds(results.validity)) if results.validity.exists() else "",
        ),
    )


def _is_not(lines: Sequence[Line]) -> str:
    """What the run is not, in words that follow *It is*."""
    tested = any(line.verdicts.counts().get(word) for line in lines for word in (REPRODUCED, NOT_REPRODUCED))
    of_numbers = "no test of the printed numbers, since none was measured as its paper measured it, and "
    return "no medical device" if tested else f"{of_numbers}no medical device"


def _picture(rows: Sequence[Row], conditions: Sequence[str], output: Output) -> Picture | None:
    """Headlines in per cent, a row for each paper; None where there are none."""
    drawn = [
        figure.Row(
            row.name,
            top.published,
            {rung: e for rung, e in ((PUBLISHED, top.as_published), (top.honest_rung, top.honest)) if rung},
            row.line.change,
        )
        for row in rows
        if row.line and wording.in_per_cent((top := row.line.top).metric)
    ]
    if not drawn:
        return None
    told = [
        f"{row.name}: printed {row.printed.text}, "
        + ", ".join(f"ours {LADDER[rung].name.lower()} {estimate.text}" for rung, estimate in row.measured.items())
        + f", change {row.change.told}"
        for row in drawn
    ]
    return Picture(
        output.figure(partial(figure.draw_headlines, drawn, conditions), "figures", "summary", "headlines.svg"),
        f"Headline number of each paper in per cent. {'; '.join(told)}.",
        "",
    )
