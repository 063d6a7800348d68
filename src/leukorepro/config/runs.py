"""Runs: which studies, on which datasets, with which weights and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from leukorepro.config.fields import Key, Strict, WeightsSpec, refuse_twice
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import (
    CELL_CONTROLS,
    LARGEST_SEED,
    MOST_SEEDS,
    Budget,
    Control,
    Engine,
    Normalisation,
    Precision,
)
from leukorepro.ladder.rungs import Rung


def _of_command_line(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _each_once(values: list[Control]) -> list[Control]:
    refuse_twice(list(values))
    return values


SHARED = frozenset({"audit", "benchmarks", "datasets", "features", "validity", "weights"})
"""Folders of `results` that belong to no run."""


def _a_folder_of_its_own(name: str) -> str:
    if name in SHARED:
        raise ValueError(f"results/{name} is shared by all runs; choose another name")
    return name


RunName = Annotated[Key, AfterValidator(_a_folder_of_its_own)]

Controls = Annotated[list[Control], BeforeValidator(_of_command_line), AfterValidator(_each_once)]


class External(Strict):
    """Another dataset, all of which is tested by what was trained on all of the study's own."""

    dataset: Key
    classes: dict[str, str | None] = {}
    """Class of the study's dataset for each class of this one that is called otherwise there; `null`: for none of them.
    A class that is not named is the one of the same name. Images of classes without a partner are left out of both."""
    positive_class: str | None = None
    """Where two classes are left of several, the one that counts as diseased."""


def _named(value: Any) -> Any:
    return {"dataset": value} if isinstance(value, str) else value


class StudyRun(Strict):
    """One study on one dataset."""

    study: Key
    dataset: Key
    extractors: list[str] = []
    """Backbones that replace the study's own; each becomes a feature set, and all of them fused one more."""
    networks: dict[Key, str] = {}
    """Backbones that stand in for some of the study's own, by the extractors' names; every name of the paper stays, and
    each number says whose features it is of."""
    items: list[str] = []
    """Items to keep, as `table/item`, or whole tables, by their keys; default: all."""
    weights: dict[str, WeightsSpec] = {}
    """Weights of single backbones: `imagenet`, `random` or `file:PATH`."""
    rungs: list[Rung] = []
    """Rungs of the ladder; default: every one that the dataset allows."""
    external: Annotated[External | None, BeforeValidator(_named, json_schema_input_type=Key | External | None)] = None
    """Another dataset, by its key or with its classes, which is tested on the rung `external`."""
    normalise: Annotated[list[Normalisation], BeforeValidator(_of_command_line)] = []
    """Ways to normalise the colours of images, `grey`, `reinhard` or `macenko`: the headline is made again with each,
    on every rung, in a table of its own."""
    controls: Controls | None = None
    """Controls of this study; default: the run's."""

    @field_validator("extractors", "items", "normalise")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        refuse_twice(value)
        return value


class Run(Strict):
    """One configuration file: which studies, on which datasets, with which weights and budget."""

    name: RunName
    """Results are written to `results/<name>`."""
    budget: Budget
    """`demo`: fewer epochs and simulated images, labelled wherever shown; `published`: the paper's,
    and ours where it is silent."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] = 1
    """How often everything that is drawn is drawn: splits, initial weights, the order of rows, what classifiers draw.
    With more than one, numbers are means over the seeds, from `seed` on, and every fit is made as many times."""
    weights: WeightsSpec = "imagenet"
    """Weights of every backbone that `studies` does not give others."""
    engine: Engine = "auto"
    """What computes networks: `torch`, or `openvino` on a CPU; `auto` takes OpenVINO on a CPU and torch on a GPU."""
    precision: Precision = "float32"
    """`mixed`: half precision, where it serves, on a GPU or on a CPU that supports bfloat16. A network that has a layer
    which a CPU gets wrong with it is trained in float32, which is said and recorded."""
    fast_trees: bool = False
    """Trees and forests by scikit-learn's extension for x86 processors: several times faster, but other trees than
    scikit-learn grows on every machine, and so other predictions. Their metadata say what grew them."""
    controls: Controls = list(CELL_CONTROLS)
    """Controls, `shuffled_labels`, `subject_identity`, `cell_size` and `mean_colour`, of every study that `studies`
    does not give others; default: the last two. On a command line they have commas between them."""
    group_near_duplicates: bool = False
    """Keep images that show the same cell, as `leukorepro data duplicates` finds them, in one group: on one side of the
    splits of honest rungs, and together where intervals are resampled. Runs that `leukorepro init` writes do."""
    explain: bool = False
    """Explain the headline of every study on the same test images under the paper's protocol and under the honest one:
    where on an image each decision comes from, and how much of it lies beside the cells. The report then shows images
    of the dataset."""
    studies: Annotated[list[StudyRun], Field(min_length=1)]

    @field_validator("studies")
    @classmethod
    def _once(cls, value: list[StudyRun]) -> list[StudyRun]:
        keys = [choice.study for choice in value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"'{twice[0]}' is named twice; put the second into a run of its own")
        return value


def load_run(path: Path) -> Run:
    """Read and validate a run's configuration."""
    return parse(Run, read_yaml(path), path)
