"""Features of two datasets as those of one: rows of both files, for the images of a manifest of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader, hdf5_writer, sha256_once
from leukorepro.data.manifest import read_manifest
from leukorepro.features.fusion import write_rows

BLOCK_BYTES = 1 << 24
"""Rows that are copied at a time."""

OF_THE_IMAGES = frozenset({"dataset", "manifest_sha256", "views"})
"""Attributes of a feature file that two datasets have each of their own; all others must be equal."""


def join(
    first: Path, second: Path, manifest: Path, output: Path, *, dataset: str, second_name: str, views: Sequence[str]
) -> None:
    """Write the features of two datasets into one file, in the order of the manifest.

    Parameters
    ----------
    first, second : Path
        Feature files that the same code made with the same weights.
    manifest : Path
        Of both datasets; images of the second are called by its name and a colon in front of their own.
    output : Path
        HDF5 file of the features contract.
    dataset : str
        Name of both together.
    second_name : str
        Name of the second.
    views : sequence of str
        Views that are kept, as far as a file has them: of the second, which is only tested, originals suffice.

    Raises
    ------
    UserError
        If the files are of two networks, or an image of the manifest is in neither.
    """
    images = read_manifest(manifest)
    wanted = pd.Index(images.loc[images["status"] == "ok", "image_id"])
    with hdf5_reader(first) as one, hdf5_reader(second) as other:
        header = _shared_header(first, dict(one.attrs), second, dict(other.attrs))
        of_second = [f"{second_name}:{name}" for name in other["image_id"].asstr()[:]]
        names = np.concatenate([one["image_id"].asstr()[:], np.array(of_second, dtype=object)])
        view = np.concatenate([file["view"].asstr()[:] for file in (one, other)])
        place = np.where(np.isin(view, views), wanted.get_indexer(names), -1)
        if missing := sorted(set(wanted) - set(names[place >= 0])):
            raise UserError(
                f"{manifest}: its image {missing[0]} is in neither {first} nor {second}; extract the features of both "
                "datasets again."
            )
        order = np.argsort(place, kind="stable")[np.count_nonzero(place < 0) :]
        with hdf5_writer(output) as file:
            _copy((one["features"], other["features"]), order, file)
            write_rows(file, names[order], view[order])
            own = {"views": json.dumps(list(views))}
            file.attrs.update(header | own | {"dataset": dataset, "manifest_sha256": sha256_once(manifest)})


def _shared_header(first: Path, one: dict[str, Any], second: Path, other: dict[str, Any]) -> dict[str, Any]:
    """What both files say of how they were made."""
    for name in sorted((one.keys() | other.keys()) - OF_THE_IMAGES):
        if one.get(name) != other.get(name):
            raise UserError(
                f"{second}: its {name} is {other.get(name, 'not recorded')}, but that of {first} is "
                f"{one.get(name, 'not recorded')}; extract the features of both datasets in the same way."
            )
    return {name: value for name, value in one.items() if name not in OF_THE_IMAGES}


def _copy(sources: tuple[h5py.Dataset, h5py.Dataset], order: NDArray[np.intp], file: h5py.File) -> None:
    """Copy rows, counted through both sources, block by block."""
    one, other = sources
    features = file.create_dataset("features", shape=(len(order), *one.shape[1:]), dtype=one.dtype)
    size = max(1, BLOCK_BYTES // max(1, int(one.dtype.itemsize * np.prod(one.shape[1:]))))
    for start in range(0, len(order), size):
        here = order[start : start + size]
        block = np.empty((len(here), *one.shape[1:]), dtype=one.dtype)
        for source, mine, offset in ((one, here < len(one), 0), (other, here >= len(one), len(one))):
            if mine.any():
                rows = here[mine] - offset
                block[mine] = source[rows.min() : rows.max() + 1][rows - rows.min()]
        features[start : start + len(here)] = block
