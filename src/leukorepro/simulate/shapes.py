"""Outlines of cells and nuclei as signed distances on a pixel grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leukorepro.simulate.textures import Plane

ANGLES = 2048
_TURN = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)


def outline(irregularity: float, rng: np.random.Generator, waves: int = 9) -> NDArray[np.float64]:
    """Radius of a wavy closed curve as a function of the angle.

    Parameters
    ----------
    irregularity : float
        Root mean square deviation from a circle, share of the radius.
    rng : numpy.random.Generator
        Draws the waves' heights.
    waves : int
        Highest number of waves around the curve; long waves are the stronger ones.

    Returns
    -------
    ndarray of float64, shape (2048,)
        Radii at equal steps of the angle from -pi, about 1.
    """
    k = np.arange(2, waves + 1)
    cosines, sines = _waves(waves)
    amplitude = rng.standard_normal((2, len(k))) / k**1.5
    amplitude *= irregularity / np.sqrt((amplitude**2).sum() / 2)
    return np.asarray(1 + np.clip(amplitude[0] @ cosines + amplitude[1] @ sines, -0.5, 0.5))


@lru_cache(maxsize=8)
def _waves(highest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angles = np.outer(np.arange(2, highest + 1), _TURN)
    return np.cos(angles), np.sin(angles)


def dent(depth: float, direction: float, width: float) -> NDArray[np.float64]:
    """Factor on an outline that pushes it in towards a direction.

    Parameters
    ----------
    depth : float
        Share of the radius that is lost in the middle of the dent.
    direction : float
        Angle of the middle, radians.
    width : float
        Of the dent, radians.

    Returns
    -------
    ndarray of float64, shape (2048,)
        At the angles of `outline`, at most 1.
    """
    return np.asarray(1 - depth * np.exp((np.cos(_TURN - direction) - 1) / width**2))


def normalized(curve: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """An outline scaled to enclose the area of a circle of `radius`.

    Parameters
    ----------
    curve : ndarray of float64, shape (2048,)
        Radii of the outline at equal steps of the angle.
    radius : float
        Of the circle, in the unit of the result.
    """
    return np.asarray(curve * radius / np.sqrt(np.mean(curve**2)))


def polar_distance(y: Plane, x: Plane, curve: NDArray[np.float64]) -> Plane:
    """Distance to a star-shaped outline, positive inside, to first order exact at the edge.

    Parameters
    ----------
    y, x : ndarray of float32, shapes (H, 1) and (1, W)
        Coordinates of the pixels from the outline's centre.
    curve : ndarray of float64, shape (2048,)
        Radii, in the unit of the coordinates.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    angle = np.arctan2(y, x)
    index = ((angle + np.float32(np.pi)) * np.float32(ANGLES / (2 * np.pi))).astype(np.int32) & (ANGLES - 1)
    slope = np.gradient(np.pad(curve, 1, mode="wrap"))[1:-1] * ANGLES / (2 * np.pi)
    flat = (1 / np.sqrt(1 + (slope / curve) ** 2)).astype(np.float32)
    return np.asarray((curve.astype(np.float32)[index] - np.sqrt(y * y + x * x)) * flat[index])


def lobed_distance(
    y: Plane, x: Plane, lobes: int, area: float, reach: float, rng: np.random.Generator
) -> tuple[Plane, float]:
    """Distance to a segmented nucleus: unequal lobes along a bent thread, positive inside.

    Parameters
    ----------
    y, x : ndarray of float32, shapes (H, 1) and (1, W)
        Coordinates of the pixels from the cell's centre.
    lobes : int
        At least 2.
    area : float
        Area of all lobes together.
    reach : float
        Radius within which the nucleus must lie.
    rng : numpy.random.Generator
        Draws sizes, places and shapes of the lobes.

    Returns
    -------
    (ndarray of float32, shape (H, W); float)
        Distances, and the mean radius of the lobes.
    """
    sizes = np.sqrt(area / lobes / np.pi) * np.exp(0.13 * rng.standard_normal(lobes))
    sizes *= np.sqrt(area / (np.pi * np.sum(sizes**2)))
    mean = float(sizes.mean())
    orbit = min(max(reach - mean, 0.3 * mean), (1.05 if lobes == 2 else 0.78 * lobes / 2) * mean)
    step = min(2 * np.arcsin(min(0.93 * mean / orbit, 1.0)), 2 * np.pi / (lobes + 0.35))
    start, handed = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    angles = start + handed * step * (np.arange(lobes) - (lobes - 1) / 2) + rng.normal(0, 0.10, lobes)
    radii = orbit * (1 + rng.normal(0, 0.08, lobes))
    centres = np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1)
    if lobes < 4:
        centres -= centres.mean(axis=0) * 0.7
    stretch = np.exp(rng.normal(0, 0.14, lobes))
    tilts = rng.uniform(0, np.pi, lobes)
    blend = np.float32(0.18 * mean)
    total = np.zeros(np.broadcast(y, x).shape, dtype=np.float32)
    for (cy, cx), size, ratio, tilt in zip(
        centres.tolist(), sizes.tolist(), stretch.tolist(), tilts.tolist(), strict=True
    ):
        dy, dx = y - np.float32(cy), x - np.float32(cx)
        u = (np.float32(np.cos(tilt)) * dx + np.float32(np.sin(tilt)) * dy) / np.float32(ratio)
        v = (np.float32(np.cos(tilt)) * dy - np.float32(np.sin(tilt)) * dx) * np.float32(ratio)
        total += np.exp(np.minimum((np.float32(size) - np.sqrt(u * u + v * v)) / blend, np.float32(60)))
    for (ay, ax), (by, bx) in zip(centres[:-1].tolist(), centres[1:].tolist(), strict=True):
        total += np.exp(np.minimum(segment_distance(y, x, (ay, ax), (by, bx), 0.22 * mean) / blend, np.float32(60)))
    return np.asarray(blend * np.log(np.maximum(total, np.float32(1e-30)))), mean


def segment_distance(y: Plane, x: Plane, start: tuple[float, float], end: tuple[float, float], radius: float) -> Plane:
    """Distance to a rod with round ends between two points, positive inside.

    Parameters
    ----------
    y, x : ndarray of float32, shapes (H, 1) and (1, W)
        Coordinates of the pixels.
    start, end : tuple of float
        The two points as (y, x).
    radius : float
        Half the rod's thickness, in the unit of the coordinates.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    dy, dx = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
    py, px = y - np.float32(start[0]), x - np.float32(start[1])
    along = np.clip((py * dy + px * dx) / np.float32(max(float(dy * dy + dx * dx), 1e-9)), 0, 1)
    return np.asarray(np.float32(radius) - np.hypot(py - along * dy, px - along * dx))
