"""The page of one dataset, which several papers may share."""

from __future__ import annotations

from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.dataset.content import dataset_content
from leukorepro.report.pages.dataset.sources import read_dataset
from leukorepro.report.pages.page import Page, caveats_of

GROUP = "Datasets"
SIMULATED = "Simulated images: drawn by this package's simulator, not photographs of patients."


def dataset_page(finished: FinishedRun, dataset: str, output: Output) -> Page:
    """Put the page of a dataset together.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    dataset : str
        Name of its folder below `results/datasets`.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    studies = finished.studies_on(dataset)
    simulated = studies[0].simulated
    conditions = ["simulated images"] * simulated
    content = dataset_content(dataset, read_dataset(finished, dataset, studies), conditions, output)
    papers = [(study.study.key, wording.short_citation(study.study.citation)) for study in studies]
    return Page(
        address=addresses.of_dataset(dataset),
        title=content.title,
        group=GROUP,
        caveats=caveats_of([SIMULATED] * simulated),
        body=render("pages/dataset/page.html.j2", dataset=content, papers=papers, addresses=addresses),
    )
