"""A run that is killed twice ends in the bytes of an unbroken one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
import yaml
from conftest import TinyProject, shrink
from project_copy import ProjectCopy

RUN = "config/runs/simulated.yaml"
FEATURES = "mobilenet_v2-gap-random_0-224.h5"
ROW_BYTES = 1280 * 4
IMAGES, VIEWS = 48, 3
BLOCK_IMAGES = 3
"""Images that are computed together; a block that was cut off is computed again."""
BLOCK_BYTES = BLOCK_IMAGES * VIEWS * ROW_BYTES


def kill_when(project: ProjectCopy, condition: Callable[[], bool], command: Sequence[str]) -> None:
    """Start a command and kill all its processes, with no chance to clean up, as soon as the condition holds."""
    with project.started(*command) as process:
        deadline = time.monotonic() + 300
        while not condition():
            assert process.poll() is None, f"ended before it could be killed:\n{project.output.read_text()[-6000:]}"
            assert time.monotonic() < deadline, "waited in vain for the moment to kill it"
            time.sleep(0.002)
    left = []
    for other in psutil.process_iter(["cwd", "status"]):
        if other.info["cwd"] == str(project.folder) and other.info["status"] != psutil.STATUS_ZOMBIE:
            left.append(other)
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive, "jobs outlived the kill of their group"


def size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@pytest.mark.long
def test_a_killed_run_is_continued_and_ends_in_the_same_bytes(
    finished: TinyProject, new_copy: Callable[[], TinyProject]
) -> None:
    project = new_copy()
    results, logs = project.folder / "results", project.folder / "logs"

    # In the middle of the images: some batches are finished, others are not.
    features = results / "features/tiny-demo" / FEATURES
    rows = features.with_name(f".{FEATURES}.partial") / "rows"
    kill_when(project, lambda: size(rows) >= BLOCK_BYTES, project.command())
    assert not features.exists()
    done = size(rows) // BLOCK_BYTES * BLOCK_IMAGES
    assert 0 < done < IMAGES

    # In the middle of the autoencoder: a fold is fitted, the next one is begun.
    reducer = results / "tiny/tiny/fit_in_fold/reducers/three_folds/both-encoder.h5"
    log = logs / "fit/tiny/tiny/fit_in_fold.txt"
    kill_when(
        project, lambda: log.is_file() and len(re.findall(r"autoencoder: +0%", log.read_text())) > 1, project.command()
    )
    assert not reducer.exists()
    assert features.is_file()
    told = (logs / "extract_features/tiny-demo" / features.with_suffix(".txt").name).read_text()
    assert f"continuing after {done} of {IMAGES} images" in told

    project.snakemake()
    kinds = (".h5", ".parquet", ".csv", ".json")
    ours, unbroken = project.results(*kinds), finished.results(*kinds)
    assert {Path(name).suffix for name in unbroken} == set(kinds)
    assert list(ours) == list(unbroken)
    assert [name for name in ours if ours[name] != unbroken[name]] == []
    assert [f for f in results.rglob(".*") if f.name.endswith((".tmp", ".partial"))] == []
    assert "Nothing to be done" in project.snakemake()


@pytest.mark.slow
def test_a_damaged_file_is_named_and_made_anew_by_the_same_command(finished: TinyProject, tmp_path: Path) -> None:
    """One changed digit in a split table, by which another image would be tested."""
    project = TinyProject(finished.folder, tmp_path / "project")
    damaged = "results/tiny/tiny/fit_in_fold/splits/three_folds.csv"
    before = (project.folder / damaged).read_bytes()
    content = before.replace(b"identity,test,0,0", b"identity,test,0,1", 1)
    assert content != before
    (project.folder / damaged).write_bytes(content)
    assert project.fails("leukorepro", "verify").count("was changed since it was written") == 1
    told = project.fails(*project.command())
    assert f"leukorepro: {damaged}: was changed since it was written" in told
    assert (project.folder / f"{damaged}.damaged").read_bytes() == content
    project.snakemake()
    assert project.results(".parquet", ".csv", ".json") == finished.results(".parquet", ".csv", ".json")
    assert "Not as they were written: 0." in project.run("leukorepro", "verify", "--run", "tiny")
    assert "Nothing to be done" in project.snakemake()


@pytest.mark.long
def test_a_killed_training_is_continued_and_ends_in_the_same_weights(fresh: Path, tmp_path: Path) -> None:
    project = ProjectCopy(fresh, tmp_path / "project")
    shrink(project.folder)
    study = project.folder / "config/studies/rezayi2021.yaml"
    value = yaml.safe_load(study.read_text())
    value["classifiers"]["ResNet-50"]["epochs"]["demo"] = 40
    study.write_text(yaml.safe_dump(value, sort_keys=False))
    images = "results/features/cnmc2019_simulated-demo/images-36.h5"
    splits = "results/simulated/rezayi2021/source_disjoint/splits/eighty_twenty_once.csv"
    project.run("snakemake", "--cores", "2", images, splits, "--configfile", RUN)
    (spec,) = (project.folder / "results/simulated/specs/fits").glob("rezayi2021-source_disjoint-*.json")
    told = json.loads(spec.read_text())
    (network,) = [fit for fit in told["fits"] if fit.get("folder", "").endswith("-ResNet-50")]
    for name in ("whole", "broken"):
        (project.folder / f"{name}.json").write_text(json.dumps({"fits": [network | {"folder": name}]}))
    command = ["leukorepro", "models", "fit", "--device", "cpu", "--spec"]
    project.run(*command, "whole.json")

    written: list[int] = []
    for epochs in (2, 4):

        def enough(epochs: int = epochs) -> bool:
            for file in project.folder.glob(".broken.*/.broken.work/r0f0/*.safetensors"):
                written.extend({file.stat().st_mtime_ns} - set(written))
            return len(written) >= epochs

        kill_when(project, enough, [*command, "broken.json"])
        assert not (project.folder / "broken").exists()
    assert "continuing after" in project.run(*command, "broken.json")
    for name in ("weights.safetensors", "predictions.parquet"):
        assert (project.folder / "broken" / name).read_bytes() == (project.folder / "whole" / name).read_bytes()
    assert not list(project.folder.glob(".broken*"))
