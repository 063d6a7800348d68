"""What a configuration says reaches no shell: names that it would obey are names, in a printed plan and in a job."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from project_copy import ProjectCopy, snapshot
from torchvision.models import mobilenet_v2

pytestmark = pytest.mark.faults

HARMFUL = "a;touch x;$(touch x)`touch x`|touch x&touch x>x 'b' \"c\" \\ *"
"""A name that leaves a file `x` behind wherever a shell reads it as it is."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a dataset, weights and a run whose files are called so, and whose texts say it."""
    copy = ProjectCopy(snapshot(tmp_path_factory.mktemp("fresh")), tmp_path_factory.mktemp("shell") / "project")
    noise = np.random.default_rng(17)
    for label in ("all", "healthy"):
        folder = copy.folder / f"data/{HARMFUL}" / label
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = noise.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{label} $(touch x) {number}.png")
    dataset = {
        "title": HARMFUL,
        "adapter": "image_folder",
        "images": f"data/{HARMFUL}",
        "positive_class": "all",
        "subjects": {"regex": r"(\d+)\.png"},
    }
    run = {
        "name": "shell",
        "budget": "demo",
        "studies": [
            {
                "study": "atteia2022",
                "dataset": "shell",
                "extractors": ["mobilenet_v2"],
                "weights": {"mobilenet_v2": f"file:data/{HARMFUL}.pth"},
                "rungs": ["as_published"],
            }
        ],
    }
    write(copy.folder / "config/datasets/shell.yaml", dataset)
    write(copy.folder / f"config/runs/{HARMFUL}.yaml", run)
    with (copy.folder / f"data/{HARMFUL}.pth").open("wb") as file:
        torch.save(mobilenet_v2().state_dict(), file)
    return copy


def write(file: Path, value: object) -> None:
    file.write_text(yaml.safe_dump(value, sort_keys=False))


def snakemake(project: ProjectCopy, *words: str) -> str:
    return project.run("snakemake", "--cores", "1", *words, "--configfile", f"config/runs/{HARMFUL}.yaml")


def made_by_a_shell(project: ProjectCopy) -> list[Path]:
    """Files that a name has made."""
    return [*project.folder.rglob("x"), *project.folder.parent.glob("x")]


def test_names_are_single_words_of_every_planned_command(project: ProjectCopy) -> None:
    printed = snakemake(project, "--dry-run", "--printshellcmds")
    commands = [block.partition("\n\n")[0] for block in printed.split("leukorepro ")[1:]]
    words = [shlex.split(command.replace("\\\n", " ")) for command in commands if "--" in command]
    named = {word for command in words for word in command if HARMFUL in word}
    assert {f"data/{HARMFUL}", f"file:data/{HARMFUL}.pth"} <= named, printed[-3000:]
    assert made_by_a_shell(project) == []


def test_a_job_uses_them_as_they_are(project: ProjectCopy) -> None:
    snakemake(project, "results/datasets/shell/manifest.csv")
    manifest = (project.folder / "results/datasets/shell/manifest.csv").read_text()
    assert manifest.count("$(touch x)") >= 24
    assert made_by_a_shell(project) == []
