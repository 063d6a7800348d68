"""Photographs of simulated smears: what lies where, and the picture of it.

A photograph is laid out in micrometres, so a crop shows the same cells as the field that it is cut from, at a higher
magnification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from leukorepro.core.words import Look
from leukorepro.simulate.cells import Canvas, Stain, draw_leukocyte, draw_platelet, draw_red_cells
from leukorepro.simulate.optics import RGB, Microscope, develop
from leukorepro.simulate.population import PHOTOGRAPH_DEVIATIONS, Effects, Subject, draw_effects
from leukorepro.simulate.textures import Plane, patch
from leukorepro.simulate.traits import BYSTANDERS, Traits, draw_traits, mean_traits

Form = Literal["field", "crop", "segmented", "marrow"]
"""A field with many cells, a crop around one leukocyte, one cell cut out on black, or a marrow cell with neighbours."""

FIELD_SIZE, FIELD_SCALE = (486, 648), 3.8
CROP_SIZE, CROP_SCALE = (257, 257), 7.6
SEGMENTED_SIZE, SEGMENTED_SCALE = (450, 450), 17.5
MARROW_SIZE, MARROW_SCALE = (360, 360), 10.0
"""Rows and columns in pixels; pixels per micrometre."""

FORMS: dict[Look, tuple[Form, ...]] = {
    "allidb": ("field", "crop"),
    "allidb1": ("field",),
    "allidb2": ("crop",),
    "cnmc2019": ("segmented",),
    "bone_marrow": ("marrow",),
}
"""Forms of picture that each look is made of."""

CELLS_PER_FIELD = 3
"""Leukocytes of the subject's own class that every field of a smear has at least, and that crops are cut around."""
CELLS_PER_PHOTOGRAPH = 4
"""Segmented cells that come from one photograph."""
NORMAL_SHARE = 0.3
"""Share of the other leukocytes of a diseased subject's photographs that are normal cells."""

SMEAR = Microscope(light=(238.0, 228.0, 224.0), blur=0.11, vignette=0.08, noise=1.6)
MARROW = Microscope(light=(242.0, 226.0, 214.0), blur=0.11, vignette=0.06, noise=1.6)
SEGMENTED = Microscope((184.0, 154.0, 140.0), blur=0.20, vignette=0.0, noise=1.0, cytoplasm=(0.50, 0.66, 0.20))


@dataclass(frozen=True)
class Picture:
    """An image and what is known about it."""

    pixels: RGB
    """Shape (H, W, 3), red, green, blue."""
    truth: dict[str, Any]
    """Number of leukocytes in sight, kind of the cell (or kinds), and its traits (in a field, their mean)."""


@dataclass(frozen=True)
class Leukocyte:
    """A leukocyte of a photograph."""

    x: float
    y: float
    kind: str
    traits: Traits
    number: int


@dataclass(frozen=True)
class RedCells:
    """The red cells of a photograph, each array of shape (n,)."""

    x: Plane
    y: Plane
    diameter: Plane
    pallor: Plane


def render(subject: Subject, form: Form, index: int) -> Picture:
    """Picture number `index` of a subject, without writing it.

    Parameters
    ----------
    subject : Subject
        From `Population.subject` or `fresh_subjects`.
    form : Form
        What kind of picture; `FORMS` names those of a look.
    index : int
        From 0, without end; the same picture whatever else is drawn.
    """
    return _FORMS[form](subject, index)


def origin(form: Form, index: int) -> tuple[int, int]:
    """Photograph, and cell in it (-1: none), that picture `index` of a subject shows.

    Parameters
    ----------
    form : {'field', 'crop', 'segmented', 'marrow'}
        What pictures show.
    index : int
        Number of the picture among those of its subject, from 0.
    """
    if form == "crop":
        return divmod(index, CELLS_PER_FIELD)
    if form == "segmented":
        return divmod(index, CELLS_PER_PHOTOGRAPH)
    return index, -1 if form == "field" else 0


def _field(subject: Subject, index: int) -> Picture:
    size = (FIELD_SIZE[0] / FIELD_SCALE, FIELD_SIZE[1] / FIELD_SCALE)
    leukocytes = _leukocytes(subject, index, size, CELLS_PER_FIELD)
    canvas = _canvas(FIELD_SIZE, FIELD_SCALE, 0.0, 0.0)
    _draw_smear(canvas, subject, index, size, leukocytes)
    pixels = develop(canvas.planes, FIELD_SCALE, _effects(subject, index), SMEAR, subject.rng(index, 1))
    return Picture(pixels, _truth(leukocytes))


def _crop(subject: Subject, index: int) -> Picture:
    photograph, cell = origin("crop", index)
    size = (FIELD_SIZE[0] / FIELD_SCALE, FIELD_SIZE[1] / FIELD_SCALE)
    leukocytes = _leukocytes(subject, photograph, size, CELLS_PER_FIELD)
    target = leukocytes[cell]
    rng = subject.rng(photograph, 2 + cell, 1)
    jitter = rng.normal(0, 0.5, 2)
    left = target.x + float(jitter[0]) - CROP_SIZE[1] / CROP_SCALE / 2
    top = target.y + float(jitter[1]) - CROP_SIZE[0] / CROP_SCALE / 2
    canvas = _canvas(CROP_SIZE, CROP_SCALE, left, top)
    _draw_smear(canvas, subject, photograph, size, leukocytes)
    pixels = develop(canvas.planes, CROP_SCALE, _effects(subject, photograph), SMEAR, rng)
    return Picture(pixels, _truth([target]))


def _segmented(subject: Subject, index: int) -> Picture:
    photograph, number = origin("segmented", index)
    cell = _leukocyte(subject, photograph, number, 0.0, 0.0, own=True)
    rng = subject.rng(photograph, 2 + number, 1)
    half = int(np.ceil(0.68 * cell.traits.diameter * SEGMENTED_SCALE))
    canvas = _canvas((2 * half, 2 * half), SEGMENTED_SCALE, -half / SEGMENTED_SCALE, -half / SEGMENTED_SCALE)
    drawn = draw_leukocyte(canvas, 0.0, 0.0, cell.traits, subject.rng(photograph, 2 + number, 0))
    if drawn is None:
        raise RuntimeError("a cell at the centre of its window is always in sight")
    where, to_edge = drawn
    # Cells were cut out by hand-tuned software: edges are hard, a little ragged and a little inside the cell.
    ragged = patch(1.3 * SEGMENTED_SCALE, to_edge.shape, rng) * np.float32(0.02 + 0.10 * rng.random() ** 2)
    keep = np.zeros((2 * half, 2 * half), dtype=bool)
    keep[where] = to_edge + ragged > np.float32(0.28)
    cutout = develop(canvas.planes, SEGMENTED_SCALE, _effects(subject, photograph), SEGMENTED, rng)
    # Black is the background's value alone.
    cutout = np.maximum(cutout, 1) * keep[..., None]
    pixels = np.zeros((*SEGMENTED_SIZE, 3), dtype=np.uint8)
    y, x = (np.array(SEGMENTED_SIZE) // 2 - half + rng.integers(-3, 4, 2)).tolist()
    y0, x0, y1, x1 = max(0, y), max(0, x), min(SEGMENTED_SIZE[0], y + 2 * half), min(SEGMENTED_SIZE[1], x + 2 * half)
    pixels[y0:y1, x0:x1] = cutout[y0 - y : y1 - y, x0 - x : x1 - x]
    return Picture(pixels, _truth([cell]))


def _marrow(subject: Subject, index: int) -> Picture:
    height, width = MARROW_SIZE[0] / MARROW_SCALE, MARROW_SIZE[1] / MARROW_SCALE
    rng = subject.rng(index, 0)
    centre = (width / 2 + rng.normal(0, 0.8), height / 2 + rng.normal(0, 0.8))
    leukocytes = [_leukocyte(subject, index, 0, *centre, own=True)]
    profile = subject.population.profiles[subject.label]
    for number in range(1, 2 + int(rng.poisson(profile.per_field))):
        cell = _leukocyte(subject, index, number, 0.0, 0.0, own=bool(rng.random() > NORMAL_SHARE))
        x, y, free = _spot(leukocytes, cell.traits.diameter, (height, width), -3.0, rng)
        if free:
            leukocytes.append(replace(cell, x=x, y=y))
    canvas = _canvas(MARROW_SIZE, MARROW_SCALE, 0.0, 0.0)
    # Protein and debris between the cells take up a little of every stain.
    haze = patch(5.0 * MARROW_SCALE, MARROW_SIZE, rng) + np.float32(0.4) * patch(0.6 * MARROW_SCALE, MARROW_SIZE, rng)
    canvas.planes[Stain.EOSIN] += np.clip(np.float32(0.16) + np.float32(0.06) * haze, 0, 1)
    canvas.planes[Stain.BASOPHIL] += np.clip(np.float32(0.03) + np.float32(0.02) * haze, 0, 1)
    _draw_background(canvas, subject, index, (height, width), leukocytes, density=rng.uniform(0.05, 0.30))
    _draw_leukocytes(canvas, subject, index, leukocytes)
    pixels = develop(canvas.planes, MARROW_SCALE, _effects(subject, index), MARROW, subject.rng(index, 1))
    return Picture(pixels, _truth(leukocytes[:1]))


_FORMS: dict[Form, Callable[[Subject, int], Picture]] = {
    "field": _field,
    "crop": _crop,
    "segmented": _segmented,
    "marrow": _marrow,
}


def _canvas(size: tuple[int, int], scale: float, left: float, top: float) -> Canvas:
    return Canvas(np.zeros((len(Stain), *size), dtype=np.float32), scale, left, top)


def _effects(subject: Subject, photograph: int) -> Effects:
    return subject.effects * draw_effects(PHOTOGRAPH_DEVIATIONS, subject.rng(photograph, 1, 0))


def _truth(cells: list[Leukocyte]) -> dict[str, Any]:
    kinds = "+".join(sorted({c.kind for c in cells}))
    return {"leukocytes": len(cells), "kind": kinds, **mean_traits([c.traits for c in cells])}


def _leukocyte(subject: Subject, photograph: int, number: int, x: float, y: float, *, own: bool) -> Leukocyte:
    """Leukocyte `number` of a photograph; not `own` means a normal cell, whatever the subject's class."""
    rng = subject.rng(photograph, 2 + number)
    classes = subject.population.profiles
    if own:
        profile = classes[subject.label]
    elif subject.population.settings.look == "bone_marrow":
        kind = str(rng.choice(list(BYSTANDERS)))
        return Leukocyte(x, y, kind, draw_traits(BYSTANDERS[kind], rng, subject.effects.size), number)
    else:
        profile = classes[subject.population.labels[-1]]
    kind = str(rng.choice(list(profile.shares), p=list(profile.shares.values())))
    return Leukocyte(x, y, kind, draw_traits(profile.means[kind], rng, subject.effects.size), number)


def _leukocytes(subject: Subject, photograph: int, size: tuple[float, float], least: int) -> list[Leukocyte]:
    """The leukocytes of a field; the first `least` are the subject's own and away from its edges."""
    rng = subject.rng(photograph, 0)
    profile = subject.population.profiles[subject.label]
    leukocytes: list[Leukocyte] = []
    for number in range(least + int(rng.poisson(profile.per_field))):
        own = number < least or bool(rng.random() > NORMAL_SHARE)
        cell = _leukocyte(subject, photograph, number, 0.0, 0.0, own=own)
        x, y, free = _spot(leukocytes, cell.traits.diameter, size, 17.0 if number < least else 2.0, rng)
        if free or number < least:
            leukocytes.append(replace(cell, x=x, y=y))
    return leukocytes


def _spot(
    taken: list[Leukocyte], diameter: float, size: tuple[float, float], margin: float, rng: np.random.Generator
) -> tuple[float, float, bool]:
    """A place for a cell at least `margin` from the edges, and whether it touches no other cell.

    Of a few random places it is the first free one, else the one with the most room.
    """
    height, width = size
    x, y = rng.uniform(margin, width - margin, 60), rng.uniform(margin, height - margin, 60)
    room = np.full(60, np.inf)
    for cell in taken:
        reach = 0.52 * (diameter + cell.traits.diameter) + 0.3
        room = np.minimum(room, np.hypot(x - cell.x, y - cell.y) - reach)
    best = int(np.argmax(room > 0)) if (room > 0).any() else int(np.argmax(room))
    return float(x[best]), float(y[best]), bool(room[best] > 0)


def _draw_smear(
    canvas: Canvas, subject: Subject, photograph: int, size: tuple[float, float], leukocytes: list[Leukocyte]
) -> None:
    density = subject.rng(photograph, 0, 1).uniform(0.26, 0.50)
    _draw_background(canvas, subject, photograph, size, leukocytes, density)
    _draw_leukocytes(canvas, subject, photograph, leukocytes)


def _draw_background(
    canvas: Canvas,
    subject: Subject,
    photograph: int,
    size: tuple[float, float],
    leukocytes: list[Leukocyte],
    density: float,
) -> None:
    """Red cells that cover a share `density` of the field, and platelets."""
    rng = subject.rng(photograph, 0, 0)
    red = _red_cells(leukocytes, size, density, subject.effects.size, rng)
    draw_red_cells(canvas, red.x, red.y, red.diameter, red.pallor, rng)
    height, width = size
    for _ in range(int(rng.poisson(height * width / 2200))):
        x, y, diameter = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(1.6, 3.2)
        draw_platelet(canvas, x, y, diameter, np.random.default_rng(rng.integers(2**63)))


def _draw_leukocytes(canvas: Canvas, subject: Subject, photograph: int, leukocytes: list[Leukocyte]) -> None:
    for cell in leukocytes:
        draw_leukocyte(canvas, cell.x, cell.y, cell.traits, subject.rng(photograph, 2 + cell.number, 0))


def _red_cells(
    leukocytes: list[Leukocyte], size: tuple[float, float], density: float, factor: float, rng: np.random.Generator
) -> RedCells:
    """Red cells that push each other apart a little and make way for leukocytes."""
    height, width = size[0] + 8, size[1] + 8
    n = int(density * height * width / 41)
    place = np.stack([rng.uniform(-4, width - 4, n), rng.uniform(-4, height - 4, n)], axis=1).astype(np.float32)
    diameter = (7.3 * factor * np.exp(rng.normal(0, 0.055, n))).astype(np.float32)
    pallor = np.clip(rng.normal(0.72, 0.15, n) - 0.3 * (rng.random(n) < 0.08), 0.05, 0.95).astype(np.float32)
    centres = np.array([(c.x, c.y) for c in leukocytes], dtype=np.float32).reshape(-1, 2)
    radii = np.array([c.traits.diameter / 2 for c in leukocytes], dtype=np.float32)
    reach = 0.47 * (diameter[:, None] + diameter[None, :])
    for _ in range(5):
        place += 0.5 * _repulsion(place, place, reach)
        place += _repulsion(place, centres, 0.44 * diameter[:, None] + radii[None, :])
    return RedCells(place[:, 0], place[:, 1], diameter, pallor)


def _repulsion(place: Plane, others: Plane, reach: Plane) -> Plane:
    """Shift of every point away from `others` that are nearer than `reach`, shapes (n, 2), (m, 2), (n, m) -> (n, 2)."""
    apart_x = place[:, 0, None] - others[None, :, 0]
    apart_y = place[:, 1, None] - others[None, :, 1]
    distance = np.sqrt(apart_x * apart_x + apart_y * apart_y)
    push = np.where(distance > 1e-4, np.maximum(reach - distance, 0) / np.maximum(distance, 0.05), 0)
    return np.stack([(push * apart_x).sum(axis=1), (push * apart_y).sum(axis=1)], axis=1)
