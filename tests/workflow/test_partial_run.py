"""A run in which one study lacks its dataset and one its weights: the other finishes, and the report says so."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
import yaml
from local_server import serving
from project_copy import ProjectCopy, planned_rules

from leukorepro.core.store import read_json

pytestmark = pytest.mark.slow

REGISTRY = "src/leukorepro/features/backbones/registry.py"
RUN_FILE = "config/runs/partial.yaml"
ABSENT = (
    "left out: study far, because its dataset cnmc2019 is absent (data/cnmc2019: no such folder); download C-NMC 2019"
)
NO_WEIGHTS = "left out: study heavy, because ImageNet weights resnet50-0676ba61.pth are not on this machine"


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Any]]:
    """A server on this machine that has weights of MobileNetV2 and of no other network: its address, and their name."""
    content = io.BytesIO()
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), content)
    name = f"mobilenet_v2-{hashlib.sha256(content.getvalue()).hexdigest()[:8]}.pth"

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path != f"/{name}":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content.getvalue())

        def log_message(self, format: str, *args: object) -> None:
            pass

    asked: list[str] = []
    with serving(Answer) as address:
        yield {"address": address, "name": name, "asked": asked}


@pytest.fixture(scope="module")
def project(fresh: Path, tmp_path_factory: pytest.TempPathFactory, served: dict[str, Any]) -> ProjectCopy:
    """Three times the same study: on simulated images, on an absent dataset, and by a network without weights."""
    folder = tmp_path_factory.mktemp("partial")
    environment = {"LEUKOREPRO_WEIGHTS_URL": served["address"], "TORCH_HOME": str(folder / "torch")}
    project = ProjectCopy(fresh, folder / "project", environment=environment)
    registry = project.folder / REGISTRY
    registry.write_text(registry.read_text().replace("mobilenet_v2-b0353104.pth", served["name"]))
    study = yaml.safe_load((project.folder / "config/studies/grid.yaml").read_text())
    choices = []
    for key, dataset, more in (
        ("grid", "tiny", {}),
        ("far", "cnmc2019", {}),
        ("heavy", "tiny", {"networks": {"small": "resnet50"}}),
    ):
        (project.folder / f"config/studies/{key}.yaml").write_text(yaml.safe_dump(study | {"key": key}))
        (project.folder / f"config/published/{key}.csv").write_bytes((fresh / "config/published/grid.csv").read_bytes())
        choices.append({"study": key, "dataset": dataset, "items": ["1/SVM"], "rungs": ["as_published"], **more})
    run = {"name": "partial", "budget": "demo", "weights": "imagenet", "studies": choices}
    (project.folder / RUN_FILE).write_text(yaml.safe_dump(run))
    return project


def snakemake(project: ProjectCopy, *arguments: str) -> str:
    return project.run("snakemake", "--cores", "2", *arguments, "--configfile", RUN_FILE)


@pytest.fixture(scope="module")
def first(project: ProjectCopy) -> dict[str, str]:
    """What a dry run and the first run print."""
    return {"planned": snakemake(project, "--dry-run"), "told": snakemake(project)}


def test_a_dry_run_lists_all_jobs_of_studies_whose_weights_are_yet_to_come(first: dict[str, str]) -> None:
    assert ABSENT in first["planned"]
    rules = planned_rules(first["planned"])
    assert {"get_weights", "extract_features", "evaluate_grid", "evaluate_heavy", "build_report"} <= rules
    assert not {rule for rule in rules if rule.endswith("_far")}


def test_each_study_that_does_not_run_is_told_in_one_line_and_the_others_finish(
    project: ProjectCopy, first: dict[str, str]
) -> None:
    told = first["told"]
    for line in (ABSENT, NO_WEIGHTS):
        assert len(re.findall(f"^{re.escape(line)}", told, flags=re.MULTILINE)) == 1
    assert "the server answers 404 Not Found" in told
    assert re.search(r"^Finished in .* Report: results/partial/report/index.html", told, flags=re.MULTILINE)
    results = project.folder / "results"
    assert (results / "partial/grid/metrics.csv").is_file()
    assert not (results / "partial/heavy/metrics.csv").exists()
    assert not list(results.glob("features/*/resnet50*"))
    assert {f.stem: bool(read_json(f)["failure"]) for f in results.glob("weights/*.json")} == {
        "mobilenet_v2": False,
        "resnet50": True,
    }


@pytest.mark.usefixtures("first")
def test_the_report_and_the_summary_say_what_did_not_run(project: ProjectCopy) -> None:
    page = (project.folder / "results/partial/report/index.html").read_text()
    for key, what in (("far", "dataset absent"), ("heavy", "weights of ResNet-50 could not be got")):
        assert f"not run: {what}" in page
        assert f"Not run: {what}" in (project.folder / f"results/partial/report/paper_{key}.html").read_text()
        assert (project.folder / f"results/partial/report/audit_{key}.html").is_file()
    caveat = "Not run: far (dataset absent), heavy (weights of ResNet-50 could not be got)."
    assert caveat in page
    said = project.run("leukorepro", "report", "summary", "--run", "partial")
    assert caveat in " ".join(said.split())


@pytest.mark.usefixtures("first")
def test_a_dry_run_and_a_summary_say_what_is_missing_and_change_nothing(project: ProjectCopy) -> None:
    """Else commands that read what came of asking would look for results of a study that has none."""
    before = project.results(".json", ".html", ".csv")
    for mode in ("--dry-run", "--summary"):
        assert NO_WEIGHTS in snakemake(project, mode)
        assert project.results(".json", ".html", ".csv") == before


@pytest.mark.usefixtures("first")
def test_the_next_start_asks_for_missing_weights_again_and_makes_nothing_anew(
    project: ProjectCopy, served: dict[str, Any]
) -> None:
    before = project.results(".html", ".h5", ".csv", ".parquet")
    served["asked"].clear()
    told = snakemake(project)
    assert served["asked"] == ["/resnet50-0676ba61.pth"]
    assert NO_WEIGHTS in told
    after = project.results(".html", ".h5", ".csv", ".parquet")
    assert before.items() <= after.items()
    assert "Features of" not in told
    assert "Writing the report" not in told
