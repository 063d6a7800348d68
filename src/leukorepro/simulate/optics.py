"""From stain densities to a photograph: absorption, light, focus, sensor noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from leukorepro.simulate.cells import Stain
from leukorepro.simulate.population import Effects
from leukorepro.simulate.textures import TILE, Plane, patch

RGB = NDArray[np.uint8]

STAINS = np.array(
    [
        (0.078, 0.185, 0.120),  # haemoglobin
        (0.44, 0.80, 0.24),  # chromatin
        (0.29, 0.27, 0.055),  # basophil
        (0.06, 0.15, 0.05),  # eosin
        (0.24, 0.56, 0.16),  # azurophil
    ]
)
"""Optical density of unit density of each `Stain` in red, green and blue (read off photographs of stained smears)."""


@dataclass(frozen=True)
class Microscope:
    """Light and focus of a look."""

    light: tuple[float, float, float]
    """Grey values of the empty slide, red, green and blue."""
    blur: float
    """Median width (standard deviation) of the focus blur, micrometres."""
    vignette: float
    """Loss of light at the edge of the picture, share."""
    noise: float
    """Deviation of the sensor noise, grey levels."""
    cytoplasm: tuple[float, float, float] = (0.29, 0.27, 0.055)
    """Optical density of the blue stain of the cytoplasm, where it differs from `STAINS`."""


def develop(planes: Plane, scale: float, effects: Effects, microscope: Microscope, rng: np.random.Generator) -> RGB:
    """Photograph a stained window.

    Parameters
    ----------
    planes : ndarray of float32, shape (5, H, W)
        Density of each stain; changed.
    scale : float
        Pixels per micrometre.
    effects : Effects
        Those of the subject and the photograph.
    microscope : Microscope
    rng : numpy.random.Generator
        Draws haze, light and noise.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Light through the window by the law of Beer and Lambert, blurred, with noise.
    """
    height, width = planes.shape[1:]
    density = STAINS.copy()
    density[Stain.BASOPHIL] = microscope.cytoplasm
    density[Stain.CHROMATIN] *= effects.nuclear
    density *= effects.stain * np.array([effects.red, effects.green, effects.blue])
    light = np.array(microscope.light) * effects.brightness * np.array([effects.warm, 1.0, 1 / effects.warm])

    haze = 1 + np.float32(0.008) * patch(4.5 * scale, (height, width), rng)
    tilt_y, tilt_x, centre_y, centre_x = rng.normal(0, [0.025, 0.025, 0.15, 0.15]).tolist()
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    fall = np.float32(microscope.vignette / 2) * (
        np.square(y - np.float32(centre_y)) + np.square(x - np.float32(centre_x))
    )
    haze *= 1 + np.float32(tilt_y) * y + np.float32(tilt_x) * x - fall

    absorbed = (-np.log(10) * density.T).astype(np.float32) @ planes.reshape(len(Stain), -1)
    picture = np.exp(absorbed, out=absorbed).reshape(3, height, width)
    picture *= light.astype(np.float32)[:, None, None] * haze
    levels = np.clip(picture, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    sigma = microscope.blur * effects.blur * scale
    blurred = Image.fromarray(np.ascontiguousarray(levels)).filter(ImageFilter.GaussianBlur(sigma))
    return _with_noise(np.asarray(blurred), microscope.noise, rng)


def _with_noise(levels: RGB, deviation: float, rng: np.random.Generator) -> RGB:
    grain = _grain(deviation)
    top, left = rng.integers(0, TILE, 2).tolist()
    height, width = levels.shape[:2]
    noisy = levels + grain[top : top + height, left : left + width]
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


@lru_cache(maxsize=8)
def _grain(deviation: float) -> NDArray[np.int16]:
    """Sensor noise, somewhat alike in the three channels and in neighbouring pixels, large enough to cut from."""
    rng = np.random.default_rng(TILE)
    side = 3 * TILE
    noise = rng.standard_normal((side, side, 3), dtype=np.float32)
    noise += rng.standard_normal((side, side, 1), dtype=np.float32)
    noise += 0.6 * np.roll(noise, 1, axis=1)
    return np.asarray(np.rint(noise * (deviation / noise.std())), dtype=np.int16)
