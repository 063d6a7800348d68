"""What images look like beside one another: smaller copies of others, and images too small to be of the same kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from leukorepro.core.errors import some
from leukorepro.data.fingerprints import SIDE, standardised

SMALLER = 1.2
"""How many times as wide and high as its smaller copy an image must be."""

ALIKE = 0.995
"""Least correlation of an image's small picture with that of its smaller copy.

Copies that were scaled to 60 pixels or more and saved as JPEG are above it (C-NMC 2019, Barcelona PBC), and different
images are below it: 0.984 at most among those, 0.992 among simulated cells on black.
"""

MUCH_SMALLER = 2
"""How many times as long as its own the sides of all others in its folder must be for an image to be named."""

BLOCK = 1024
"""Images that are compared with all larger ones at a time."""


def small_picture(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole image in 32 x 32 grey pixels.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    """
    grey = Image.fromarray(pixels).convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3))


def of_pictures(manifest: pd.DataFrame, pictures: NDArray[np.uint8]) -> list[str]:
    """Sentences on images that look like smaller copies of others, or like another kind of image.

    Parameters
    ----------
    manifest : DataFrame
        Readable images.
    pictures : ndarray of uint8, shape (n_images, 32, 32)
        As `small_picture` makes them, in the same order.
    """
    sizes = manifest[["width", "height"]].to_numpy()
    paths = manifest["path"].to_numpy()

    def shown(row: int) -> str:
        return f"{paths[row]} ({sizes[row, 0]} x {sizes[row, 1]})"

    found = []
    copies = smaller_copies(sizes, pictures)
    if copies:
        examples = some((f"{shown(small)} of {shown(large)}" for small, large in copies.items()), 3)
        found.append(
            f"{len(copies):,} image(s) look like smaller copies of others, thumbnails perhaps: {examples}; move them "
            "away, or the same cells count twice, and may be trained on and tested."
        )
    small = [row for row in _much_smaller(manifest) if row not in copies]
    if small:
        found.append(
            f"{len(small):,} image(s) look like thumbnails or icons, less than half as wide and high as all others in "
            f"their folder: {some(map(shown, small), 3)}; move them away if they are not cells."
        )
    return found


def smaller_copies(sizes: NDArray[np.integer], pictures: NDArray[np.uint8]) -> dict[int, int]:
    """Images that are there a second time, larger.

    Only images of the same proportions, one of which is larger by the factor `SMALLER`, are compared.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_images, 2)
        Width and height.
    pictures : ndarray of uint8, shape (n_images, 32, 32)
        Every image, small and grey.

    Returns
    -------
    dict of int to int
        Row of each smaller copy, and of the larger image that is most like it.
    """
    found: dict[int, int] = {}
    width, height = sizes.T
    different, number, counts = np.unique(sizes, axis=0, return_inverse=True, return_counts=True)
    with_size = np.split(np.argsort(number.ravel(), kind="stable"), np.cumsum(counts)[:-1])
    seen: NDArray[np.float32] | None = None
    for (w, h), rows in zip(different, with_size, strict=False):  # of no image no size
        # Scaling rounds the smaller image's sides to whole pixels.
        same_proportions = np.abs(width * h - height * w) <= 1.5 * np.maximum(width, height)
        larger = np.flatnonzero(same_proportions & (width >= SMALLER * w) & (height >= SMALLER * h))
        if len(larger):
            seen = standardised(pictures) if seen is None else seen
            for block in np.array_split(rows, -(-len(rows) // BLOCK)):
                correlation = seen[block] @ seen[larger].T
                best = correlation.argmax(axis=1)
                alike = correlation[np.arange(len(block)), best] >= ALIKE
                found.update(zip(block[alike].tolist(), larger[best[alike]].tolist(), strict=True))
    return dict(sorted(found.items()))


def _much_smaller(manifest: pd.DataFrame) -> Iterator[int]:
    """Rows of the few images of a folder between which and all others there is a gap in size."""
    side = manifest[["width", "height"]].max(axis=1).to_numpy()
    folders = [str(PurePosixPath(path).parent) for path in manifest["path"]]
    for in_folder in pd.Series(range(len(manifest))).groupby(folders).indices.values():
        rows = np.asarray(in_folder)
        ordered = rows[np.argsort(side[rows], kind="stable")]
        gaps = np.flatnonzero(side[ordered[1:]] > MUCH_SMALLER * side[ordered[:-1]]) + 1
        few = [gap for gap in gaps if 2 * gap < len(rows)]
        if few:
            yield from ordered[: few[-1]].tolist()
