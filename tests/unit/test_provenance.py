"""Provenance: hashes, versions, the commit, the machine and the graph of the workflow."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import report_data
from project_data import ROOT
from report_page import Page, words

from leukorepro.core.errors import UserError
from leukorepro.core.installation.version import commit
from leukorepro.costs.jobs import STEPS
from leukorepro.report.finished import FinishedRun
from leukorepro.report.output import Output
from leukorepro.report.pages.provenance.machine import graphics_cards, machine, processor, versions
from leukorepro.report.pages.provenance.page import provenance_page
from leukorepro.report.pages.provenance.workflow_figure import arrows, layers
from leukorepro.run.resolved import load_resolved


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    root = tmp_path_factory.mktemp("run")
    study = report_data.resolve(report_data.three_class_study(), root, rungs=("as_published",), title="Own & real")
    results = report_data.write_run(root, [study])
    return FinishedRun(load_resolved(results / "config.json"), results / "config.json", results)


def test_everything_is_named_by_its_content(finished: FinishedRun, tmp_path: Path) -> None:
    page = provenance_page(finished, ROOT / "Snakefile", Output(tmp_path))
    shown = words(Page(page.body))
    for file in (finished.results.manifest("other-data"), finished.of_study("other").predictions("as_published")):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in shown
    assert "ab" * 32 in shown, "of the weights, as the feature file says"
    assert "other/as_published/predictions.parquet" in shown
    assert "no job of this has a measurement" in shown
    assert (tmp_path / "workflow/Snakefile").read_bytes() == (ROOT / "Snakefile").read_bytes()
    rules = {file.name for file in (ROOT / "workflow/rules").iterdir()}
    assert {file.name for file in (tmp_path / "workflow/workflow/rules").iterdir()} == rules
    assert [section.id for section in page.sections] == [
        *("workflow", "costs", "datasets", "features", "predictions", "versions", "machine", "files")
    ]


def test_a_missing_workflow_is_told(finished: FinishedRun, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        provenance_page(finished, tmp_path / "Snakefile", Output(tmp_path))


def test_versions_are_those_that_computed() -> None:
    told = versions({"torch": {"2.14", "2.15"}, "pandas": {"1.0"}})
    assert told["torch"] == "2.14 and 2.15"
    assert told["pandas"] == "1.0", "not the one that is installed here"
    assert {"Python", "matplotlib", "snakemake"} <= told.keys()


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    return subprocess.run(
        ["git", *identity, "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_is_that_of_the_package_alone(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""
    git(tmp_path, "init", "-q")
    for name in ("package", "installed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    git(tmp_path, "add", "package")
    git(tmp_path, "commit", "-qm", "first")
    assert commit(tmp_path / "package") == git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path / "installed") == "", "it lies in somebody else's checkout"
    (tmp_path / "package/__init__.py").write_text("changed = True\n")
    assert commit(tmp_path / "package") == git(tmp_path, "rev-parse", "HEAD") + " with changes"
    git(tmp_path, "tag", "-am", "a release", "v1.0.0")
    assert commit(tmp_path / "package").startswith(git(tmp_path, "rev-parse", "HEAD")), "a tag is no commit"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert shutil.which("git") is None
    assert commit() == ""


def test_the_machine_is_told_as_the_system_names_it(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU: 3 GHz\n\nprocessor\t: 1\n")
    assert processor(tmp_path / "cpuinfo") == "Some CPU: 3 GHz"
    assert processor(tmp_path / "absent")
    card = tmp_path / "gpus/0000:01:00.0"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 17\n")
    assert graphics_cards(tmp_path / "gpus") == ["NVIDIA H200"]
    assert graphics_cards(tmp_path / "absent") == []
    assert all(machine().values())


def reached(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """All pairs with a way from the first to the second."""
    ways = set(edges)
    while more := {(a, d) for a, b in ways for c, d in ways if b == c} - ways:
        ways |= more
    return ways


def test_arrows_show_every_way_and_none_twice() -> None:
    after = {name: list(step.after) for name, step in STEPS.items()}
    shown = arrows(after)
    everything = [(before, name) for name, earlier in after.items() for before in earlier]
    assert reached(shown) == reached(everything)
    for arrow in shown:
        assert reached([other for other in shown if other != arrow]) != reached(shown), f"{arrow} is implied"
    place = {name: level for level, column in enumerate(layers(after)) for name in column}
    assert place.keys() == STEPS.keys()
    assert all(place[before] < place[name] for before, name in everything)
