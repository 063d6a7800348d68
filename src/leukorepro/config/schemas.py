"""What each kind of configuration file must be like, and its JSON schema."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from leukorepro.config.datasets import DATASET
from leukorepro.config.runs import Run
from leukorepro.config.study.study import Study
from leukorepro.config.validity import Validity

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
