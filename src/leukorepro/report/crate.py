"""A report's folder as a Workflow Run RO-Crate: what was run, by what, from what, when, and what came of it.

The crate is the report itself: ``ro-crate-metadata.json`` lies beside its pages and describes each file of the folder,
so that the folder stays a crate wherever it is copied. Images are no part of it, and neither are predictions: they stay
in the run's folder, and are named by their SHA-256 (RFC 6920). Profiles: https://w3id.org/ro/wfrun/workflow/0.5, which
rests on RO-Crate 1.1.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import metadata, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukorepro.core.store import sha256_file, sha256_once
from leukorepro.costs.jobs import jobs_of
from leukorepro.costs.measured import read_costs
from leukorepro.report.finished import FinishedRun
from leukorepro.report.numbers.wording import slug
from leukorepro.run.resolved import ResolvedRun

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
TITLE = "leukorepro: run "
WORKFLOW = "workflow/Snakefile"
"""Address of the workflow in the report."""

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
SHA256 = "https://w3id.org/ro/terms/workflow-run#sha256"


def crate_metadata(finished: FinishedRun, folder: Path, addresses: Iterable[str]) -> dict[str, Any]:
    """What ``ro-crate-metadata.json`` says of a report.

    Parameters
    ----------
    finished : FinishedRun
    folder : Path
        Of the report; holds every file of it but this one.
    addresses : iterable of str
        Files of the report, as seen from its folder; the workflow is among them.

    Returns
    -------
    dict
        JSON-LD; the same for the same results, whose files' times are those of the run.
    """
    from rocrate.rocrate import ROCrate

    run = finished.run
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = SHA256
    crate.metadata["conformsTo"] = [{"@id": crate.metadata.profile}, {"@id": list(PROFILES)[-1]}]
    described = {"name": f"{TITLE}{run.name}", "description": _description(run)}
    started, ended = run_times(finished)
    for key, value in (described | {"datePublished": ended}).items():
        crate.root_dataset[key] = value
    crate.root_dataset["license"] = _licence(crate)

    workflow = crate.add_workflow(dest_path=WORKFLOW, main=True, lang="snakemake", properties=_file(folder, WORKFLOW))
    crate.root_dataset["conformsTo"] = [
        _entity(crate, address, "CreativeWork", name=name, version=address.rpartition("/")[2])
        for address, name in PROFILES.items()
    ]
    software = {name: _software(crate, name) for name in ("leukorepro", "snakemake")}
    workflow["softwareRequirements"] = list(software.values())
    files = {
        address: crate.add_file(dest_path=address, properties=_file(folder, address))
        for address in sorted(addresses)
        if address != WORKFLOW
    }
    predictions = [_predictions(crate, finished, path) for path in _prediction_files(finished)]
    values = {
        "seed": _entity(
            crate, "#seed", "PropertyValue", name="seed", value=", ".join(str(run.seed + n) for n in range(run.seeds))
        ),
        "budget": _entity(crate, "#budget", "PropertyValue", name="budget", value=run.budget),
    }
    datasets = dict.fromkeys(study.dataset_id for study in run.studies)
    keys = [study.study.key for study in run.studies]
    inputs = {
        "configuration": [files["data/config.json"]],
        "manifest of images": [files[f"data/{slug(dataset)}/manifest.csv"] for dataset in datasets],
        **{name: [value] for name, value in values.items()},
    }
    outputs = {
        "metrics": [files[f"data/{slug(key)}/metrics.csv"] for key in keys],
        "verdicts": [files[f"data/{slug(key)}/verdicts.csv"] for key in keys],
        "predictions": predictions,
        "report": [file for address, file in files.items() if address.endswith(".html")],
    }
    workflow["input"] = [_parameter(crate, name, examples) for name, examples in inputs.items() if examples]
    workflow["output"] = [_parameter(crate, name, examples) for name, examples in outputs.items() if examples]
    action = crate.add_action(
        workflow,
        identifier="#run",
        object=[one for examples in inputs.values() for one in examples],
        result=[one for examples in outputs.values() for one in examples],
        properties={
            "name": f"Run {run.name}",
            "description": f"All jobs that lead to this report, those of {', '.join(keys) or 'no study'}.",
            "agent": {"@id": software["snakemake"].id},
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "startTime": started,
            "endTime": ended,
        },
    )
    crate.root_dataset["mentions"] = action
    described_by_library: dict[str, Any] = crate.metadata.generate()
    return described_by_library


def run_times(finished: FinishedRun) -> tuple[str, str]:
    """When a run's own jobs began and ended, as far as files tell: in UTC, to a second.

    Jobs on datasets and features may have run long before, for another run.
    """
    run, results = finished.run, finished.results
    jobs = [job for study in run.studies for job in jobs_of(run, study) if job.name.startswith(f"{run.name}/")]
    measured = {
        results.benchmark(job.rule, job.name).stat().st_mtime: cost.seconds
        for job, cost in read_costs(jobs, results).items()
        if cost is not None
    }
    written = [finished.of_study(study.study.key).table("verdicts").stat().st_mtime for study in run.studies]
    written = written or [finished.config.stat().st_mtime]
    ended = max((*written, *measured))
    started = min((time - seconds for time, seconds in measured.items()), default=min(written))
    return _utc(min((started, *written))), _utc(ended)


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _description(run: ResolvedRun) -> str:
    """What the run is, and what it is not."""
    studies = ", ".join(study.study.key for study in run.studies) or "no study"
    return " ".join([f"Reproduction of published classifiers of leukaemia images: {studies}.", *run.caveats])


def _entity(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> Entity:
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))


def _licence(crate: ROCrate) -> Entity:
    name = metadata("leukorepro")["License-Expression"]
    address = f"https://spdx.org/licenses/{name}"
    about = "Of leukorepro and of what it writes; pictures of images stay under the terms of their dataset."
    return _entity(crate, address, "CreativeWork", name=name, description=about, url=address)


def _software(crate: ROCrate, name: str) -> Entity:
    return _entity(crate, f"#{name}", "SoftwareApplication", name=name, softwareVersion=version(name))


def _file(folder: Path, address: str) -> dict[str, str]:
    path = folder / address
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    size = str(path.stat().st_size)
    return {"name": address, "encodingFormat": kind, "contentSize": size, "sha256": sha256_file(path)}


def _prediction_files(finished: FinishedRun) -> list[Path]:
    studies = finished.run.studies
    return [finished.of_study(study.study.key).predictions(rung) for study in studies for rung in study.protocols]


def _predictions(crate: ROCrate, finished: FinishedRun, path: Path) -> Entity:
    """A table of predictions, which lies outside the crate, by its content."""
    sha256 = sha256_once(path)
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    about = f"In the run's folder, not in this crate: {path.relative_to(finished.folder).as_posix()}"
    return crate.add_file(
        f"ni:///sha-256;{digest}",
        properties={
            "name": path.relative_to(finished.folder).as_posix(),
            "description": about,
            "encodingFormat": "application/vnd.apache.parquet",
            "contentSize": str(path.stat().st_size),
            "sha256": sha256,
        },
    )


def _parameter(crate: ROCrate, name: str, examples: list[Entity]) -> Entity:
    """A slot of the workflow, with what filled it."""
    kind = {"PropertyValue": "Text"}.get(str(examples[0].type), "File")
    about = {"conformsTo": {"@id": PARAMETER}, "multipleValues": len(examples) > 1, "valueRequired": True}
    slot = crate.add_formal_parameter(name, kind, identifier=f"#slot-{slug(name)}", properties=about)
    slot["workExample"] = examples[0] if len(examples) == 1 else list(examples)
    for example in examples:
        example["exampleOfWork"] = slot
    return slot
