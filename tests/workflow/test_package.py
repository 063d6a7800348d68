"""The wheel: installed beside nothing of this checkout, it starts a project in an empty folder and runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from project_copy import PROJECT

RUN = ["--configfile", "config/runs/own.yaml"]
"""Goes last on the command line: Snakemake takes all that follows it for more such files."""

STUDY = {
    "key": "small",
    "citation": {"authors": "N. N.", "title": "A classifier without a network", "journal": "Tests", "year": 2026},
    "published_dataset": "allidb",
    "published_protocol": {"unit": "view", "scope": "train"},
    "descriptors": {"area": {"descriptor": "cell_area", "input_size": 32}},
    "feature_sets": {"area": ["area"]},
    "classifiers": {"KNN": {"kind": "knn"}},
    "splits": {"halves": {"kind": "k_fold", "n_splits": 2}},
    "tables": {
        "1": {
            "title": "One item",
            "split": "halves",
            "metrics": ["accuracy"],
            "items": [{"item": "KNN", "features": "area", "classifier": "KNN"}],
        }
    },
    "headline": "1/KNN",
}


class Installed:
    """An environment that has the wheel, and the libraries of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(self, cwd: Path, *command: str) -> str:
        """Run a command of the environment, which must end well, and return what it printed."""
        done = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def snakemake(self, cwd: Path, *words: str) -> str:
        return self.run(cwd, "python", "-m", "snakemake", "--cores", "2", *words)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python"), "install", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--quiet", str(wheel)], check=True, capture_output=True)
    (packages,) = environment.glob("lib/*/site-packages")
    # Without what this environment's own such files add: the checkout.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(environment)


@pytest.fixture(scope="module")
def project(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in an empty folder, with images of one's own and a study that needs no network."""
    folder = tmp_path_factory.mktemp("project")
    generator = np.random.default_rng(0)
    for number in range(24):
        for label, red in (("aml", 200), ("normal", 40)):
            pixels = generator.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            pixels[10:30, 10:30, 0] = red
            file = folder / "images" / label / f"p{number % 4}_{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    installed.run(folder, "leukorepro", "init")
    (folder / "config/studies/small.yaml").write_text(yaml.safe_dump(STUDY))
    (folder / "config/published/small.csv").write_text("table,item,metric,value,note\n1,KNN,accuracy,0.90,\n")
    words = ["--name", "own", "--images", "images", "--study", "small", "--subject-regex", r"(p\d)_"]
    installed.run(folder, "leukorepro", "init", *words)
    return folder


@pytest.mark.slow
def test_a_project_starts_from_the_wheel_alone(installed: Installed, project: Path) -> None:
    where = "import leukorepro, pathlib; print(pathlib.Path(leukorepro.__file__).parent)"
    package = Path(installed.run(project, "python", "-c", where).strip())
    assert installed.folder in package.parents
    commit = (package / "project/COMMIT").read_text()
    told = installed.run(project, "python", "-m", "leukorepro", "--version")
    assert told.split(", ")[1] == (f"commit {commit}\n" if commit else "no commit known\n")
    installed.snakemake(project, "results/datasets/own/manifest.csv", *RUN)
    planned = installed.snakemake(project, "--dry-run", *RUN)
    assert "scan_images" not in planned, "it is made, by the same rules"
    assert {"describe_images", "build_report"} <= set(planned.replace(",", " ").split())
    assert not [file for file in project.rglob("*.yaml") if str(package) in file.read_text()]


@pytest.mark.long
def test_a_run_is_made_by_the_wheel(installed: Installed, project: Path) -> None:
    installed.snakemake(project, *RUN)
    report = project / "results/own/report"
    assert (report / "workflow/Snakefile").read_bytes() == (PROJECT / "Snakefile").read_bytes()
    assert (report / "workflow/workflow/rules/report.smk").is_file()
    assert "Nothing to be done" in installed.snakemake(project, "--dry-run", *RUN)
    installed.run(project, "leukorepro", "report", "share", "--run", "own", "--output", "shared")
    assert (project / "shared/index.html").is_file()
    with (project / "config/runs/own.yaml").open("a") as file:
        file.write("controls: []\n")
    planned = installed.snakemake(project, "--dry-run", *RUN)
    assert "build_report" in planned, "an edit of the project's own configuration counts"
    assert "scan_images" not in planned
