"""Which pages a report has, and what each of them follows from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from leukorepro.costs.jobs import jobs_of
from leukorepro.report.finished import FinishedRun
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.page import audit_page, short_page
from leukorepro.report.pages.dataset.page import dataset_page
from leukorepro.report.pages.dataset.sources import inputs_of
from leukorepro.report.pages.methods.page import methods_page
from leukorepro.report.pages.page import Page
from leukorepro.report.pages.paper.page import everything_page, left_out_page, paper_page
from leukorepro.report.pages.provenance.page import provenance_page
from leukorepro.report.pages.start.page import start_page
from leukorepro.report.pages.validity.page import validity_page
from leukorepro.run.plan import study_results, training_files
from leukorepro.run.resolved import ResolvedStudy

OF_HEADLINES = ("metrics", "differences", "verdicts", "claims")
"""Tables of a study that the start page reads."""


@dataclass(frozen=True)
class Draft:
    """A page that is to be put together.

    Attributes
    ----------
    address : str
        The page's.
    put_together : callable
        Gives the page, and writes its files and collects its pictures; can be sent to another process.
    inputs : tuple of Path or None
        Every file that it reads, so that the page is the same as long as they are; images count with the manifest that
        holds their digests. A test asks which files are opened. None: the page is quick, and put together each time.
    follows_from : tuple of str
        What else it follows from: parts of the run's resolved configuration.
    """

    address: str
    put_together: Callable[[Output], Page]
    inputs: tuple[Path, ...] | None
    follows_from: tuple[str, ...]


def drafts(finished: FinishedRun, workflow: Path) -> Iterator[Draft]:
    """The pages of a run's report, in the order of the navigation.

    Parameters
    ----------
    finished : FinishedRun
    workflow : Path
        The Snakefile.
    """
    run, results = finished.run, finished.results
    whole = run.model_dump_json()
    citations = {study.study.key: study.study.citation for study in run.studies}
    citations |= {study.key: study.citation for study in run.left_out}
    audits = {key: results.audit(key) for key in citations}
    tables = [finished.of_study(study.study.key).table(name) for study in run.studies for name in OF_HEADLINES]
    read = (*tables, *audits.values(), results.validity)
    yield Draft(addresses.START, partial(start_page, finished), read, (whole,))
    if results.validity.exists():
        yield Draft(addresses.VALIDITY, partial(validity_page, results.validity), (results.validity,), ())
    for study in run.studies:
        yield from _of_study(finished, study)
    for absent in run.left_out:
        page = partial(_without_files, left_out_page, finished, absent)
        yield Draft(addresses.of_paper(absent.key), page, (audits[absent.key],), (absent.model_dump_json(),))
    for dataset in dict.fromkeys(study.dataset_id for study in run.studies):
        told = (run.budget, *(study.model_dump_json() for study in finished.studies_on(dataset)))
        page = partial(dataset_page, finished, dataset)
        yield Draft(addresses.of_dataset(dataset), page, inputs_of(finished, dataset), told)
    for key, citation in citations.items():
        told = (citation.model_dump_json(),)
        page = partial(audit_page, finished, key, citation)
        yield Draft(addresses.of_audit(key), page, (audits[key],), told)
        page = partial(_without_files, short_page, finished, key, citation)
        yield Draft(addresses.of_short_audit(key), page, (audits[key],), told)
    yield Draft(addresses.METHODS, partial(methods_page, finished), None, ())
    yield Draft(addresses.PROVENANCE, partial(provenance_page, finished, workflow), None, ())


def _of_study(finished: FinishedRun, study: ResolvedStudy) -> Iterator[Draft]:
    """Pages of a study that ran: its paper's, and one of every number for each table."""
    key, run = study.study.key, finished.run
    folder = finished.of_study(key)
    told = (study.model_dump_json(), run.budget)
    made = [
        *study_results(run, study, folder),
        *(file for rung in study.protocols for file in training_files(study, folder, rung)),
    ]
    measured = [finished.results.benchmark(job.rule, job.name) for job in jobs_of(run, study)]
    inputs = (
        *map(Path, made),
        *measured,
        finished.results.dataset(study.dataset_id) / "scan.json",
        finished.results.audit(key),
        *([finished.results.manifest(study.dataset_id)] if study.tests_held_out else []),
    )
    yield Draft(addresses.of_paper(key), partial(paper_page, finished, study), inputs, told)
    for table in study.study.tables:
        page = partial(_without_files, everything_page, finished, study, table)
        yield Draft(addresses.of_everything(key, table), page, (folder.table("metrics"),), told)


def _without_files(page: Callable[..., Page], *about: Any) -> Page:
    """A page that writes no files of its own."""
    *told, _ = about
    return page(*told)
