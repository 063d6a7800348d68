"""The methods page: how every study was run, how numbers and verdicts are made, and what reporting checklists ask."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from leukorepro.core.installation.version import code
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import read_records
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.methods.checklists.item import Answer, Checklist, Facts, Item
from leukorepro.report.pages.methods.checklists.reforms import REFORMS
from leukorepro.report.pages.methods.checklists.tripod import TRIPOD_AI
from leukorepro.report.pages.methods.general import general_methods
from leukorepro.report.pages.methods.study import Passage, study_methods
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.pages.provenance.machine import machine_in_words

GROUP = "This run"

CHECKLISTS = (REFORMS, TRIPOD_AI)


@dataclass(frozen=True)
class StudyMethods:
    """How one study was run."""

    key: str
    name: str
    passages: list[Passage]


@dataclass(frozen=True)
class Answered:
    """A checklist with its answers."""

    checklist: Checklist
    rows: list[tuple[Item, Answer]]
    csv: str

    @property
    def counts(self) -> str:
        """How many items are answered by whom."""
        by = [answer.by for _, answer in self.rows]
        return wording.listed([f"{by.count(who)} by {who}" for who in dict.fromkeys(by)])


def methods_page(finished: FinishedRun, output: Output) -> Page:
    """Put the page together, and write its texts and answers as files.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    run = finished.run
    records = [read_records(s, finished.of_study(s.study.key), finished.results) for s in run.studies]
    studies = [
        StudyMethods(
            one.resolved.study.key, wording.short_citation(one.resolved.study.citation), study_methods(run, one)
        )
        for one in records
    ]
    general = general_methods()
    facts = Facts(run, records, code(), machine_in_words())
    return Page(
        address=addresses.METHODS,
        title="Methods",
        group=GROUP,
        caveats=caveats_of(run.caveats),
        body=render(
            "pages/methods/page.html.j2",
            run=run,
            studies=studies,
            general=general,
            checklists=[answered(checklist, facts, output) for checklist in CHECKLISTS],
            text=output.text(as_markdown(run.name, run.caveats, studies, general), "data", "methods.md"),
        ),
    )


def answered(checklist: Checklist, facts: Facts, output: Output) -> Answered:
    """Answer every item of a list, and write the answers as CSV.

    Parameters
    ----------
    checklist : Checklist
        Its items, each with what answers it.
    facts : Facts
        All that answers rest on.
    output : Output
        Takes the CSV file.
    """
    rows = [(item, item.answer(facts)) for item in checklist.items.values()]
    table = pd.DataFrame(
        [
            {
                "item": item.number,
                "module": item.module,
                "asks": item.name,
                "answered_by": answer.by,
                "answer": answer.text,
                "where": " ".join(place.address for place in answer.places),
            }
            for item, answer in rows
        ]
    )
    return Answered(checklist, rows, output.table(table, "data", f"{checklist.key}.csv"))


def as_markdown(name: str, caveats: list[str], studies: list[StudyMethods], general: list[Passage]) -> str:
    """The methods as Markdown, as a supplement can take them over.

    Parameters
    ----------
    name : str
        Of the run.
    caveats : list of str
        Sentences on what sets the run's numbers apart from the papers'.
    studies : list of StudyMethods
        How each study was run.
    general : list of Passage
        What holds for all of them.
    """
    lines = [f"# Methods of the run {name}", "", *([" ".join(caveats), ""] if caveats else [])]
    for study in studies:
        lines += [f"## {study.name}", "", *_passages(study.passages)]
    lines += ["## All studies", "", *_passages(general)]
    return "\n".join(lines).rstrip() + "\n"


def _passages(passages: list[Passage]) -> list[str]:
    return [line for one in passages for line in (f"### {one.title}", "", " ".join(one.sentences), "")]
