"""Typed configuration: runs, datasets, studies and their parts, read from YAML.

Unknown keys are refused, and a wrong value is told with its file, its key, what was given and what is allowed. The
JSON schemas in ``config/schema`` are made from these classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from leukorepro.config.audits import (
    AVERAGES,
    TEXT,
    Audit,
    AuditAverage,
    AuditTable,
    Claim,
    ImageSet,
    PrintedLayers,
    SplitShares,
    Sum,
)
from leukorepro.config.datasets import (
    AllIdbDataset,
    AnyDataset,
    CnmcDataset,
    Dataset,
    FolderDataset,
    ImssDataset,
    Population,
    RealDataset,
    SimulatedDataset,
    Simulation,
    SimulationSize,
    Subjects,
    SubjectsFromCsv,
    SubjectsFromRegex,
)
from leukorepro.config.fields import Key, Metric, Strict, View, Views, WeightsSpec
from leukorepro.config.runs import Run, StudyRun
from leukorepro.config.schemes import HoldOutScheme, KFoldScheme, LabelSet, Protocol, PublishedProtocol, Scheme
from leukorepro.config.studies import IMAGES, Citation, Figure, Grid, Item, Study, Table
from leukorepro.config.systems import (
    ClassifierBase,
    ClassifierSpec,
    ConvAutoencoderSpec,
    DecisionTreeSpec,
    DescriptorSpec,
    Extractor,
    KnnSpec,
    LogisticRegressionSpec,
    MlpSpec,
    NetworkSpec,
    RandomForestSpec,
    RateDrop,
    ReducerSpec,
    SgdSpec,
    SoftmaxSpec,
    SparseAutoencoderSpec,
    SvmSpec,
    TrainedFeaturesSpec,
)
from leukorepro.config.validity import Validity, ValiditySetting
from leukorepro.core.validation import parse, read_yaml

__all__ = [
    "AVERAGES",
    "CONFIG",
    "IMAGES",
    "SCHEMAS",
    "TEXT",
    "AllIdbDataset",
    "AnyDataset",
    "Audit",
    "AuditAverage",
    "AuditTable",
    "Citation",
    "Claim",
    "ClassifierBase",
    "ClassifierSpec",
    "CnmcDataset",
    "ConvAutoencoderSpec",
    "Dataset",
    "DecisionTreeSpec",
    "DescriptorSpec",
    "Extractor",
    "Figure",
    "FolderDataset",
    "Grid",
    "HoldOutScheme",
    "ImageSet",
    "ImssDataset",
    "Item",
    "KFoldScheme",
    "Key",
    "KnnSpec",
    "LabelSet",
    "LogisticRegressionSpec",
    "Metric",
    "MlpSpec",
    "NetworkSpec",
    "Population",
    "PrintedLayers",
    "Protocol",
    "PublishedProtocol",
    "RandomForestSpec",
    "RateDrop",
    "RealDataset",
    "ReducerSpec",
    "Run",
    "Scheme",
    "SgdSpec",
    "SimulatedDataset",
    "Simulation",
    "SimulationSize",
    "SoftmaxSpec",
    "SparseAutoencoderSpec",
    "SplitShares",
    "Strict",
    "Study",
    "StudyRun",
    "Subjects",
    "SubjectsFromCsv",
    "SubjectsFromRegex",
    "Sum",
    "SvmSpec",
    "Table",
    "TrainedFeaturesSpec",
    "Validity",
    "ValiditySetting",
    "View",
    "Views",
    "WeightsSpec",
    "dataset_path",
    "json_schema",
    "load_dataset",
    "load_run",
    "load_study",
    "load_validity",
    "published_path",
    "study_path",
]

CONFIG = Path("config")
"""Folder of the configuration, relative to the project's root, where every command is run."""

SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "run": TypeAdapter(Run),
    "dataset": TypeAdapter(Dataset),
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


def load_dataset(path: Path) -> AnyDataset:
    """Read and validate a dataset's configuration."""
    dataset: AnyDataset = parse(SCHEMAS["dataset"], read_yaml(path), path)
    return dataset


def load_study(path: Path) -> Study:
    """Read and validate a study's configuration."""
    return parse(Study, read_yaml(path), path)


def load_run(path: Path) -> Run:
    """Read and validate a run's configuration."""
    return parse(Run, read_yaml(path), path)


def load_validity(path: Path) -> Validity:
    """Read and validate the configuration of the validity study."""
    return parse(Validity, read_yaml(path), path)
