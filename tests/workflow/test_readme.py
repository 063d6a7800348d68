"""Every command in the README and in the tutorials runs, on images and sizes that make it quick."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import shrink
from project_copy import PROJECT, ProjectCopy

PAGES = [
    "README.md",
    *("docs/start/demonstration.md", "docs/start/report.md", "docs/tutorials/own_images.md"),
    *("docs/tutorials/new_images.md", "docs/tutorials/published_datasets.md", "docs/tutorials/own_study.md"),
    *("docs/tutorials/reviewer.md", "docs/tutorials/workstation.md", "docs/how/validity.md"),
]
"""In this order: a page may use what one before it has made."""

FENCED = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(make [a-z-]+)`")

QUICK = ["--config", "budget=demo", "weights=random"]
"""What the published run is told here: no network, no week of computing."""

TESTED_ELSEWHERE = {
    "make restore": "tests/workflow/test_dvc.py",
    "make test": "these tests are what it runs",
    "make test-slow": "this test is what it runs",
    "make test-cluster": "tests/cluster",
    "make test-browser": "tests/browser",
    "make lint": "the first step of continuous integration",
    "make docs": "as make lint",
    "make lock": "asks the package index",
    "make bench": "takes minutes; each benchmark is run by hand",
    "leukorepro report share --run demo --output to_send": "tests/unit/test_share.py",
    "leukorepro serve --model models/atteia": "tests/browser/test_served_page.py",
    "leukorepro model evaluate --model models/atteia --images new_smears --class blast=all --output evaluation": (
        "tests/browser/test_evaluation_page.py"
    ),
    "dvc repro --no-run-cache": "tests/workflow/test_dvc.py",
    "snakemake --cores 8 validity": "tests/workflow/test_validity_study.py",
}

SIMULATE = "leukorepro data simulate --look bone_marrow --subjects 25 --images 60 --output my_smears"
EXPORT = (
    "leukorepro model export --run demo --study atteia2022 --item 1/ESet --rung subject_disjoint --out models/atteia"
)
CHECK = "leukorepro study check atteia2022"


def commands() -> list[str]:
    """Commands in the pages' blocks, and make targets that their text names, each once."""
    text = "\n".join((PROJECT / page).read_text() for page in PAGES)
    blocks = [line for block in FENCED.findall(text) for line in block.splitlines() if line]
    return list(dict.fromkeys(blocks + NAMED.findall(text)))


def test_the_pages_name_their_commands() -> None:
    assert {"make demo", "make test", "leukorepro doctor"} <= set(commands())
    assert set(TESTED_ELSEWHERE) <= set(commands()), "a command that is tested elsewhere is on no page any more"


@pytest.mark.parametrize("target", [c.removeprefix("make ") for c in commands() if c.startswith("make ")])
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:.* ##", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def edit(project: ProjectCopy, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change keys of a run's file."""
    file = project.folder / f"config/runs/{name}.yaml"
    run = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(run | change(run), sort_keys=False))


@pytest.mark.slow
def test_every_command_runs_in_order(fresh: Path, tmp_path: Path) -> None:
    project = ProjectCopy(fresh, tmp_path / "project")
    simulate = ["leukorepro", "data", "simulate", "--subjects", "20", "--images", "60"]
    project.run(*simulate, "--look", "bone_marrow", "--output", "my_smears")
    (project.folder / "my_smears" / "simulation.csv").unlink()
    (project.folder / "my_smears" / "simulation.json").unlink()
    project.run(*simulate, "--look", "allidb", "--output", "data/allidb")  # of the published datasets only this one
    project.run(*CHECK.split())
    shrink(project.folder)
    # Features without a network; the demonstration has the other studies.
    edit(project, "simulated", lambda run: {"studies": [s for s in run["studies"] if s["study"] == "hasanaath2024"]})

    special: dict[str, Callable[[list[str]], list[str]]] = {
        # The environment stands: it is the one that runs this test.
        "make demo": lambda c: [*c, "--assume-old=env", "CORES=2"],
        "make help": lambda c: c,
        SIMULATE: lambda _: ["true"],  # as above, with patients
        CHECK: lambda _: ["true"],  # as above, of the study with all of its items
        # The runs before it have made all kinds of jobs.
        "snakemake --cores 8 --configfile config/runs/published.yaml": lambda c: [*c, *QUICK, "--dry-run"],
        # Of the demonstration only this item and this rung are left.
        EXPORT: lambda c: [{"1/ESet": "1/ISet", "subject_disjoint": "as_published"}.get(word, word) for word in c],
        # Submitting jobs is tested in tests/cluster.
        "snakemake --workflow-profile profiles/slurm --configfile config/runs/smears.yaml": lambda c: [*c, "--dry-run"],
    }
    for command in commands():
        if command not in TESTED_ELSEWHERE:
            project.run(*special.get(command, lambda c: c)(command.split()))
        if command.startswith("leukorepro init --name smears"):
            edit(project, "smears", lambda run: {"studies": [run["studies"][0] | {"rungs": ["as_published"]}]})

    with (project.folder / "results/smears/atteia2022/metrics.csv").open() as table:
        shown = {(row["item"], row["protocol"]) for row in csv.DictReader(table) if row["metric"] == "accuracy"}
    assert {rung for _, rung in shown} == {"as_published"}
    assert len(shown) > 1, "features as they are, and reduced"
    for run in ("demo", "simulated", "smears"):
        assert (project.folder / "results" / run / "report" / "index.html").is_file()
