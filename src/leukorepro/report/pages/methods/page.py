"""The methods page: how numbers, intervals and verdicts were made."""

from __future__ import annotations

from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.pages import addresses
from leukorepro.report.pages.page import Page, caveats_of

GROUP = "This run"


def methods_page(finished: FinishedRun) -> Page:
    """Put the page together."""
    return Page(
        address=addresses.METHODS,
        title="Methods",
        group=GROUP,
        caveats=caveats_of(finished.run.caveats),
        body=render("pages/methods/page.html.j2", run=finished.run, n_resamples=N_RESAMPLES, level=LEVEL),
    )
