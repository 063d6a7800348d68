"""The HTML page: one file with its figures and tables beside it, readable from disk without a network."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.report import wording
from leukorepro.report.output import Output
from leukorepro.report.sources import read_sources
from leukorepro.report.study_page import study_page
from leukorepro.resolved import load_resolved
from leukorepro.store import write_text


def build(config: Path, results: Path, output: Path) -> None:
    """Write the report of a run.

    Parameters
    ----------
    config : Path
        The run's resolved configuration, ``config.json``.
    results : Path
        Folder of the run: ``<study>/metrics.csv`` and, for each rung, ``<study>/<rung>/predictions.parquet`` and its
        reducers. Datasets and features lie beside it, in ``../datasets`` and ``../features``.
    output : Path
        Folder to write: ``index.html``, ``figures`` and ``data``. Files that an earlier report left in the latter two
        are removed.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    run = load_resolved(config)
    folder = Output(output)
    studies = [study_page(study, run.budget, read_sources(study, results), folder) for study in run.studies]
    template = _environment().get_template("index.html.j2")
    page = template.render(
        run=run,
        studies=studies,
        config_json=folder.copy(config, "data", "config.json"),
        version=version("leukorepro"),
        n_resamples=N_RESAMPLES,
        level=LEVEL,
    )
    folder.prune("figures", "data")
    write_text(page, output / "index.html")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leukorepro.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "heading": wording.metric_heading,
        "difference": lambda value, metric: wording.difference(metric, value),
        "share": wording.is_share,
        "slug": wording.slug,
        "table_name": wording.table_name,
        "sentence": wording.sentence,
    }
    return environment
