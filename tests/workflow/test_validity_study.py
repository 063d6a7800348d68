"""`snakemake validity` at a small size: what it writes, and that leaks show."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from project_copy import ProjectCopy

from leukorepro.checks.validity.repetition import METRICS, RUNGS
from leukorepro.core.tables.results import REPETITIONS_TABLE, VALIDITY_TABLE

pytestmark = pytest.mark.long

REPETITIONS = 6


@pytest.fixture(scope="module")
def made(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """Six repetitions of two settings."""
    copy = ProjectCopy(fresh, tmp_path_factory.mktemp("validity") / "project")
    file = copy.folder / "config/validity.yaml"
    value = yaml.safe_load(file.read_text())
    settings = {name: value["settings"][name] for name in ("small", "no_difference")}
    small = {
        "images": 4,
        "pool": {"demo": 80, "published": 80},
        "repetitions": {"demo": REPETITIONS, "published": REPETITIONS},
        "resamples": 200,
        "settings": settings,
    }
    file.write_text(yaml.safe_dump({**value, **small}, sort_keys=False))
    said = copy.run("snakemake", "--cores", "2", "validity")
    assert "Bias and coverage of every rung: results/validity/summary.csv results/validity/validity.svg." in said
    return copy


def test_it_writes_every_repetition_and_their_summary(made: ProjectCopy) -> None:
    results = made.folder / "results/validity"
    for setting in ("small", "no_difference"):
        table = pd.read_csv(results / f"{setting}.csv")
        assert list(table.columns) == list(REPETITIONS_TABLE.columns)
        assert len(table) == REPETITIONS * len(RUNGS) * len(METRICS)
        assert (table["ci_low"] <= table["estimate"]).all()
        assert (table["estimate"] <= table["ci_high"]).all()
    summary = pd.read_csv(results / "summary.csv")
    assert list(summary.columns) == list(VALIDITY_TABLE.columns)
    assert list(summary["setting"].unique()) == ["small", "no_difference"]
    assert (summary["n_repetitions"] == REPETITIONS).all()
    assert "<svg" in (results / "validity.svg").read_text()
    assert "Subject-disjoint" in (made.folder / "logs/summarise_studies.txt").read_text()


def test_the_published_protocol_is_more_optimistic_than_the_honest_one(made: ProjectCopy) -> None:
    summary = pd.read_csv(made.folder / "results/validity/summary.csv").set_index(["setting", "rung", "metric"])
    for setting in ("small", "no_difference"):
        bias = summary["bias"][setting]
        assert bias["as_published", "accuracy"] > 0.1
        assert bias["as_published", "accuracy"] > bias["subject_disjoint", "accuracy"] + 0.1
    # Six repetitions of 16 subjects: three standard errors of a share of subjects are 15 points.
    truth = summary["truth"]["no_difference", "subject_disjoint", "accuracy"]
    assert abs(truth - 0.5) < 0.15


def test_a_second_run_finds_nothing_to_do(made: ProjectCopy) -> None:
    said = made.run("snakemake", "--cores", "2", "validity")
    assert "Nothing to be done" in said
    assert "The whole run" not in said, "it would be told what a run costs"
