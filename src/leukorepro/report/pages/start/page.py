"""The page that a report opens with: every paper's headline, as printed and as measured here."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import PrintedNumbers, read_printed_numbers
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.summary import Line, read_line
from leukorepro.run.resolved import NotRun

GROUP = "This run"


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


def start_page(finished: FinishedRun) -> Page:
    """Put the page together."""
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
    return Page(
        address=addresses.START,
        title="Summary",
        group=GROUP,
        caveats=caveats_of(run.caveats),
        body=render("pages/start/page.html.j2", run=run, rows=rows, addresses=addresses),
    )
