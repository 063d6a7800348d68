"""The HTML page: one file with its figures and tables beside it, readable from disk without a network."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from leukorepro.config.study.study import Citation
from leukorepro.core.store import write_text
from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.ladder.rungs import LADDER, PUBLISHED
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.sources import read_sources
from leukorepro.report.output import Output
from leukorepro.report.sections.audit.page import AuditPage, audit_page, read_audit
from leukorepro.report.sections.study.page import StudyPage, study_page
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy, load_resolved
from leukorepro.run.weights import as_far_as_known


def build(config: Path, results: Path, output: Path, *, workers: int = 1) -> None:
    """Write the report of a run.

    Parameters
    ----------
    config : Path
        The run's resolved configuration, ``config.json``.
    results : Path
        Folder of the run: ``<study>/metrics.csv`` and, for each rung, ``<study>/<rung>/predictions.parquet`` and its
        reducers. Datasets, features and audits of printed numbers lie beside it, in ``../datasets``, ``../features``
        and ``../audit``.
    output : Path
        Folder to write: ``index.html``, ``audit``, ``figures`` and ``data``. Files that an earlier report left in the
        latter three are removed.
    workers : int
        Processes that draw a study each at a time; the report is the same with any number of them.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    run = as_far_as_known(load_resolved(config), Results(results.parent))
    folder = Output(output)
    draw = partial(_study, run, results=results, output=output)
    if workers > 1 and len(run.studies) > 1:
        with ProcessPoolExecutor(min(workers, len(run.studies))) as pool:
            drawn = list(pool.map(draw, run.studies))
    else:
        drawn = [draw(study) for study in run.studies]
    for _, written in drawn:
        folder.add(written)
    studies = [page for page, _ in drawn]
    environment = _environment()
    citations = {study.study.key: study.study.citation for study in run.studies}
    citations |= {study.key: study.citation for study in run.left_out}
    audits = {key: _audit(key, citation, results, folder, environment) for key, citation in citations.items()}
    page = environment.get_template("templates/index.html.j2").render(
        run=run,
        studies=studies,
        audits=audits,
        config_json=folder.copy(config, "data", "config.json"),
        version=version("leukorepro"),
        n_resamples=N_RESAMPLES,
        level=LEVEL,
    )
    folder.prune("audit", "figures", "data")
    write_text(page, output / "index.html")


def _study(run: ResolvedRun, study: ResolvedStudy, *, results: Path, output: Path) -> tuple[StudyPage, set[Path]]:
    """Draw one study, perhaps in a process of its own: its part of the page, and the files that were written for it."""
    folder = Output(output)
    sources = read_sources(study, results, controls=study.study.key in run.controls)
    return study_page(study, run.budget, sources, folder), folder.written


def _audit(key: str, citation: Citation, results: Path, folder: Output, environment: Environment) -> AuditPage:
    """Write the page of a paper's printed numbers."""
    source = Results(results.parent).audit(key)
    found = read_audit(source, key)
    numbers = folder.copy(source, "data", key, "audit.json")
    page = audit_page(found, key, wording.short_citation(citation), numbers)
    text = environment.get_template("sections/audit/page.html.j2").render(page=page, version=version("leukorepro"))
    folder.text(text, *page.address.split("/"))
    return page


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leukorepro.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "heading": wording.metric_heading,
        "metric_name": wording.metric_name,
        "rung_name": lambda rung: LADDER[rung].name,
        "in_per_cent": wording.in_per_cent,
        "slug": wording.slug,
        "table_name": wording.table_name,
        "sentence": wording.sentence,
    }
    environment.globals |= {"ladder": LADDER, "published_rung": PUBLISHED}
    return environment
