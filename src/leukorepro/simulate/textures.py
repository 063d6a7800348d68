"""Periodic noise textures, made once and then cut from at random places: chromatin, granules, sensor noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
TILE = 512


@lru_cache(maxsize=64)
def tile(length: float) -> Plane:
    """A periodic Gaussian random field.

    Parameters
    ----------
    length : float
        Size of its blobs in pixels (half a wavelength at the centre of a band one octave wide), at least 1.

    Returns
    -------
    ndarray of float32, shape (512, 512)
        Mean 0, deviation 1. The same for the same length, whatever the simulation's seed.
    """
    rng = np.random.default_rng([TILE, round(length * 1000)])
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    band = np.exp(-0.5 * (np.log2(np.maximum(frequency, 1e-9) * 2 * length) / 0.5) ** 2)
    band[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * band, (TILE, TILE))
    return np.asarray(field / field.std(), dtype=np.float32)


def patch(length: float, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """A randomly placed and turned piece of `tile`.

    Parameters
    ----------
    length : float
        Size of the blobs, pixels; rounded to a quarter of a pixel.
    shape : (int, int)
        Rows and columns; beyond 512 the texture repeats.
    rng : numpy.random.Generator
        Always asked for the same number of values.

    Returns
    -------
    ndarray of float32, shape `shape`
        Mean about 0, deviation about 1.
    """
    texture = tile(max(1.0, round(length * 4) / 4))
    y, x, turn = rng.integers(0, [TILE, TILE, 8]).tolist()
    if turn & 1:
        texture = texture.T
    rows = (y + np.arange(shape[0])) % TILE
    columns = (x + np.arange(shape[1])) % TILE
    piece = texture[rows[0] : rows[0] + shape[0], columns[0] : columns[0] + shape[1]]
    if piece.shape != shape:
        piece = texture[rows[:, None], columns]
    return piece[:: -1 if turn & 2 else 1, :: -1 if turn & 4 else 1]
