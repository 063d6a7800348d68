"""Subjects of a simulated population: their class and what is particular to their smears.

Every random number is keyed by (seed, look, stream, subject, photograph, ...) through `numpy.random.SeedSequence`.
Subject k of a stream is therefore the same however many subjects are asked for, and in whatever order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

from leukorepro.config import datasets as config
from leukorepro.core.words import Look
from leukorepro.simulate.traits import Profile, profiles

Stream = Literal["main", "external", "fresh"]
"""Independent series of subjects: the data set, its held-out part, and as many more as a study wants."""


@dataclass(frozen=True)
class Effects:
    """How one smear, or one photograph of it, departs from the average laboratory's."""

    stain: float
    """Factor on every stain density."""
    red: float
    """Factor on the optical density of the red channel."""
    green: float
    blue: float
    nuclear: float
    """Factor on the nuclear stain alone."""
    brightness: float
    """Factor on the light."""
    warm: float
    """Factor on the red light; the blue light is divided by it."""
    blur: float
    """Factor on the width of the focus blur."""
    size: float
    """Factor on the diameter of every cell."""

    def __mul__(self, other: Effects) -> Effects:
        return Effects(*(getattr(self, f.name) * getattr(other, f.name) for f in fields(self)))


SUBJECT_DEVIATIONS = Effects(0.13, 0.10, 0.10, 0.11, 0.08, 0.06, 0.035, 0.35, 0.06)
"""Standard deviations, on a logarithmic scale, between subjects at `subject_effect` 1."""
PHOTOGRAPH_DEVIATIONS = Effects(0.035, 0.015, 0.015, 0.02, 0.03, 0.02, 0.008, 0.15, 0.0)
"""The same between the photographs of one subject, whatever the subject effect."""


@dataclass(frozen=True)
class Subject:
    """One simulated patient."""

    population: Population
    stream: Stream
    index: int
    label: str
    effects: Effects

    def rng(self, *key: int) -> np.random.Generator:
        """Random numbers that belong to this subject and to `key` alone, such as (photograph, cell)."""
        return self.population.rng(self.stream, self.index, *key)


class Population:
    """An endless supply of simulated subjects.

    Parameters
    ----------
    settings : config.Population
        Look, class effect, subject effect and seed; a `config.Simulation` will do, its size is not looked at.
    """

    def __init__(self, settings: config.Population) -> None:
        self.settings = settings
        self.profiles: dict[str, Profile] = profiles(settings.look, settings.class_effect)

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order in which subjects are dealt to them."""
        return tuple(self.profiles)

    def rng(self, stream: Stream, *key: int) -> np.random.Generator:
        """Generator for a key of whole numbers within a stream."""
        root = (get_args(Look).index(self.settings.look), get_args(Stream).index(stream))
        return np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(*root, *key)))

    def subject(self, index: int, stream: Stream = "main") -> Subject:
        """A subject of a stream; classes take turns. The same number is always the same subject.

        Parameters
        ----------
        index : int
            Number of the subject, from 0.
        stream : {'main', 'external', 'fresh'}
            Series of subjects that it is of.
        """
        effects = draw_effects(SUBJECT_DEVIATIONS, self.rng(stream, index), self.settings.subject_effect)
        return Subject(self, stream, index, self.labels[index % len(self.labels)], effects)


def fresh_subjects(settings: config.Population, start: int = 0) -> Iterator[Subject]:
    """New subjects of the same population without end, none of them in any simulated data set.

    Parameters
    ----------
    settings : config.Population
        The population; a `config.Simulation` will do.
    start : int
        Index of the first one.
    """
    population = Population(settings)
    index = start
    while True:
        yield population.subject(index, "fresh")
        index += 1


def draw_effects(deviations: Effects, rng: np.random.Generator, strength: float = 1.0) -> Effects:
    """Log-normal effects with median 1 and the given deviations times `strength`.

    Parameters
    ----------
    deviations : Effects
        Standard deviation of the logarithm of each effect.
    rng : numpy.random.Generator
        Draws one normal number for each effect, in their order.
    strength : float
        0: none, so that every effect is 1.
    """
    scales = np.array([getattr(deviations, f.name) for f in fields(deviations)])
    return Effects(*np.exp(strength * scales * rng.standard_normal(len(scales))).tolist())
