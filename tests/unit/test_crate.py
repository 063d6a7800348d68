"""The RO-Crate of a report: the standard's library reads it back, and its validator finds nothing to mend."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import report_data
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests_cache import CachedSession
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from urllib3 import HTTPResponse

from leukorepro.core.store import write_json
from leukorepro.report.crate import METADATA, WORKFLOW, crate_metadata
from leukorepro.report.finished import FinishedRun
from leukorepro.run.resolved import load_resolved

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
BIOSCHEMAS = "https://bioschemas.org/"
TERMS_OF_1_1 = {
    "ComputationalWorkflow": f"{BIOSCHEMAS}ComputationalWorkflow",
    "FormalParameter": f"{BIOSCHEMAS}FormalParameter",
    "input": f"{BIOSCHEMAS}ComputationalWorkflow#input",
    "output": f"{BIOSCHEMAS}ComputationalWorkflow#output",
}
"""Terms that had other addresses than in RO-Crate 1.3, whose context the library brings along."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    root = tmp_path_factory.mktemp("run")
    study = report_data.resolve(report_data.three_class_study(), root, rungs=("as_published",), title="Own & real")
    results = report_data.write_run(root, [study])
    for number, file in enumerate(sorted(path for path in results.rglob("*") if path.is_file())):
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    verdicts, judged = results / "other/verdicts.csv", results.parent / "benchmarks/judge/synthetic/other.tsv"
    os.utime(verdicts, (1_700_000_500, 1_700_000_500))
    judged.parent.mkdir(parents=True)
    judged.write_text("s\tmax_rss\tcpu_time\n3600.0\t1\t1\n")
    os.utime(judged, (1_700_001_000, 1_700_001_000))
    return FinishedRun(load_resolved(results / "config.json"), results / "config.json", results)


FILES = (
    WORKFLOW,
    "index.html",
    "paper_other.html",
    "data/config.json",
    "data/other-data/manifest.csv",
    "data/other/metrics.csv",
    "data/other/verdicts.csv",
    "figures/other/ladder with a space.svg",
)


@pytest.fixture(scope="module")
def crate(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report's folder, as far as a crate asks: files at their places."""
    folder = tmp_path_factory.mktemp("report")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}\n")
    write_json(crate_metadata(finished, folder, FILES), folder / METADATA)
    return folder


def test_the_library_reads_it_back(crate: Path, finished: FinishedRun) -> None:
    read = ROCrate(crate)
    assert read.mainEntity.id == WORKFLOW
    assert read.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    described = {entity["name"]: entity for entity in read.data_entities}
    predictions = finished.of_study("other").predictions("as_published")
    assert described.keys() == {*FILES, "other/as_published/predictions.parquet"}
    for name in FILES:
        assert described[name]["sha256"] == hashlib.sha256((crate / name).read_bytes()).hexdigest()
    assert described["other/as_published/predictions.parquet"]["sha256"] == (
        hashlib.sha256(predictions.read_bytes()).hexdigest()
    )
    run = read.get("#run")
    assert {entity["name"] for entity in run["object"]} == {
        *("data/config.json", "data/other-data/manifest.csv", "seed", "budget")
    }
    assert {entity["name"] for entity in run["result"]} == {
        *("index.html", "paper_other.html", "data/other/metrics.csv", "data/other/verdicts.csv"),
        "other/as_published/predictions.parquet",
    }
    assert "no number here says anything about patients" in read.root_dataset["description"]


def test_times_are_those_of_the_results(crate: Path) -> None:
    run = ROCrate(crate).get("#run")
    assert run["startTime"] == "2023-11-14T21:30:00+00:00", "an hour before the end of the job that was measured"
    assert run["endTime"] == "2023-11-14T22:30:00+00:00"


def test_equal_results_give_equal_bytes(crate: Path, finished: FinishedRun, tmp_path: Path) -> None:
    write_json(crate_metadata(finished, crate, reversed(FILES)), tmp_path / METADATA)
    assert (tmp_path / METADATA).read_bytes() == (crate / METADATA).read_bytes()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's cache with the context of RO-Crate 1.1, which it would ask the network for."""
    context = json.loads((files("rocrate") / "data/ro-crate.jsonld").read_text())["@context"] | TERMS_OF_1_1

    class FromHere(BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            body = io.BytesIO(json.dumps({"@context": context}).encode())
            kind = {"Content-Type": "application/ld+json"}
            return HTTPAdapter().build_response(request, HTTPResponse(body, kind, 200, preload_content=False))

        def close(self) -> None:
            pass

    path = tmp_path_factory.mktemp("cache") / "http"
    with CachedSession(str(path), expire_after=-1) as session:
        session.mount(CONTEXT, FromHere())
        assert session.get(CONTEXT).ok
    return path


def issues(folder: Path, cache: Path) -> list[str]:
    """What the validator has against a crate, among all that its profile and those below it require."""
    settings = ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity=Severity.REQUIRED,
        offline=True,
        cache_path=cache,
    )
    result = services.validate(settings)
    found = [str(issue.message) for issue in result.get_issues(Severity.REQUIRED)]
    assert result.passed() == (not found)
    return found


def test_the_validator_has_nothing_against_it(crate: Path, cache: Path) -> None:
    assert issues(crate, cache) == []


def test_the_validator_sees_what_is_missing(crate: Path, cache: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(crate, tmp_path / "broken"))
    metadata = json.loads((broken / METADATA).read_text())
    graph = {entity["@id"]: entity for entity in metadata["@graph"]}
    del graph["#run"]["instrument"]
    del graph["./"]["license"]
    (broken / "index.html").unlink()
    write_json({**metadata, "@graph": list(graph.values())}, broken / METADATA)
    found = " ".join(issues(broken, cache))
    for told in ("instrument", "license", "index.html"):
        assert told in found
