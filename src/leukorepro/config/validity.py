"""The validity study: which simulated studies are repeated, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from leukorepro.config.fields import Key, PerBudget, Strict
from leukorepro.config.study.classifiers import OtherClassifierSpec
from leukorepro.config.study.schemes import PublishedProtocol, Scheme
from leukorepro.config.study.systems import DescriptorSpec
from leukorepro.core.errors import look_up, unknown
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import LARGEST_SEED, LOOK_CLASSES, Look

Effect = Annotated[float, Field(ge=0, le=3)]
Count = Annotated[int, Field(ge=1)]


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


class Validity(Strict):
    """Studies of simulated subjects whose truth is known, repeated many times."""

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
            for name in count:
                if name not in classes:
                    raise ValueError(f"{where}: {unknown('class', name, classes)}")
            if missing := [name for name in classes if name not in count]:
                raise ValueError(f"{where}: '{missing[0]}' is missing; give a number for each of {', '.join(classes)}")
        for name, setting in self.settings.items():
            needed = 2 * max(2 * (setting.subjects[label] + self.external[label]) for label in classes)
            for budget, pool in self.pool.items():
                if pool < needed:
                    raise ValueError(
                        f"pool.{budget}: given {pool}; must be at least {needed}, so that no more than half of a class "
                        f"is in a study of the setting '{name}'"
                    )
        return self


def load_validity(path: Path) -> Validity:
    """Read and validate the configuration of the validity study."""
    return parse(Validity, read_yaml(path), path)


def find_setting(file: Path, name: str) -> tuple[Validity, ValiditySetting]:
    """The validity study that a file configures, and one of its settings.

    Raises
    ------
    UserError
        If the file is wrong or has no such setting.
    """
    validity = load_validity(file)
    return validity, look_up(validity.settings, name, "setting", f"{file}: settings")
