"""The provenance page: what the run was made of, by what, on what, and what each step of it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.installation.version import code
from leukorepro.costs.jobs import STEPS, jobs_of
from leukorepro.costs.measured import by_step, duration, read_costs
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures.picture import Picture
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.feature_files import ExtractorRow, extractor_rows
from leukorepro.report.numbers.records import Records, read_records
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.pages.provenance.machine import machine, versions
from leukorepro.report.pages.provenance.workflow_figure import draw_workflow
from leukorepro.report.sections.costs.page import costs_page
from leukorepro.run.conditions.words import conditions_of_run
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.terms.known import IMAGENET
from leukorepro.run.terms.used import used_terms

GROUP = "This run"


@dataclass(frozen=True)
class Dataset:
    """A dataset by its manifest."""

    key: str
    title: str
    page: str
    images: int
    sha256: str
    seed: str
    """Of simulated images; empty for real ones."""


@dataclass(frozen=True)
class Features:
    """What the features of one study were made by."""

    key: str
    name: str
    extractors: list[ExtractorRow]


@dataclass(frozen=True)
class PredictionsRow:
    """A table of predictions, by its content and by what computed it."""

    study: str
    rung: str
    file: str
    sha256: str
    engines: str


def provenance_page(finished: FinishedRun, workflow: Path, output: Output) -> Page:
    """Put the page together.

    Parameters
    ----------
    finished : FinishedRun
    workflow : Path
        The Snakefile; its rules lie beside it, in ``workflow/rules``.
    output : Output

    Raises
    ------
    UserError
        If there is no such Snakefile.
    """
    run = finished.run
    records = [read_records(s, finished.of_study(s.study.key), finished.results) for s in run.studies]
    costs = read_costs([job for study in run.studies for job in jobs_of(run, study)], finished.results)
    conditions = conditions_of_run(run)
    libraries: dict[str, set[str]] = {}
    for one in records:
        for header in one.extractors.values():
            for name, version in header["library_versions"].items():
                libraries.setdefault(name, set()).add(version)
    steps = by_step(costs)
    told = [f"{step.title.lower()} {duration(step.seconds)}" for step in steps if step.n_measured]
    return Page(
        address=addresses.PROVENANCE,
        title="Provenance",
        group=GROUP,
        caveats=caveats_of(run.caveats),
        body=render(
            "pages/provenance/page.html.j2",
            run=run,
            code=code(),
            versions=versions(libraries),
            machine=machine(),
            datasets=list(_datasets(records)),
            papers=[(study.study.key, wording.short_citation(study.study.citation)) for study in run.studies],
            features=[_features(one) for one in records],
            predictions=list(_predictions(finished, records)),
            terms=used_terms(run),
            imagenet=IMAGENET,
            graph=Picture(
                output.figure(partial(draw_workflow, steps, conditions), "figures", "workflow.svg"),
                f"The steps of the workflow, each behind those that it takes from: {_steps(run)}.",
                "The workflow from its images to this report. " + wording.sentence(told or ["no job was measured"]),
            ),
            costs=costs_page(costs, conditions, output),
            config_json=output.copy(finished.config, "data", "config.json"),
            rules=list(_workflow(workflow, output)),
            addresses=addresses,
        ),
    )


def _steps(run: ResolvedRun) -> str:
    shown = {job.step for study in run.studies for job in jobs_of(run, study)} | {"report"}
    return "; ".join(
        f"{step.title.lower()}"
        + (f" after {wording.listed([STEPS[b].title.lower() for b in step.after if b in shown])}" if step.after else "")
        for name, step in STEPS.items()
        if name in shown
    )


def _datasets(records: list[Records]) -> Iterator[Dataset]:
    for one in {one.resolved.dataset_id: one for one in records}.values():
        dataset = one.resolved.dataset
        yield Dataset(
            one.resolved.dataset_id,
            dataset.title or one.resolved.dataset_id,
            addresses.of_dataset(one.resolved.dataset_id),
            one.scan["images"],
            one.manifest_sha256,
            str(getattr(dataset, "seed", "")),
        )


def _features(one: Records) -> Features:
    study = one.resolved.study
    return Features(study.key, wording.short_citation(study.citation), extractor_rows(one.extractors))


def _predictions(finished: FinishedRun, records: list[Records]) -> Iterator[PredictionsRow]:
    for one in records:
        for rung, record in one.predictions.items():
            yield PredictionsRow(
                wording.short_citation(one.resolved.study.citation),
                LADDER[rung].name,
                record.file.relative_to(finished.folder).as_posix(),
                record.sha256,
                "; ".join(f"{name}: {wording.listed(by)}" for name, by in record.engines.items()),
            )


def _workflow(snakefile: Path, output: Output) -> Iterator[str]:
    """Copies of the workflow's files, at the same places as in the project."""
    if not snakefile.is_file():
        raise UserError(f"{snakefile}: no such file; run the command from the project's root, where the workflow lies.")
    for file in [snakefile, *sorted((snakefile.parent / "workflow" / "rules").glob("*.smk"))]:
        yield output.copy(file, "workflow", *file.relative_to(snakefile.parent).parts)
