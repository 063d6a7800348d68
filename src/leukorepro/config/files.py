"""The configuration's files: where they lie, how they are read, and their JSON schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from leukorepro.config.datasets import DATASET
from leukorepro.config.runs import Run
from leukorepro.config.studies import Study
from leukorepro.config.validity import Validity
from leukorepro.core.validation import parse, read_yaml

CONFIG = Path("config")
"""Folder of the configuration, relative to the project's root, where every command is run."""

SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "run": TypeAdapter(Run),
    "dataset": DATASET,
    "study": TypeAdapter(Study),
    "validity": TypeAdapter(Validity),
}


def json_schema(name: str) -> dict[str, Any]:
    """JSON schema of a configuration file: ``run``, ``dataset``, ``study`` or ``validity``."""
    schema = SCHEMAS[name].json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"leukorepro {name}"}


def dataset_path(key: str) -> Path:
    """File that configures a dataset."""
    return CONFIG / "datasets" / f"{key}.yaml"


def study_path(key: str) -> Path:
    """File that configures a study."""
    return CONFIG / "studies" / f"{key}.yaml"


def published_path(key: str) -> Path:
    """Table of the numbers that a study's paper prints."""
    return CONFIG / "published" / f"{key}.csv"


def load_study(path: Path) -> Study:
    """Read and validate a study's configuration."""
    return parse(Study, read_yaml(path), path)


def load_run(path: Path) -> Run:
    """Read and validate a run's configuration."""
    return parse(Run, read_yaml(path), path)
