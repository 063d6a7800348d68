"""The validity study: which studies, of simulated subjects or of real patients, are repeated, and how often."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, Field, model_validator

from leukorepro.config.fields import Key, PerBudget, Strict, without_wildcards
from leukorepro.config.study.classifiers import OtherClassifierSpec
from leukorepro.config.study.schemes import PublishedProtocol, Scheme
from leukorepro.config.study.systems import DescriptorSpec
from leukorepro.core.errors import look_up, unknown
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import LARGEST_SEED, LOOK_CLASSES, Look

Effect = Annotated[float, Field(ge=0, le=3)]
Count = Annotated[int, Field(ge=1)]

SIMULATED = "simulated"
"""In the place of a dataset's name, where subjects are simulated."""


class ValiditySetting(Strict):
    """A population, and a study's sample of it."""

    class_effect: Effect
    """As of a simulated dataset: 0 makes the classes equal, 1 about as different as in smears."""
    subject_effect: Effect
    """As of a simulated dataset: 0 makes subjects alike, 1 as different as between laboratories."""
    subjects: dict[str, Count]
    """Subjects of the study, by class."""

    @property
    def pool(self) -> str:
        """Name of the population that the sample is drawn from."""
        return f"class{self.class_effect:g}-subject{self.subject_effect:g}"


class RealPatients(Strict):
    """A dataset with many subjects as the population; its name is that of the setting."""

    dataset: Key
    """A file in `config/datasets`, of real images."""
    features: Annotated[Path, AfterValidator(without_wildcards)]
    """Feature file of the dataset, of all views that the split has, as a run leaves it below `results/features`."""
    subjects: Annotated[dict[str, Count], Field(min_length=2, max_length=2)]
    """Subjects of the study, by class; other classes of the dataset are left out."""
    positive_class: str | None = None
    """One of these classes; the first where none is named."""
    external: dict[str, Count] = {}
    """Subjects of a study's held-out part, by class; without any there is no rung `external`."""
    fresh_images: Count | None = None
    """Of every fresh subject, that fitted models are scored on; all of them where none is given."""
    classifier: OtherClassifierSpec | None = None
    """That of the simulated studies where none is given."""
    split: Scheme | None = None
    """That of the simulated studies where none is given."""

    @model_validator(mode="after")
    def _consistent(self) -> RealPatients:
        if self.positive_class is not None and self.positive_class not in self.subjects:
            raise ValueError(f"positive_class: {unknown('class', self.positive_class, self.subjects)}")
        if self.external:
            check_counts("external", self.external, list(self.subjects))
        return self


class Design(Strict):
    """What one setting comes to: how a study is drawn from its population, and what is done in it."""

    dataset: str
    """`simulated`, or the name of a dataset of real patients."""
    positive_class: str
    class_effect: float | None
    """Of simulated subjects; None for real ones, and so is the next."""
    subject_effect: float | None
    subjects: dict[str, int]
    external: dict[str, int]
    fresh_images: int | None
    classifier: OtherClassifierSpec
    published_protocol: PublishedProtocol
    split: Scheme
    seed: int
    resamples: int

    @property
    def real(self) -> bool:
        """Whether the population is of real patients."""
        return self.dataset != SIMULATED

    @property
    def classifier_in_words(self) -> str:
        """As a configuration says it."""
        given = self.classifier.model_dump(mode="json", exclude_unset=True)
        return yaml.safe_dump(given, sort_keys=False, default_flow_style=True, width=math.inf).strip("{}\n")

    @property
    def drawn(self) -> dict[str, int]:
        """Subjects that a study takes from its population, by class."""
        return {label: n + self.external.get(label, 0) for label, n in self.subjects.items()}


class Validity(Strict):
    """Studies of subjects that are drawn from a population, repeated many times; all others tell the truth."""

    look: Look
    """Of two classes; the first is the positive one."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    images: Annotated[int, Field(ge=2)]
    """Of every subject."""
    pool: PerBudget[Count]
    """Subjects of each population; a study's sample is drawn from them, and the others are fresh."""
    fresh_images: Count
    """Of every fresh subject, that fitted models are scored on."""
    external: dict[str, Count]
    """Subjects of a study's held-out part, by class."""
    descriptor: DescriptorSpec
    classifier: OtherClassifierSpec
    """A quick one: it is fitted thousands of times."""
    published_protocol: PublishedProtocol
    """What the simulated studies do on the rung `as_published`."""
    split: Scheme
    repetitions: PerBudget[Count]
    resamples: Annotated[int, Field(ge=100)] = 2000
    """Of the groups, for an interval."""
    settings: Annotated[dict[Key, ValiditySetting], Field(min_length=1)]
    """Simulated populations."""
    real: RealPatients | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Validity:
        classes = LOOK_CLASSES[self.look]
        if len(classes) != 2:
            raise ValueError(f"look: given '{self.look}', of {len(classes)} classes; must be one of two classes")
        if self.fresh_images > self.images:
            raise ValueError(f"fresh_images: given {self.fresh_images}; a subject has {self.images} images")
        counts = {"external": self.external}
        counts |= {f"settings.{name}.subjects": setting.subjects for name, setting in self.settings.items()}
        for where, count in counts.items():
            check_counts(where, count, classes)
        for name, setting in self.settings.items():
            needed = 2 * max(2 * (setting.subjects[label] + self.external[label]) for label in classes)
            for budget, pool in self.pool.items():
                if pool < needed:
                    raise ValueError(
                        f"pool.{budget}: given {pool}; must be at least {needed}, so that no more than half of a class "
                        f"is in a study of the setting '{name}'"
                    )
        if self.real is not None and self.real.dataset in {*self.settings, SIMULATED}:
            raise ValueError(f"real.dataset: '{self.real.dataset}' is the name of something simulated; rename it")
        return self

    @property
    def designs(self) -> dict[str, Design]:
        """What each setting comes to, by its name; that of real patients, which has its dataset's, is the last."""
        shared = {name: getattr(self, name) for name in ("published_protocol", "seed", "resamples")}
        found = {
            name: Design(
                dataset=SIMULATED,
                positive_class=LOOK_CLASSES[self.look][0],
                class_effect=setting.class_effect,
                subject_effect=setting.subject_effect,
                subjects=setting.subjects,
                external=self.external,
                fresh_images=self.fresh_images,
                classifier=self.classifier,
                split=self.split,
                **shared,
            )
            for name, setting in self.settings.items()
        }
        if (real := self.real) is not None:
            found[real.dataset] = Design(
                dataset=real.dataset,
                positive_class=real.positive_class or next(iter(real.subjects)),
                class_effect=None,
                subject_effect=None,
                subjects=real.subjects,
                external=real.external,
                fresh_images=real.fresh_images,
                classifier=real.classifier or self.classifier,
                split=real.split or self.split,
                **shared,
            )
        return found


def check_counts(where: str, count: Mapping[str, int], classes: Sequence[str]) -> None:
    """Raise ValueError unless each of the classes, and no other, has a number.

    Parameters
    ----------
    where : str
        What the message begins with: the key of the numbers.
    count : mapping of str to int
        A number of each class.
    classes : sequence of str
        All classes of the data.
    """
    for name in count:
        if name not in classes:
            raise ValueError(f"{where}: {unknown('class', name, classes)}")
    if missing := [name for name in classes if name not in count]:
        raise ValueError(f"{where}: '{missing[0]}' is missing; give a number for each of {', '.join(classes)}")


def load_validity(path: Path) -> Validity:
    """Read and validate the configuration of the validity study."""
    return parse(Validity, read_yaml(path), path)


def find_setting(file: Path, name: str) -> tuple[Validity, ValiditySetting]:
    """The validity study that a file configures, and one of its simulated populations.

    Parameters
    ----------
    file : Path
        YAML file of a validity study.
    name : str
        Key of one of its `settings`.

    Raises
    ------
    UserError
        If the file is wrong or has no such setting.
    """
    validity = load_validity(file)
    return validity, look_up(validity.settings, name, "setting", f"{file}: settings")


def find_design(file: Path, name: str) -> tuple[Validity, Design]:
    """The validity study that a file configures, and what one of its settings, simulated or real, comes to.

    Parameters
    ----------
    file : Path
        YAML file of a validity study.
    name : str
        Key of one of its settings, of drawn subjects or of real patients.

    Raises
    ------
    UserError
        If the file is wrong or has no such setting.
    """
    validity = load_validity(file)
    return validity, look_up(validity.designs, name, "setting", str(file))
