"""Which pictures a simulated data set holds, and their names in the style of the data set that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from leukorepro.config.datasets import Simulation
from leukorepro.core.errors import UserError
from leukorepro.core.words import Look
from leukorepro.simulate.population import Population, Stream, Subject
from leukorepro.simulate.scenes import FORMS, Form, origin

FIELD_SHARE = 108 / 368
"""Share of fields in the hybrid of ALL-IDB1 (108 images) and ALL-IDB2 (260 images)."""
PRELIMINARY = "C-NMC_Leukemia/validation_data/C-NMC_test_prelim_phase_data"
"""Folder of the preliminary phase of C-NMC 2019; its label file has this name with ``_labels.csv`` behind."""


@dataclass(frozen=True)
class Planned:
    """A picture that is to be drawn."""

    path: str
    """POSIX, below the data set's folder."""
    subject: Subject
    form: Form
    index: int
    """Number of the picture among the subject's pictures of this form."""
    subject_id: str
    source_id: str
    official_split: str
    official_name: str
    """Name that tells label and subject, where the path does not."""


def plan(simulation: Simulation) -> list[Planned]:
    """All pictures of a simulation, the held-out part last.

    Subjects are dealt to the classes in turn, pictures to the classes and then to the subjects of each in turn, so
    classes differ by one picture at most.

    Raises
    ------
    UserError
        If there are fewer subjects than classes, or a subject would have no picture.
    """
    population = Population(simulation)
    size = simulation.size
    pictures = list(_part(population, "main", size.subjects, size.images, []))
    if size.external_subjects or size.external_images:
        pictures += list(_part(population, "external", size.external_subjects, size.external_images, pictures))
    return pictures


def _part(
    population: Population, stream: Stream, n_subjects: int, n_images: int, before: list[Planned]
) -> Iterator[Planned]:
    """Pictures of one stream; numbers in names go on from those of the pictures `before`."""
    labels, look = population.labels, population.settings.look
    key = "size" if stream == "main" else "size.external"
    if n_subjects < len(labels):
        raise UserError(
            f"simulation: {key}: {n_subjects} subjects for {len(labels)} classes ({', '.join(labels)}); "
            f"give at least {len(labels)}."
        )
    if n_images < n_subjects:
        raise UserError(
            f"simulation: {key}: {n_images} images for {n_subjects} subjects; give at least one image per subject."
        )
    everybody = [population.subject(i, stream) for i in range(n_subjects)]
    subjects = {label: [s for s in everybody if s.label == label] for label in labels}
    people = Counter(subject.label for subject in {p.subject for p in before})
    numbers = Counter(p.form for p in before)
    per_subject: Counter[tuple[int, Form]] = Counter()
    for number, form in enumerate(_forms(look, n_images)):
        label = labels[number % len(labels)]
        ordinal = number // len(labels) % len(subjects[label])
        subject = subjects[label][ordinal]
        index = per_subject[subject.index, form]
        per_subject[subject.index, form] += 1
        numbers[form] += 1
        yield _named(look, subject, form, index, ordinal + people[label], ordinal, numbers[form], number + 1)


def _forms(look: Look, n_images: int) -> list[Form]:
    """Form of every picture, in the order in which they are dealt."""
    forms = FORMS[look]
    if len(forms) == 1:
        return [forms[0]] * n_images
    n_fields = round(n_images * FIELD_SHARE)
    return [forms[0]] * n_fields + [forms[1]] * (n_images - n_fields)


def _named(
    look: Look, subject: Subject, form: Form, index: int, person: int, ordinal: int, number: int, in_part: int
) -> Planned:
    photograph, cell = origin(form, index)
    external = subject.stream == "external"
    if look == "cnmc2019":
        subject_id = f"{'H' if subject.label == 'hem' else ''}{person + 1}"
        source_id = f"UID_{subject_id}_{photograph + 1}"
        name = f"{source_id}_{cell + 1}_{subject.label}.bmp"
        folds = subject.population.settings.official_splits
        fold = "prelim" if external else folds[ordinal % len(folds)]
        folder = f"C-NMC_Leukemia/training_data/{fold}/{subject.label}"
        path = f"{PRELIMINARY}/{in_part}.bmp" if external else f"{folder}/{name}"
        return Planned(path, subject, form, index, subject_id, source_id, fold, name)
    subject_id = f"{'X' if external else 'S'}{subject.index + 1:03d}"
    source_id = f"{subject_id}_{photograph + 1}"
    blast = int(subject.label == subject.population.labels[0])
    name = {
        "field": f"ALL_IDB1/im/Im{number:03d}_{blast}.jpg",
        "crop": f"ALL_IDB2/img/Im{number:03d}_{blast}.tif",
        "marrow": f"{subject.label}/{subject.label}_{number:04d}.jpg",
    }[form]
    path = f"external/{name}" if external else name
    return Planned(path, subject, form, index, subject_id, source_id, "external" if external else "", name)
