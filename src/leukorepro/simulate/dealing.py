"""Who is on which picture of a simulated data set: what can be known of it before anything is drawn.

A run asks this when it is put together, so that this module imports nothing that draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from leukorepro.config.datasets import Simulation
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Row
from leukorepro.core.words import LOOK_CLASSES

Part = Literal["main", "external"]
"""The data set without its held-out part, and that part."""


class Dealt(NamedTuple):
    """Whose a picture is."""

    label: str
    ordinal: int
    """Number of the subject among those of its class, from 0."""
    official_split: str


def deal(simulation: Simulation, part: Part) -> Iterator[Dealt]:
    """The pictures of a part, in order.

    Subjects are dealt to the classes in turn, pictures to the classes and then to the subjects of each in turn, so
    classes differ by one picture at most.

    Parameters
    ----------
    simulation : Simulation
        What is drawn: how many subjects and pictures, of which classes, with which official splits.
    part : {'main', 'external'}
        The data set without its held-out part, or that part.

    Raises
    ------
    UserError
        If there are fewer subjects than classes, or a subject would have no picture.
    """
    labels, size = LOOK_CLASSES[simulation.look], simulation.size
    main = part == "main"
    n_subjects, n_images = (size.subjects, size.images) if main else (size.external_subjects, size.external_images)
    key = "size" if main else "size.external"
    if n_subjects < len(labels):
        raise UserError(
            f"simulation: {key}: {n_subjects} subjects for {len(labels)} classes ({', '.join(labels)}); "
            f"give at least {len(labels)}."
        )
    if n_images < n_subjects:
        raise UserError(
            f"simulation: {key}: {n_images} images for {n_subjects} subjects; give at least one image per subject."
        )
    folds = simulation.official_splits or ("",)
    for number in range(n_images):
        place = number % len(labels)
        of_class = len(range(place, n_subjects, len(labels)))
        ordinal = number // len(labels) % of_class
        split = folds[ordinal % len(folds)] if main else simulation.external_split
        yield Dealt(labels[place], ordinal, split)


def parts_of(simulation: Simulation) -> list[Part]:
    """The parts that a simulation has, in the order in which they are drawn."""
    size = simulation.size
    return ["main", "external"] if size.external_subjects or size.external_images else ["main"]


def listed(simulation: Simulation) -> list[Row]:
    """What the names of the pictures will say, but for the photographs that cells are cut from."""
    return [
        Row(f"{part}/{number}", dealt.label, f"{part}/{dealt.label}/{dealt.ordinal}", "", dealt.official_split)
        for part in parts_of(simulation)
        for number, dealt in enumerate(deal(simulation, part))
    ]
