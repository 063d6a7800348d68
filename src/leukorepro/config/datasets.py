"""Datasets: where their images lie, who the patients are, and what is simulated."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag, TypeAdapter, field_validator, model_validator

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.fields import PerBudget, Strict
from leukorepro.config.named_kinds import NamedBy
from leukorepro.core.errors import UserError
from leukorepro.core.fetching.publication import Publication
from leukorepro.core.listing import Listing, Row
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import LARGEST_SEED, Budget, Look


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


class DatasetBase(Strict, ABC):
    """What every dataset may say, and what its adapter knows of it.

    An adapter is an entry of `leukorepro.data.adapters`: a class of its own that fills this one in.
    """

    belongs_there: ClassVar[str]
    """What a user puts into the folder, for the message when it is empty."""
    classes: ClassVar[tuple[str, ...]] = ()
    """Of a published dataset, which are known before its images are there."""
    publication: ClassVar[Publication | None] = None
    """Of a published dataset: whose it is, and what may be downloaded."""
    adapter: str
    title: str = ""
    positive_class: str | None = None
    """The class that counts as diseased, for datasets with two classes."""
    max_unreadable: Annotated[int, Field(ge=0)] = 0
    """How many unreadable files are tolerated before the run stops."""
    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    """Largest image, in pixels; a larger one is taken for a decompression bomb."""

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """Files that say something of the images and lie beside them, such as a table of their subjects."""
        return ()

    @abstractmethod
    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """What the folder says about its images, without opening any.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If the files break the dataset's rules.
        """


class RealDataset(DatasetBase):
    """A folder of images."""

    how_to_get: ClassVar[str] = ""
    """What to do where they are missing; default: what is known of the publication, else to copy them."""
    classes_from: ClassVar[str] = "put each class into a folder of its own"
    """What to do where there is one class only."""
    images: Path

    def remedy(self, folder: Path) -> str:
        """What to do where its images are missing in a folder, in words that others follow."""
        if not self.how_to_get and self.publication is not None:
            return self.publication.how_to_get(folder)
        return f"{self.how_to_get}, put it there" if self.how_to_get else "copy the images there"

    @classmethod
    def recognises(cls, path: str) -> bool:  # noqa: ARG003
        """Whether a file's name alone shows that it is of this kind of dataset."""
        return False

    def list_names(self, paths: list[str]) -> list[Row]:
        """What the paths of images say where the files are not at hand, as in a list of checksums.

        Raises
        ------
        UserError
            If a name follows no rule.
        """
        return self.list_rows(self.images, paths).rows


class UnattributedDataset(RealDataset):
    """A folder of images that does not say who the patients are; its owner may."""

    subjects: Subjects | None = None
    subject_level: Annotated[int, Field(ge=1)] | None = None
    """Which of the folders above an image is called after its subject: 1 is the topmost one below the images' folder, 2
    the one below that. Subjects come from these folders, or from what `subjects` says."""
    missing_subjects: tuple[str, ...] = ()
    """Spellings of a subject (`NA`, `unknown`, or `""` for an empty field), in any case, that say that none is known.
    Images with them have no subject: no two of them count as one patient's, and splits that keep patients apart leave
    them out. Images whose subject is spelled so are refused otherwise; a patient who is really called so needs another
    id."""

    @field_validator("missing_subjects", mode="before")
    @classmethod
    def _are_text(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or not all(isinstance(spelling, str) for spelling in value):
            raise ValueError(
                f"given {value}; must be a list of texts, in quotation marks where YAML takes them for more"
            )
        return value

    @model_validator(mode="after")
    def _subjects_from_one_place(self) -> UnattributedDataset:
        if len(self.subjects_from) > 1:
            raise ValueError(
                f"{' and '.join(self.subjects_from)}: subjects come from one of them; leave out the others"
            )
        if self.missing_subjects and not self.subjects_from:
            raise ValueError("missing_subjects: given without subjects; say who the others are, or leave it out")
        return self

    @property
    def subjects_from(self) -> list[str]:
        """Keys that say who the patients are; at most one, once the dataset is checked."""
        return [key for key in ("subjects", "subject_level") if getattr(self, key) is not None]

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """The table of subjects, where they come from one."""
        return (self.subjects.csv,) if isinstance(self.subjects, SubjectsFromCsv) else ()


MOST_IMAGES = 1_000_000
"""Of a simulation; more than any published dataset has, so that a larger number is a slip."""


class SimulationSize(Strict):
    """How much is simulated."""

    subjects: Annotated[int, Field(ge=2, le=MOST_IMAGES)]
    images: Annotated[int, Field(ge=4, le=MOST_IMAGES)]
    external_subjects: Annotated[int, Field(ge=0, le=MOST_IMAGES)] = 0
    """Fresh subjects of the held-out part."""
    external_images: Annotated[int, Field(ge=0, le=MOST_IMAGES)] = 0


class Population(Strict):
    """What simulated smears show, and how strongly class and subject show in them."""

    look: Look
    class_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: blasts and normal cells look alike; 1: about as different as in smears."""
    subject_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: all subjects' smears look alike; 1: stain, brightness, focus and cell size differ as between laboratories."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0

    @property
    def official_splits(self) -> tuple[str, ...]:
        """What the other official splits are called in the manifest: C-NMC's training images lie in three folds."""
        return ("fold_0", "fold_1", "fold_2") if self.look == "cnmc2019" else ()

    @property
    def external_split(self) -> str:
        """What the held-out part is called in the manifest: C-NMC calls its own the preliminary phase."""
        return "prelim" if self.look == "cnmc2019" else "external"


class Simulation(Population):
    """A population and how much of it to draw."""

    size: SimulationSize


class SimulatedDataset(DatasetBase, Population):
    """Procedural smears, which the workflow draws when a run needs them."""

    sizes: PerBudget[SimulationSize]

    def simulation(self, budget: Budget) -> Simulation:
        """The simulation at the size of a budget."""
        return Simulation(**{name: getattr(self, name) for name in Population.model_fields}, size=self.sizes[budget])


Dataset = Annotated[RealDataset | SimulatedDataset, NamedBy("adapter", ADAPTERS)]
"""A dataset's configuration, of the kind that its adapter says."""

DATASET: TypeAdapter[Any] = TypeAdapter(Dataset)


def load_dataset(path: Path) -> Dataset:
    """Read and validate a dataset's configuration."""
    dataset: Dataset = parse(DATASET, read_yaml(path), path)
    return dataset


def real_adapter(name: str, where: str) -> type[RealDataset]:
    """The adapter of that name, for a folder of images.

    Parameters
    ----------
    name : str
        As a dataset's `adapter` gives it.
    where : str
        File and key where it was given, or the option.

    Raises
    ------
    UserError
        If there is none, or its images are drawn; the message begins with `where`.
    """
    entry: type[DatasetBase] = ADAPTERS.look_up(name, where)
    if not issubclass(entry, RealDataset):
        raise UserError(f"{where}: images of '{name}' are simulated and lie in no folder; choose another.")
    return entry
