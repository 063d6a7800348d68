"""A run that takes seconds: features without a network, a reducer, a classifier."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import pytest
from project_copy import ProjectCopy, snapshot

RUN = "config/runs/kills.yaml"
FILES = {
    RUN: """\
name: kills
budget: demo
weights: random
controls: []
studies:
  - { study: kills, dataset: kills, rungs: [as_published, fit_in_fold] }
""",
    "config/datasets/kills.yaml": """\
title: Few simulated crops
adapter: simulated
look: allidb2
positive_class: all
sizes:
  demo: { subjects: 8, images: 24 }
  published: { subjects: 8, images: 24 }
""",
    "config/studies/kills.yaml": """\
key: kills
citation: { authors: N. N., title: Very small, journal: Tests, year: 2026 }
published_dataset: allidb
published_protocol: { unit: source, scope: train }
descriptors:
  area: { descriptor: cell_area, input_size: 16 }
  pixels: { descriptor: pixels, input_size: 8 }
feature_sets: { both: [area, pixels] }
reducers:
  codes: { kind: sparse_autoencoder, hidden_fraction: 0.05, max_epochs: { demo: 20, published: 20 } }
classifiers: { knn: { kind: knn } }
splits: { halves: { kind: k_fold, n_splits: 2 } }
tables:
  "1":
    title: With and without codes
    split: halves
    metrics: [accuracy]
    items:
      - { item: plain, features: both, classifier: knn }
      - { item: coded, features: both, reducer: codes, classifier: knn }
headline: 1/plain
""",
    "config/published/kills.csv": "table,item,metric,value,note\n1,plain,accuracy,0.900,\n",
}
TARGET = "results/kills/kills/metrics.csv"


class Unbroken(NamedTuple):
    """A run that nothing happened to."""

    files: dict[str, str]
    seconds: float


def command(cores: int = 2) -> list[str]:
    """What makes the run, or goes on with it."""
    return ["snakemake", "--cores", str(cores), TARGET, "--configfile", RUN]


def files_of(project: ProjectCopy) -> dict[str, str]:
    """Results that follow from the run, with the digests beside them."""
    return project.results(".h5", ".parquet", ".csv", ".json", ".sha256")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with such a run, nothing made yet."""
    folder = snapshot(tmp_path_factory.mktemp("small") / "project")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def unbroken(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """The run made by one job at a time; whatever is compared with it is made by two."""
    project = ProjectCopy(small, tmp_path_factory.mktemp("unbroken") / "project")
    began = time.monotonic()
    project.run(*command(cores=1))
    return Unbroken(files_of(project), time.monotonic() - began)
