"""The page of one paper: of a study that ran all that became of it, of another why it did not run."""

from __future__ import annotations

from leukorepro.costs.jobs import jobs_of
from leukorepro.costs.measured import read_costs
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.layout import lay_out
from leukorepro.report.numbers.sources import read_sources
from leukorepro.report.numbers.tables import Numbers
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import read_printed_numbers
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.pages.paper.content import paper_content
from leukorepro.report.sections.costs.page import costs_page
from leukorepro.run.conditions.words import caveats, conditions
from leukorepro.run.plan import explained_rungs
from leukorepro.run.resolved import NotRun, ResolvedStudy

GROUP = "Papers"


def paper_page(finished: FinishedRun, study: ResolvedStudy, output: Output) -> Page:
    """Put the page of a study that ran together.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    study : ResolvedStudy
        One of the run's.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    key, run = study.study.key, finished.run
    sources = read_sources(
        study, finished.folder, controls=key in run.controls, explained=bool(explained_rungs(run, study))
    )
    content = paper_content(study, run.budget, sources, output)
    audit = read_printed_numbers(finished.results.audit(key), key, study.study.citation)
    costs = costs_page(read_costs(jobs_of(run, study), finished.results), conditions(study, run.budget), output, key)
    return Page(
        address=addresses.of_paper(key),
        title=content.name,
        group=GROUP,
        caveats=caveats_of(caveats(study, run.budget)),
        body=render("pages/paper/page.html.j2", page=content, audit=audit, costs=costs, addresses=addresses),
    )


def left_out_page(finished: FinishedRun, study: NotRun) -> Page:
    """Put the page of a study that did not run together: why, and what can be said of its paper all the same.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    study : NotRun
        The study, and why it did not run.
    """
    audit = read_printed_numbers(finished.results.audit(study.key), study.key, study.citation)
    return Page(
        address=addresses.of_paper(study.key),
        title=audit.name,
        group=GROUP,
        body=render("pages/paper/left_out.html.j2", page=study, audit=audit, addresses=addresses),
    )


def everything_page(finished: FinishedRun, study: ResolvedStudy, number: str) -> Page:
    """Put the page with every metric of every item of a table on every rung together, which is long.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    study : ResolvedStudy
        One of the run's.
    number : str
        Of one of its tables.
    """
    key, table = study.study.key, study.study.tables[number]
    numbers = Numbers.read(finished.of_study(key).table("metrics"))
    name = f"{wording.short_citation(study.study.citation)}, {wording.table_name(number)}"
    return Page(
        address=addresses.of_everything(key, number),
        title=f"{name}: every number",
        group="",
        within=addresses.of_paper(key),
        caveats=caveats_of(caveats(study, finished.run.budget)),
        body=render(
            "pages/paper/everything.html.j2",
            name=name,
            number=number,
            title=table.title,
            block=lay_out(study, numbers, number).everything,
            paper=addresses.of_paper(key),
        ),
    )
