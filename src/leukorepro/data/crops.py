"""Crops and the photographs that they were cut from, where a dataset has both and does not say which from which.

A crop keeps the pixels of its photograph, perhaps compressed again, so that the two correlate almost perfectly at one
place and nowhere else. Crops and photographs must be of one magnification, and a crop neither turned nor mirrored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy import fft
from tqdm import tqdm

from leukorepro.core.caches import user_cache
from leukorepro.core.code import module_digest
from leukorepro.core.errors import UserError, some
from leukorepro.core.tables.data import CROPS_TABLE

MIN_CORRELATION = 0.97
"""Least correlation of a crop's grey values with those of its place in a photograph.

On simulated fields, crops compressed again as JPEG (quality 30 to 95) were above 0.985 in their own field, and below
0.92 in every other, whether 65, 129 or 257 pixels wide.
"""

COARSE_SIDE = 32
"""Pixels that a crop's shorter side is reduced to, about, to find places that are worth a closer look."""

CLOSER_LOOKS = 5
"""Photographs that each crop is laid over in full size: those that it fits best when both are reduced."""

BLOCK = 256
"""Crops whose spectra are in memory at a time; those of 257 pixels, over photographs of 5 megapixels, take 80 MB."""

Grey = NDArray[np.uint8]
Float = NDArray[np.floating]


def find_photographs(
    crops: Sequence[str],
    photographs: Sequence[str],
    read: Callable[[str], Grey],
    *,
    workers: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Find the photographs that crops were cut from.

    All are reduced first; of every photograph the place where a crop fits best is kept. In the few photographs that it
    fits best, the crop is then moved about that place in full size.

    Parameters
    ----------
    crops, photographs : sequence of str
        Names of images.
    read : callable
        Gives the grey values of an image, shape (height, width); a photograph is read twice.
    workers : int
        Threads; the result does not depend on them.
    progress : bool
        Whether to draw progress bars on the error stream.

    Returns
    -------
    DataFrame
        `CROPS_TABLE`, sorted: a row for each crop and photograph in which it is found. A crop that is nowhere has no
        row; one whose photograph is there twice has two.

    Notes
    -----
    Correlation is normalised cross-correlation (Lewis 1995). scikit-image's `match_template` gives the same for one
    pair; here spectra and local variances are shared, for 260 crops and 108 photographs are 28,080 pairs.
    """
    own = [read(name) for name in crops]
    factor = max(1, min(min(grey.shape) for grey in own) // COARSE_SIDE)
    with ThreadPoolExecutor(workers) as pool:

        def each(function: Callable[[Any], Any], of: Sequence[Any], what: str) -> list[Any]:
            bar = partial(tqdm, desc=what, unit="photograph", mininterval=1, disable=not progress)
            return list(bar(pool.map(function, of), total=len(of)))

        def reduced(photograph: str) -> Float:
            return _reduced(read(photograph), factor)

        small = each(reduced, photographs, "Reading photographs")
        largest = [max(sides) for sides in zip(*(picture.shape for picture in small), strict=True)]
        fits = []
        for start in range(0, len(crops), BLOCK):
            templates = Templates([_reduced(grey, factor) for grey in own[start : start + BLOCK]], largest)
            fits.append(each(templates.best_places, small, "Laying crops over them"))
        places = np.concatenate(fits, axis=1)  # of each photograph, of each crop: correlation, row, column
        promising = np.argsort(-places[..., 0], axis=0, kind="stable")[:CLOSER_LOOKS]

        def look_closer(photograph: int) -> list[tuple[str, str, float, int, int]]:
            grey = read(photographs[photograph])
            found = []
            for crop in np.flatnonzero((promising == photograph).any(axis=0)).tolist():
                top, left = (factor * places[photograph, crop, 1:]).astype(int)
                correlation, top, left = _best_near(grey, own[crop], top, left, factor)
                if correlation >= MIN_CORRELATION:
                    found.append((crops[crop], photographs[photograph], round(correlation, 6), left, top))
            return found

        links = each(look_closer, np.unique(promising).tolist(), "Looking closer")
    return CROPS_TABLE.frame(sorted(link for of_one in links for link in of_one))


def find_photographs_once(
    crops: Mapping[str, str],
    photographs: Mapping[str, str],
    read: Callable[[str], Grey],
    *,
    workers: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """As `find_photographs`, but what was found is kept in the user's cache, for the same files and the same code.

    Parameters
    ----------
    crops, photographs : mapping of str to str
        SHA-256 of the files, by the names of the images.
    read, workers, progress
        As there.
    """
    if not crops or not photographs:
        return CROPS_TABLE.frame()
    content = repr((module_digest(__name__), sorted(crops.items()), sorted(photographs.items())))
    folder = user_cache()
    kept = folder / "crops" / f"{hashlib.sha256(content.encode()).hexdigest()}.csv" if folder else None
    with suppress(UserError):  # not there, or damaged
        if kept:
            return CROPS_TABLE.read(kept)
    found = find_photographs(sorted(crops), sorted(photographs), read, workers=workers, progress=progress)
    with suppress(UserError):  # a cache that cannot be written is done without
        if kept:
            CROPS_TABLE.write(found, kept)
    return found


def summarise(
    found: pd.DataFrame, crops: Iterable[str], photographs: Iterable[str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """What was found, for JSON.

    Parameters
    ----------
    found : DataFrame
        `CROPS_TABLE`.
    crops, photographs : iterable of str
        All that were looked at.
    labels : mapping of str to str
        Classes of images.

    Returns
    -------
    dict
        ``crops, photographs``: how many were looked at; ``found``: crops with a photograph; ``used``: photographs with
        a crop; ``lowest_correlation``: None where nothing was found; ``nowhere``: crops without a photograph;
        ``several``: crops with more than one; ``other_class``: crops that are not of their photograph's class.
    """
    names = sorted(crops)
    per_crop = found["image_id"].value_counts()
    other = found["image_id"].map(labels) != found["photograph"].map(labels)
    return {
        "crops": len(names),
        "photographs": len(list(photographs)),
        "found": len(per_crop),
        "used": int(found["photograph"].nunique()),
        "lowest_correlation": float(found["correlation"].min()) if len(found) else None,
        "nowhere": [name for name in names if name not in per_crop],
        "several": sorted(per_crop.index[per_crop > 1]),
        "other_class": sorted(set(found["image_id"][other])),
    }


def in_words(summary: dict[str, Any]) -> list[str]:
    """Sentences on what `summarise` gave."""
    lines = [
        f"{summary['found']:,} of {summary['crops']:,} crops were cut from {summary['used']:,} of the "
        f"{summary['photographs']:,} photographs; crop and photograph are one source"
    ]
    if summary["found"]:
        lines[0] += f" (lowest correlation {summary['lowest_correlation']:.3f})"
    for key, what in (
        ("nowhere", "found in no photograph, and a source of their own"),
        ("several", "found in several photographs, which are then one source"),
        ("other_class", "not of the class of their photograph"),
    ):
        if names := summary[key]:
            lines.append(f"{len(names):,} {what}: {some(names)}")
    return lines


class Templates:
    """Pictures to be found in larger ones, with their spectra.

    Parameters
    ----------
    pictures : sequence of ndarray of float, each of shape (height, width)
    largest : (int, int)
        Height and width that no larger picture exceeds.
    """

    def __init__(self, pictures: Sequence[Float], largest: Sequence[int]) -> None:
        self._shapes = [picture.shape for picture in pictures]
        self._size = [fft.next_fast_len(int(side), real=True) for side in largest]
        self._spectra = [np.conj(fft.rfft2(_standard(picture), self._size)) for picture in pictures]

    def best_places(self, larger: Float) -> NDArray[np.float64]:
        """Where each picture fits a larger one best: correlation, row and column, shape (n_pictures, 3).

        The correlation is -1 where a picture is larger, and 0 where it or its place is of one grey.
        """
        values = larger - larger.mean()
        spectrum = fft.rfft2(values, self._size)
        lengths: dict[tuple[int, ...], Float] = {}
        found = np.tile((-1.0, 0.0, 0.0), (len(self._shapes), 1))
        for place, shape, own in zip(found, self._shapes, self._spectra, strict=True):
            rows, columns = np.subtract(values.shape, shape) + 1
            if min(rows, columns) < 1:
                continue
            if shape not in lengths:
                lengths[shape] = _lengths(values, shape)
            products = fft.irfft2(spectrum * own, self._size)[:rows, :columns]
            correlations = np.divide(products, lengths[shape], out=np.zeros_like(products), where=lengths[shape] > 0)
            row, column = np.unravel_index(correlations.argmax(), correlations.shape)
            place[:] = correlations[row, column], row, column
        return found


def _standard(picture: Float) -> Float:
    """A picture less its mean, of length 1; all zeros where it is of one grey."""
    values = picture - picture.mean()
    length = float(np.linalg.norm(values))
    standard: Float = values / length if length else values
    return standard


def _lengths(values: Float, shape: tuple[int, ...]) -> Float:
    """Length of every window of that shape, less its mean; 0 where the window is of one grey."""
    double = values.astype(np.float64)
    height, width = shape
    total, squares = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
        for sums in (np.pad(part.cumsum(0).cumsum(1), ((1, 0), (1, 0))) for part in (double, double**2))
    )
    variation = squares - total**2 / (height * width)
    # Differences of large sums: what is left of a window of one grey is their rounding.
    lengths: Float = np.sqrt(np.where(variation > 1e-6 * height * width, variation, 0)).astype(values.dtype)
    return lengths


def _best_near(photograph: Grey, crop: Grey, top: int, left: int, reach: int) -> tuple[float, int, int]:
    """Best correlation of a crop with its surroundings in full size, and its row and column in the photograph."""
    height, width = crop.shape
    top, left = max(0, top - reach), max(0, left - reach)
    window = photograph[top : top + height + 2 * reach, left : left + width + 2 * reach].astype(np.float64)
    ((correlation, row, column),) = Templates([crop.astype(np.float64)], window.shape).best_places(window)
    return float(correlation), top + int(row), left + int(column)


def _reduced(grey: Grey, factor: int) -> Float:
    return np.asarray(Image.fromarray(grey).reduce(factor), dtype=np.float32)
