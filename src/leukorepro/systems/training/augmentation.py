"""Random changes of training images: drawn for every image and epoch by themselves, done to a batch at once.

torchvision's transforms draw once for a whole batch, from torch's one generator: what becomes of an image would depend
on its batch, and all images of a batch would be turned alike.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from leukorepro.config.study.training import Augmentation
from leukorepro.systems.networks.layers import WHITE

_FLIPS, _ROTATION, _SHIFTS, _ZOOM, _BRIGHTNESS = slice(0, 2), 2, slice(3, 5), 5, 6
"""Where the draws of an image stand; each has its own, so that one change more leaves the others as they are."""
_DRAWS = 7


def augmented(images: Tensor, positions: Tensor, how: Augmentation, seed: int, epoch: int) -> Tensor:
    """Images as an epoch sees them.

    Parameters
    ----------
    images : Tensor of uint8, shape (n, height, width, 3)
        RGB.
    positions : Tensor of int, shape (n,)
        Numbers of their rows, which their draws are made from with the seed and the epoch: in whatever batch an image
        comes, and after whatever interruption, it is changed alike.
    how : Augmentation
    seed, epoch : int
        Non-negative.

    Returns
    -------
    Tensor of uint8, shape (n, height, width, 3)
        On the images' device. Bilinear; what comes from outside an image is black, as in views.
    """
    draws = np.stack([np.random.default_rng([seed, epoch, int(row)]).uniform(-1, 1, _DRAWS) for row in positions])
    brightness = torch.from_numpy(1 + how.brightness * draws[:, _BRIGHTNESS]).float().to(images.device)
    maps = images.permute(0, 3, 1, 2).float()
    aspect = images.shape[2] / images.shape[1]
    grid = functional.affine_grid(_sources(draws, how, aspect).to(images.device), list(maps.shape), align_corners=False)
    moved = functional.grid_sample(maps, grid, align_corners=False) * brightness[:, None, None, None]
    return moved.round_().clamp_(0, WHITE).to(torch.uint8).permute(0, 2, 3, 1)


def _sources(draws: NDArray[np.float64], how: Augmentation, aspect: float) -> Tensor:
    """Of every image, the matrix (2, 3) from where a pixel is to where it comes from, both from -1 to 1."""
    asked = np.array(["horizontal" in how.flips, "vertical" in how.flips])
    flips = np.where(asked & (draws[:, _FLIPS] < 0), -1.0, 1.0)
    angle, zoom = math.radians(how.rotation) * draws[:, _ROTATION], 1 + how.zoom * draws[:, _ZOOM]
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    turned = np.stack([np.stack([cos, sin / aspect], 1), np.stack([-sin * aspect, cos], 1)], 1)
    matrix = flips[:, :, None] * turned
    shift = 2 * how.shift * draws[:, _SHIFTS]
    return torch.from_numpy(np.concatenate([matrix, shift[:, :, None]], 2)).float()
