"""The documentation's reference has everything that the code has: tables, keys, commands, metrics and rungs."""

from __future__ import annotations

import importlib.util
import json
import re
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from test_docstrings import COMMANDS, PACKAGE

from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/_extensions/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table_constants() -> set[str]:
    """Constants of the package that are tables of columns, as its sources have them."""
    made = re.compile(r"^(\w+) = (?:Parquet)?Table\(", re.MULTILINE)
    return {name for file in PACKAGE.rglob("*.py") for name in made.findall(file.read_text("utf-8"))}


def test_every_table_is_there_with_its_columns(reference: ModuleType) -> None:
    text = reference.tables()
    names = table_constants()
    assert {"METRICS_TABLE", "PREDICTIONS_TABLE", "MANIFEST_TABLE", "PATIENTS_TABLE"} <= names
    titles = {line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")}
    assert titles == {name.removesuffix("_TABLE").replace("_", " ").capitalize() for name in names}
    metrics = text.partition("### Metrics\n")[2].partition("\n### ")[0]
    header = "study,table,item,protocol,metric,value,ci_low,ci_high,n_images,n_subjects,published,verdict"
    assert all(f"| `{column}` |" in metrics for column in header.split(","))


def test_every_key_of_every_schema_is_there(reference: ModuleType) -> None:
    text = reference.configuration()
    for file in (ROOT / "config/schema").glob("*.json"):
        schema = json.loads(file.read_text())
        keys = [key for part in (schema, *schema.get("$defs", {}).values()) for key in part.get("properties", {})]
        assert keys
        assert [key for key in keys if f"| `{key}` |" not in text] == []


def test_every_command_is_there_with_its_options(reference: ModuleType) -> None:
    text = reference.commands()
    sections = dict(part.split("`\n", 1) for part in text.split("## `")[1:])
    assert len(sections) == len(COMMANDS)
    assert "--max-unreadable" in sections["leukorepro init"]
    assert "--strict" in sections["leukorepro audit leakage"]


def test_every_metric_and_rung_is_there(reference: ModuleType) -> None:
    metrics, rungs = reference.metrics(), reference.rungs()
    assert [name for name in METRICS if f"| `{name}` |" not in metrics] == []
    assert [name for name in LADDER if f"| `{name}` |" not in rungs] == []


def test_what_was_run_at_the_published_size_stands_beside_its_estimate(reference: ModuleType) -> None:
    jobs = pd.read_csv(ROOT / "benchmarks/results/published_size.csv")
    text = reference.published_size()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [*jobs["run"].unique()]
    lines = [[cell.strip("` ") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:3] == "| `"]
    assert [line[0] for line in lines] == [*jobs[["run", "rule"]].drop_duplicates()["rule"]]
    on_threads = jobs["cpu_seconds"] / jobs["threads"]
    jobs["measured"] = jobs["seconds"].where(jobs["clock"] == "wall", on_threads)
    sums = jobs.groupby(["run", "rule"], sort=False)[["measured", "estimated_seconds"]].sum()
    told = [[float(cell.replace(",", "")) for cell in line[2:4]] for line in lines]
    np.testing.assert_allclose(told, sums.to_numpy(), rtol=0, atol=0.51)  # whole seconds


def test_the_glossary_has_the_words_of_the_report() -> None:
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    terms = {word.lower() for word, said in pairwise(lines) if said.startswith(":   ")}
    assert {"rung", "unit", "scope", "view", "source", "group", "item", "reading", "verdict", "budget"} <= terms
