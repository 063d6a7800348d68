"""Every benchmark runs, at a size that says nothing about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = {
    "audit_agreement": ["--problems", "28"],
    "autoencoder": ["--epochs", "3", "--rows", "40", "--features", "32", "--hidden", "8"],
    "classifiers": ["--rows", "200", "--columns", "16", "24"],
    "extraction": [
        *("--images", "8", "--seconds", "0.2", "--rounds", "1"),
        *("--backbones", "mobilenet_v2", "--device", "cpu", "--product", "512"),
    ],
    "growth": ["--rows", "60", "90", "--columns", "8", "--only", "KNN", "sgd"],
    "half_precision": [
        *("--architectures", "ten_convolutions", "--steps", "3", "--turns", "1", "--seeds", "2", "--epochs", "2"),
        *("--images", "32", "--size", "32", "--width", "0.1", "--batch", "8"),
    ],
    "jobs": [],
    "near_duplicates": ["--images", "6", "--looks", "cnmc2019", "--ways", "2"],
    "predict": ["--images", "8", "--many", "12", "--rounds", "1"],
    "reading": ["--images", "8", "--rounds", "1", "--backbones", "mobilenet_v2"],
    "scg_vs_lbfgs": ["--epochs", "3", "--rows", "40", "--features", "32", "--hidden", "8"],
    "simulator": ["--images", "12"],
    "steps": [],
    "training": ["--images", "48", "--size", "32", "--width", "0.1", "--rounds", "1", "--product", "512"],
}

QUICK = {"jobs", "reading", "scg_vs_lbfgs", "simulator", "steps"}
"""The others take up to half a minute each."""


def test_make_bench_runs_every_benchmark(root: Path) -> None:
    files = {file.stem for file in (root / "benchmarks").glob("*.py")}
    assert files == set(SMALL)
    planned = subprocess.run(["make", "-n", "bench"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert set(planned.partition("for name in ")[2].partition(";")[0].split()) == files


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in QUICK else pytest.mark.long) for name in SMALL]
)
def test_benchmark_runs(name: str, root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "benchmarks" / f"{name}.py"), *SMALL[name]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = list((tmp_path / "results" / "benchmarks").glob("*.json"))
    assert results or name == "simulator"
    assert all(json.loads(file.read_text()) for file in results)
