"""Drawing of single cells as stain densities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from leukorepro.simulate.shapes import dent, lobed_distance, normalized, outline, polar_distance, segment_distance
from leukorepro.simulate.textures import Plane, patch
from leukorepro.simulate.traits import Traits


class Stain(IntEnum):
    """What takes up colour in a May-Gruenwald-Giemsa or Wright stain."""

    HAEMOGLOBIN = 0
    CHROMATIN = 1
    BASOPHIL = 2
    EOSIN = 3
    AZUROPHIL = 4


@dataclass(frozen=True)
class Canvas:
    """A window of a smear in which cells are drawn."""

    planes: Plane
    """Density of each stain, shape (5, H, W); 1 is the typical density of a fully stained structure."""
    scale: float
    """Pixels per micrometre."""
    left: float
    """Position of the window's edges in the smear, micrometres."""
    top: float

    def around(self, x: float, y: float, half: float) -> tuple[tuple[slice, slice], Plane, Plane] | None:
        """The pixels within `half` micrometres of a point.

        Parameters
        ----------
        x, y : float
            The point in the smear, micrometres.
        half : float
            Half the side of the square around it, micrometres.

        Returns
        -------
        tuple of two slices, ndarray of float32, shape (H, 1), and ndarray of float32, shape (1, W), or None
            Rows and columns of the window, and their offsets from the point in micrometres. None where that square lies
            outside the window.
        """
        height, width = self.planes.shape[1:]
        cx, cy, reach = (x - self.left) * self.scale - 0.5, (y - self.top) * self.scale - 0.5, half * self.scale
        x0, x1 = max(0, int(np.floor(cx - reach))), min(width, int(np.ceil(cx + reach)) + 1)
        y0, y1 = max(0, int(np.floor(cy - reach))), min(height, int(np.ceil(cy + reach)) + 1)
        if x0 >= x1 or y0 >= y1:
            return None
        offset_y = ((np.arange(y0, y1) - cy) / self.scale).astype(np.float32)[:, None]
        offset_x = ((np.arange(x0, x1) - cx) / self.scale).astype(np.float32)[None, :]
        return (slice(y0, y1), slice(x0, x1)), offset_y, offset_x

    def cover(self, distance: Plane) -> Plane:
        """Share of each pixel that lies inside, from distances in micrometres."""
        return np.asarray(np.clip(distance * np.float32(self.scale) + np.float32(0.5), 0, 1))


def draw_leukocyte(
    canvas: Canvas, x: float, y: float, traits: Traits, rng: np.random.Generator
) -> tuple[tuple[slice, slice], Plane] | None:
    """Draw one leukocyte over what lies below it.

    Parameters
    ----------
    canvas : Canvas
        Its planes are changed.
    x, y : float
        Centre of the cell in the smear, micrometres.
    traits : Traits
        What it looks like.
    rng : numpy.random.Generator
        The cell's own.

    Returns
    -------
    (slices, ndarray of float32) or None
        Where the cell was drawn and the distance to its edge in micrometres, positive inside; None if out of sight.
    """
    radius = traits.diameter / 2
    edge_curve = normalized(outline(0.022 + 0.35 * traits.irregularity, rng, waves=7), radius)
    place = canvas.around(x, y, float(edge_curve.max()) + 0.5)
    if place is None:
        return None
    where, dy, dx = place
    area = canvas.planes[(slice(None), *where)]
    to_edge = polar_distance(dy, dx, edge_curve)
    cell = canvas.cover(to_edge)
    to_nucleus = _nucleus_distance(dy, dx, to_edge, traits, rng)
    nucleus = canvas.cover(to_nucleus) * cell
    cytoplasm = cell - nucleus

    area *= 1 - cell
    _stain_cytoplasm(canvas, area, (dy, dx), cytoplasm, to_edge, to_nucleus, traits, rng)
    _stain_nucleus(canvas, area, (dy, dx), nucleus, to_nucleus, traits, rng)
    return where, to_edge


def _nucleus_distance(dy: Plane, dx: Plane, to_edge: Plane, traits: Traits, rng: np.random.Generator) -> Plane:
    """Distance to the edge of the nucleus, which stays within the cell."""
    radius = traits.diameter / 2
    nucleus_radius = radius * np.sqrt(traits.nucleus_share)
    direction, eccentric = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.0)
    lobes = max(1, round(traits.lobes))
    curve = outline(traits.irregularity + 0.006, rng)
    lobe_rng = np.random.default_rng(rng.integers(2**63))
    if lobes > 1:
        wall = 0.12 * radius
        distance, _ = lobed_distance(dy, dx, lobes, np.pi * nucleus_radius**2, radius - wall, lobe_rng)
        return np.asarray(np.minimum(distance, to_edge - np.float32(0.3)))
    # The dent faces the wider side of the cytoplasm.
    facing = direction + np.pi + lobe_rng.normal(0, 0.5)
    curve = curve * dent(traits.indentation, facing, lobe_rng.uniform(0.30, 0.60))
    if traits.irregularity > 0.04:
        curve = curve * dent(2.5 * (traits.irregularity - 0.04), lobe_rng.uniform(0, 2 * np.pi), 0.18)
    curve = normalized(curve, nucleus_radius)
    shift = eccentric * max(0.0, radius - nucleus_radius) * 0.85
    distance = polar_distance(
        dy - np.float32(shift * np.sin(direction)), dx - np.float32(shift * np.cos(direction)), curve
    )
    return np.asarray(np.minimum(distance, to_edge - np.float32(0.12)))


def _stain_cytoplasm(
    canvas: Canvas,
    area: Plane,
    offsets: tuple[Plane, Plane],
    cytoplasm: Plane,
    to_edge: Plane,
    to_nucleus: Plane,
    traits: Traits,
    rng: np.random.Generator,
) -> None:
    shape, scale = cytoplasm.shape, canvas.scale
    cloud, dust = patch(1.0 * scale, shape, rng), patch(0.3 * scale, shape, rng)
    rim = np.exp(-np.maximum(to_edge, 0) / np.float32(0.55))
    halo = np.exp(-np.maximum(-to_nucleus, 0) / np.float32(0.7))
    ground = cytoplasm * (1 + np.float32(0.10) * cloud + np.float32(0.07) * dust)
    blue = np.float32(0.06 + 1.15 * traits.basophilia)
    area[Stain.BASOPHIL] += ground * blue * (1 + np.float32(0.45) * rim - np.float32(0.22) * halo)
    area[Stain.EOSIN] += ground * np.float32(0.12 + 1.3 * traits.eosinophilia)

    grains = _grains(canvas, cytoplasm, traits.granules, rng)
    area[Stain.AZUROPHIL] += grains * np.float32(0.35 + 0.55 * traits.granules)
    for distance in _rods(offsets, traits, rng):
        area[Stain.AZUROPHIL] += canvas.cover(distance) * cytoplasm * np.float32(1.1)
    for distance in _bubbles(offsets, traits, rng):
        hole = canvas.cover(distance) * cytoplasm
        area *= 1 - np.float32(0.85) * hole


def _grains(canvas: Canvas, cytoplasm: Plane, share: float, rng: np.random.Generator) -> Plane:
    """Granules: the highest peaks of a fine texture, more of them the higher their share."""
    fine = patch(0.24 * canvas.scale, cytoplasm.shape, rng)
    coarse = patch(1.3 * canvas.scale, cytoplasm.shape, rng)
    threshold = np.float32(2.6 - 2.3 * min(share, 1.0) ** 0.6)
    return np.asarray(np.clip((fine + np.float32(0.35) * coarse - threshold) * np.float32(2.0), 0, 1) * cytoplasm)


def _rods(offsets: tuple[Plane, Plane], traits: Traits, rng: np.random.Generator) -> list[Plane]:
    """Auer rods, lying nearly parallel in one part of the cytoplasm, as distances."""
    count = int(rng.poisson(traits.auer_rods))
    heading, place = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    rods = []
    for _ in range(min(count, 8)):
        turn, reach = heading + rng.normal(0, 0.22), rng.uniform(0.55, 0.8) * traits.diameter / 2
        spot = place + rng.normal(0, 0.35)
        cy, cx, half = reach * np.sin(spot), reach * np.cos(spot), rng.uniform(1.0, 2.2)
        ends = [(cy + s * half * np.sin(turn), cx + s * half * np.cos(turn)) for s in (-1, 1)]
        rods.append(segment_distance(*offsets, ends[0], ends[1], 0.16))
    return rods


def _bubbles(offsets: tuple[Plane, Plane], traits: Traits, rng: np.random.Generator) -> list[Plane]:
    """Vacuoles in the cytoplasm, as distances."""
    dy, dx = offsets
    bubbles = []
    for _ in range(min(int(rng.poisson(traits.vacuoles)), 9)):
        spot, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.88) * traits.diameter / 2
        size = np.float32(rng.uniform(0.32, 0.72))
        cy, cx = np.float32(reach * np.sin(spot)), np.float32(reach * np.cos(spot))
        bubbles.append(size - np.hypot(dy - cy, dx - cx))
    return bubbles


def _stain_nucleus(
    canvas: Canvas,
    area: Plane,
    offsets: tuple[Plane, Plane],
    nucleus: Plane,
    to_nucleus: Plane,
    traits: Traits,
    rng: np.random.Generator,
) -> None:
    shape, scale = nucleus.shape, canvas.scale
    clumped = np.float32(traits.clumping)
    coarse, middle, fine = (patch(length * scale, shape, rng) for length in (0.95, 0.55, 0.28))
    # Fine chromatin is a sieve of small pale openings; clumped chromatin has dark blocks with pale clefts between.
    openings = np.maximum(np.float32(0.75) * middle + np.float32(0.55) * fine - np.float32(0.35), 0)
    clefts = np.maximum(np.float32(0.8) * coarse + np.float32(0.5) * middle - np.float32(0.55), 0)
    blocks = np.tanh(np.float32(-1.8) * coarse)
    membrane = np.exp(-np.square((to_nucleus - np.float32(0.22)) / np.float32(0.24)))
    pale = np.minimum(
        (1 - clumped) * np.float32(0.62) * openings + clumped * np.float32(0.42) * clefts, np.float32(0.6)
    )
    body = 1 + clumped * np.float32(0.11) * blocks + np.float32(0.06) * fine + np.float32(0.16) * membrane - pale
    body = body * nucleus * np.float32(traits.chromatin)
    pink = nucleus * (np.float32(0.08 + 0.12 * (1 - traits.clumping)) + np.float32(0.62) * pale)
    dy, dx = offsets
    for _ in range(min(int(rng.poisson(traits.nucleoli)), 4)):
        spot, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6) * np.sqrt(traits.nucleus_share)
        size = rng.uniform(0.07, 0.115) * traits.diameter
        cy, cx = (reach * traits.diameter / 2 * np.sin(spot), reach * traits.diameter / 2 * np.cos(spot))
        distance = np.float32(size) - np.hypot(dy - np.float32(cy), dx - np.float32(cx))
        distance += np.float32(0.07) * middle
        soft = np.clip(distance / np.float32(0.7) + np.float32(0.5), 0, 1) * nucleus
        ring = np.exp(-np.square((distance + np.float32(0.1)) / np.float32(0.28))) * nucleus
        body = body * (1 - np.float32(0.30) * soft + np.float32(0.10) * ring)
        area[Stain.BASOPHIL] += np.float32(0.16) * soft
    area[Stain.CHROMATIN] += body
    area[Stain.AZUROPHIL] += pink


def draw_red_cells(
    canvas: Canvas, x: Plane, y: Plane, diameter: Plane, pallor: Plane, rng: np.random.Generator
) -> None:
    """Add discs with a central pallor to the haemoglobin, darker where they overlap.

    Parameters
    ----------
    canvas : Canvas
        Its planes are changed.
    x, y : ndarray of float32, shape (n,)
        Centres in the smear, micrometres.
    diameter : ndarray of float32, shape (n,)
        Micrometres.
    pallor : ndarray of float32, shape (n,)
        Depth of the central pallor: 0 is none (a spherocyte), 1 an empty centre.
    rng : numpy.random.Generator
        Asked for values for all n cells, in sight or not.
    """
    n = len(x)
    stretch = np.exp(rng.normal(0, 0.07, n)).astype(np.float32)
    turn = rng.uniform(0, np.pi, n).astype(np.float32)
    third, fourth = rng.normal(0, 0.011, (2, n)).astype(np.float32)
    density = np.exp(rng.normal(0, 0.08, n)).astype(np.float32)
    lean = rng.normal(0, 0.06, (2, n)).astype(np.float32)
    width = np.clip(rng.normal(0.50, 0.07, n), 0.30, 0.68).astype(np.float32)
    for i in range(n):
        place = canvas.around(float(x[i]), float(y[i]), 0.62 * float(diameter[i]))
        if place is None:
            continue
        where, dy, dx = place
        radius = diameter[i] / 2
        u = (np.cos(turn[i]) * dx + np.sin(turn[i]) * dy) / (radius * stretch[i])
        v = (np.cos(turn[i]) * dy - np.sin(turn[i]) * dx) * (stretch[i] / radius)
        square = u * u + v * v
        wave = third[i] * u * (u * u - 3 * v * v) + fourth[i] * (u * u - v * v) * u * v * 4
        rho = np.sqrt(square) * (1 + wave)
        cover = canvas.cover((1 - rho) * radius)
        off = np.sqrt(np.square(u - lean[0, i]) + np.square(v - lean[1, i]))
        depth = 1 - pallor[i] * (1 - _smooth_step((off - np.float32(0.20)) / width[i]))
        canvas.planes[(Stain.HAEMOGLOBIN, *where)] += cover * depth * density[i]


def _smooth_step(t: Plane) -> Plane:
    """Rise from 0 at t <= 0 to 1 at t >= 1 without corners."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def draw_platelet(canvas: Canvas, x: float, y: float, diameter: float, rng: np.random.Generator) -> None:
    """Draw one platelet: a small pale disc with a granular purple centre.

    Parameters
    ----------
    canvas : Canvas
        What is drawn on; densities are added in place.
    x, y : float
        The platelet's centre in the smear, micrometres.
    diameter : float
        Micrometres.
    rng : numpy.random.Generator
        Draws its outline and its grains, and is drawn from as often whether or not the platelet lies in the window.
    """
    curve = normalized(outline(0.10, rng, waves=6), diameter / 2)
    grains_rng = np.random.default_rng(rng.integers(2**63))
    place = canvas.around(x, y, float(curve.max()) + 0.3)
    if place is None:
        return
    where, dy, dx = place
    distance = polar_distance(dy, dx, curve)
    cover = canvas.cover(distance)
    fine = patch(0.35 * canvas.scale, cover.shape, grains_rng)
    centre = np.clip(distance / np.float32(0.3 * diameter), 0, 1)
    canvas.planes[(Stain.BASOPHIL, *where)] += np.float32(0.30) * cover
    canvas.planes[(Stain.AZUROPHIL, *where)] += (
        cover * centre * np.clip(np.float32(0.60) + np.float32(0.30) * fine, 0, 1.4)
    )
