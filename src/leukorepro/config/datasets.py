"""Datasets: where their images lie, who the patients are, and what is simulated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from leukorepro.config.fields import PerBudget, Strict
from leukorepro.core.words import Budget, Look


class SubjectsFromCsv(Strict):
    """Subjects from a table with the columns `image` (path below the images' folder, or file name) and `subject`."""

    csv: Path


class SubjectsFromRegex(Strict):
    """Subjects from the image's path below the images' folder."""

    regex: str
    """A regular expression searched in the path; its group `subject`, or its first group, is the subject."""

    @field_validator("regex")
    @classmethod
    def _has_group(cls, value: str) -> str:
        try:
            expression = re.compile(value)
        except re.error as error:
            raise ValueError(f"given '{value}'; must be a regular expression ({error})") from None
        if expression.groups < 1:
            raise ValueError(f"given '{value}', without a group; put the part that names the subject into parentheses")
        return value


def _subjects_source(value: Any) -> str | None:
    if isinstance(value, Strict):
        return "csv" if isinstance(value, SubjectsFromCsv) else "regex"
    given = [key for key in ("csv", "regex") if isinstance(value, dict) and key in value]
    return given[0] if len(given) == 1 else None


Subjects = Annotated[
    Annotated[SubjectsFromCsv, Tag("csv")] | Annotated[SubjectsFromRegex, Tag("regex")],
    Discriminator(
        _subjects_source,
        custom_error_type="subjects_source",
        custom_error_message="must be a mapping with one of the keys csv and regex",
    ),
]
"""Who the patients are."""


class DatasetBase(Strict):
    """What every dataset may say."""

    title: str = ""
    positive_class: str | None = None
    """The class that counts as diseased, for datasets with two classes."""
    max_unreadable: Annotated[int, Field(ge=0)] = 0
    """How many unreadable files are tolerated before the run stops."""
    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    """Largest image, in pixels; a larger one is a decompression bomb until told otherwise."""


class FolderDataset(DatasetBase):
    """One folder per class."""

    adapter: Literal["image_folder"]
    images: Path
    subjects: Subjects | None = None


class CnmcDataset(DatasetBase):
    """C-NMC 2019 (ISBI 2019 ALL challenge): official folds, preliminary phase as the held-out part."""

    adapter: Literal["cnmc2019"]
    images: Path
    positive_class: str | None = "all"


class ImssDataset(DatasetBase):
    """Bone marrow of the Mexican Social Security Institute: one folder per sub-type (L1, L2, M2, M3, M5)."""

    adapter: Literal["imss"]
    images: Path
    subjects: Subjects | None = None


class AllIdbDataset(DatasetBase):
    """ALL-IDB1, ALL-IDB2 or both; files named `ImNNN_L` with L = 1 for a blast."""

    adapter: Literal["allidb"]
    images: Path
    positive_class: str | None = "all"


class SimulationSize(Strict):
    """How much is simulated."""

    subjects: Annotated[int, Field(ge=2)]
    images: Annotated[int, Field(ge=4)]
    external_subjects: Annotated[int, Field(ge=0)] = 0
    """Fresh subjects of the held-out part."""
    external_images: Annotated[int, Field(ge=0)] = 0


class Population(Strict):
    """What simulated smears show, and how strongly class and subject show in them."""

    look: Look
    class_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: blasts and normal cells look alike; 1: about as different as in smears."""
    subject_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: all subjects' smears look alike; 1: stain, brightness, focus and cell size differ as between laboratories."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def external_split(self) -> str:
        """What the held-out part is called in the manifest: C-NMC calls its own the preliminary phase."""
        return "prelim" if self.look == "cnmc2019" else "external"


class Simulation(Population):
    """A population and how much of it to draw."""

    size: SimulationSize


class SimulatedDataset(DatasetBase, Population):
    """Procedural smears, made by `leukorepro data simulate`."""

    adapter: Literal["simulated"]
    sizes: PerBudget[SimulationSize]

    def simulation(self, budget: Budget) -> Simulation:
        """The simulation at the size of a budget."""
        return Simulation(**{name: getattr(self, name) for name in Population.model_fields}, size=self.sizes[budget])


RealDataset = FolderDataset | CnmcDataset | AllIdbDataset | ImssDataset
AnyDataset = RealDataset | SimulatedDataset
Dataset = Annotated[AnyDataset, Field(discriminator="adapter")]
