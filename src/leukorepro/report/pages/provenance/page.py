"""The provenance page: what the run was made of."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.feature_files import ExtractorRow, extractor_rows, libraries, read_feature_files
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.methods.page import GROUP
from leukorepro.report.pages.page import Page, caveats_of


@dataclass(frozen=True)
class Machine:
    """What the features of one study were made by."""

    key: str
    name: str
    extractors: list[ExtractorRow]
    libraries: str


def provenance_page(finished: FinishedRun, output: Output) -> Page:
    """Put the page together."""
    machines = []
    for study in finished.run.studies:
        files = read_feature_files(study, finished.results)
        name = wording.short_citation(study.study.citation)
        machines.append(Machine(study.study.key, name, extractor_rows(files), libraries(files)))
    return Page(
        address=addresses.PROVENANCE,
        title="Provenance",
        group=GROUP,
        caveats=caveats_of(finished.run.caveats),
        body=render(
            "pages/provenance/page.html.j2",
            run=finished.run,
            machines=machines,
            config_json=output.copy(finished.config, "data", "config.json"),
            version=version("leukorepro"),
            addresses=addresses,
        ),
    )
