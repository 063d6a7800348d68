"""Which pictures a simulated data set holds, and their names in the style of the data set that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from leukorepro.config.datasets import Simulation
from leukorepro.core.words import Look
from leukorepro.simulate.dealing import Dealt, Part, deal, parts_of
from leukorepro.simulate.population import Population, Subject
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
    """All pictures of a simulation, the held-out part last, dealt out as `leukorepro.simulate.dealing` says.

    Raises
    ------
    UserError
        If there are fewer subjects than classes, or a subject would have no picture.
    """
    population = Population(simulation)
    pictures: list[Planned] = []
    for part in parts_of(simulation):
        pictures += list(_part(population, simulation, part, pictures))
    return pictures


def _part(population: Population, simulation: Simulation, part: Part, before: list[Planned]) -> Iterator[Planned]:
    """Pictures of one part; numbers in names go on from those of the pictures `before`."""
    look, size = simulation.look, simulation.size
    n_subjects = size.subjects if part == "main" else size.external_subjects
    everybody = [population.subject(i, part) for i in range(n_subjects)]
    subjects = {label: [s for s in everybody if s.label == label] for label in population.labels}
    people = Counter(subject.label for subject in {p.subject for p in before})
    numbers = Counter(p.form for p in before)
    per_subject: Counter[tuple[int, Form]] = Counter()
    pictures = list(deal(simulation, part))
    for number, (dealt, form) in enumerate(zip(pictures, _forms(look, len(pictures)), strict=True), 1):
        subject = subjects[dealt.label][dealt.ordinal]
        index = per_subject[subject.index, form]
        per_subject[subject.index, form] += 1
        numbers[form] += 1
        yield _named(look, subject, form, index, dealt.ordinal + people[dealt.label], dealt, numbers[form], number)


def _forms(look: Look, n_images: int) -> list[Form]:
    """Form of every picture, in the order in which they are dealt."""
    forms = FORMS[look]
    if len(forms) == 1:
        return [forms[0]] * n_images
    n_fields = round(n_images * FIELD_SHARE)
    return [forms[0]] * n_fields + [forms[1]] * (n_images - n_fields)


def _named(
    look: Look, subject: Subject, form: Form, index: int, person: int, dealt: Dealt, number: int, in_part: int
) -> Planned:
    photograph, cell = origin(form, index)
    external = subject.stream == "external"
    if look == "cnmc2019":
        subject_id = f"{'H' if subject.label == 'hem' else ''}{person + 1}"
        source_id = f"UID_{subject_id}_{photograph + 1}"
        name = f"{source_id}_{cell + 1}_{subject.label}.bmp"
        folder = f"C-NMC_Leukemia/training_data/{dealt.official_split}/{subject.label}"
        path = f"{PRELIMINARY}/{in_part}.bmp" if external else f"{folder}/{name}"
        return Planned(path, subject, form, index, subject_id, source_id, dealt.official_split, name)
    subject_id = f"{'X' if external else 'S'}{subject.index + 1:03d}"
    source_id = f"{subject_id}_{photograph + 1}"
    blast = int(subject.label == subject.population.labels[0])
    name = {
        "field": f"ALL_IDB1/im/Im{number:03d}_{blast}.jpg",
        "crop": f"ALL_IDB2/img/Im{number:03d}_{blast}.tif",
        "marrow": f"{subject.label}/{subject.label}_{number:04d}.jpg",
    }[form]
    path = f"external/{name}" if external else name
    return Planned(path, subject, form, index, subject_id, source_id, dealt.official_split, name)
