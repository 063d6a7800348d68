"""A small project in a folder of its own, for tests that write or edit configuration."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from safetensors.numpy import save_file

from leukorepro.config.study.study import Study, load_study
from leukorepro.run.kept_items import only_items

ROOT = Path(__file__).resolve().parents[2]
ATTEIA = ROOT / "config/studies/atteia2022.yaml"


def printed_items(file: Path) -> Study:
    """A study as its paper prints it: without second readings, and without the parts that only they use."""
    study = load_study(file)
    kept = [f"{n}/{item.item}" for n, table in study.tables.items() for item in table.items if item.reading_of is None]
    smaller = only_items(study, kept)
    facts = [told for fact in study.unstated if (told := fact.narrowed(smaller.parts))]
    return smaller.model_copy(update={"claims": study.claims, "unstated": facts})


def make_project(folder: Path) -> Path:
    """The run of all studies on simulated images with its first study, and no more of it, as a folder's own run."""
    study = printed_items(ATTEIA).model_dump(mode="json", exclude_none=True)
    write_yaml(folder / "config/studies" / ATTEIA.name, study)
    (folder / "config/datasets").mkdir()
    shutil.copy(ROOT / "config/datasets/allidb_simulated.yaml", folder / "config/datasets")
    run = yaml.safe_load((ROOT / "config/runs/simulated.yaml").read_text())
    write_yaml(folder / "config/config.yaml", run | {"name": "demo", "studies": run["studies"][:1]})
    return folder


def write_yaml(file: Path, content: Any) -> Path:
    """Write a YAML file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def write_run(project: Path, **study: Any) -> Path:
    """A run of the first study on the simulated dataset with random weights; `study` adds to it or replaces parts."""
    chosen = {"study": "atteia2022", "dataset": "allidb_simulated"} | study
    write_yaml(
        project / "config/runs/mine.yaml", {"name": "mine", "budget": "demo", "weights": "random", "studies": [chosen]}
    )
    return Path("config/runs/mine.yaml")


def touch(folder: Path, *names: str) -> Path:
    """Empty files, as good as images to all that does not open them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def numbered(*patterns: str, count: int = 5) -> list[str]:
    """Names with the numbers from 1 in the place of ``{}``: enough of each for five folds."""
    return [pattern.format(number) for pattern in patterns for number in range(1, count + 1)]


def draw(folder: Path, *names: str) -> Path:
    """Small images, no two alike."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def write_weights(path: Path, value: float = 0) -> Path:
    """A file of weights, of one layer that no network has."""
    save_file({"layer.weight": np.full(3, value, np.float32)}, path)
    return path
