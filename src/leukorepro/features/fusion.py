"""Feature files: reading them, and fusing several without copying their matrices."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.checksums import check_blocks
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.store import hdf5_reader, hdf5_writer, sha256_file, sha256_once

SCHEMA_VERSION = 1
TEXT = h5py.string_dtype()

FITTED_ON = "features_sha256"
"""Attribute of what is fitted on the rows of a feature file: the file's SHA-256."""

CODES = "codes"
"""Of all rows of a feature file, float32, in the group of every fit of a reducer that is a network."""


@dataclass(frozen=True)
class Features:
    """A feature matrix and what its rows are.

    Attributes
    ----------
    matrix : ndarray, shape (N, D)
        float32; images are uint8.
    rows : DataFrame with columns image_id and view, N rows
    path : Path or None
        File that they were read from.
    """

    matrix: NDArray[Any]
    rows: pd.DataFrame
    path: Path | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 of their file, by which what is fitted on them knows them again; empty where they have none."""
        return "" if self.path is None else sha256_once(self.path)

    def row_numbers(self, wanted: pd.DataFrame) -> NDArray[np.int64]:
        """Positions of the wanted (image_id, view) pairs.

        Raises
        ------
        UserError
            If a pair is not in the file.
        """
        index = pd.MultiIndex.from_frame(self.rows)
        positions = index.get_indexer(pd.MultiIndex.from_frame(wanted[["image_id", "view"]]))
        if (positions < 0).any():
            image, view = wanted[["image_id", "view"]].to_numpy()[int(np.argmax(positions < 0))]
            raise UserError(
                f"features: no row for image {image}, view {view}; extract the features of this split again."
            )
        return np.asarray(positions, dtype=np.int64)


def read_features(path: Path, *, mapped: bool = False) -> Features:
    """Read a feature file, plain or fused.

    Parameters
    ----------
    path : Path
        The HDF5 file; of a fused one, the files that it is fused from lie where it says.
    mapped : bool
        Leave the matrix in the file, to be read row by row when it is asked for; that of a fused file, which lies in
        several, is read at once.

    Returns
    -------
    Features
        The matrix (n_rows, n_features), and image and view of each row.

    Raises
    ------
    UserError
        If it is missing or broken, or if a file that it is fused from is missing or holds other bytes since.
    """
    with hdf5_reader(path) as file:
        for source in json.loads(file.attrs.get("sources", "[]")):
            _check_part(path, Path(path).parent / source["file"], source["sha256"])
        rows = pd.DataFrame({name: file[name].asstr()[:] for name in ("image_id", "view")})
        matrix = file["features"]
        return Features(map_dataset(path, matrix) if mapped and not matrix.is_virtual else matrix[:], rows, path)


def read_headers(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Header of a feature file; of a fused one, those of its parts, in the order of their columns; each with its file.

    Raises
    ------
    UserError
        If a file is missing or broken.
    """
    with hdf5_reader(path) as file:
        header = {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
    parts = [Path(path).parent / source["file"] for source in json.loads(header.get("sources", "[]"))]
    return [part for file in parts for part in read_headers(file)] or [(path, header)]


def _check_part(fused: Path, part: Path, sha256: str) -> None:
    """Raise DamagedFile if a part is not what was fused: a missing one would be read as zeros, a changed one as is."""
    if not part.is_file():
        raise DamagedFile(fused, f"its part {part} is missing", "extract its features again")
    if sha256_once(part) == sha256:
        return
    try:
        check_blocks(part)
        with hdf5_reader(part):
            pass
    except DamagedFile as error:
        raise DamagedFile(part, error.what, useless=fused) from None
    raise DamagedFile(
        fused,
        f"its part {part} was changed since it was fused (SHA-256 is not {sha256[:8]}...)",
        "if it was made again, fuse the features again; otherwise extract its features again, and then fuse them",
    )


def map_dataset(path: Path, dataset: h5py.Dataset) -> NDArray[Any]:
    """A dataset of an HDF5 file as an array whose rows are read when they are asked for; checked now, as a whole.

    Parameters
    ----------
    path : Path
        The file.
    dataset : h5py.Dataset
        Of that file, which is open; it may be closed afterwards.

    Raises
    ------
    DamagedFile
        If the dataset was changed since it was written.
    ValueError
        If the dataset does not lie in one piece.
    """
    offset = dataset.id.get_offset()
    if offset is None:
        raise ValueError(f"{path}: {dataset.name} does not lie in one piece")
    check_blocks(path, offset, dataset.nbytes)
    return np.memmap(path, dataset.dtype, mode="r", offset=offset, shape=dataset.shape)


def fuse(parts: Sequence[Path], output: Path) -> None:
    """Write a file whose feature matrix is the parts' matrices side by side, as a view of them (no copy).

    Parameters
    ----------
    parts : sequence of Path
        Feature files of the same rows, extracted from the same manifest; their columns follow one another in this
        order.
    output : Path
        Fused file (an HDF5 virtual dataset). It refers to its parts by their paths from its own folder, and records
        size and SHA-256 of each, so that it changes whenever a part does.

    Raises
    ------
    UserError
        If the parts do not hold the same rows, were not extracted from the same manifest, or are damaged.
    """
    rows: list[NDArray[np.object_]] = []
    sources: list[dict[str, Any]] = []
    attributes: dict[str, Any] = {}
    column = 0
    for part in parts:
        place = Path(os.path.relpath(part, output.parent)).as_posix()
        with hdf5_reader(part) as file:
            check_blocks(part)  # as a whole: it is known by its SHA-256 from now on
            names = [file[name].asstr()[:] for name in ("image_id", "view")]
            if rows and not all(np.array_equal(a, b) for a, b in zip(rows, names, strict=True)):
                raise UserError(
                    f"{part}: holds other rows than {parts[0]}; extract both from the same manifest and views."
                )
            rows = names
            shape = file["features"].shape
            shared = {name: file.attrs[name] for name in ("schema_version", "dataset", "manifest_sha256")}
            for name, value in attributes.items():
                if shared[name] != value:
                    raise UserError(
                        f"{part}: its {name} is {shared[name]}, but that of {parts[0]} is {value}; extract both "
                        "from the same manifest."
                    )
            attributes = shared
        sources.append(
            {
                "file": place,
                "columns": [column, column + shape[1]],
                "size": part.stat().st_size,
                "sha256": sha256_file(part),
            }
        )
        column += shape[1]
    with hdf5_writer(output) as file:
        _create_view(file, (len(rows[0]), column), sources)
        write_rows(file, rows[0], rows[1])
        file.attrs.update(attributes)
        file.attrs["sources"] = json.dumps(sources)


def _create_view(file: h5py.File, shape: tuple[int, int], sources: Sequence[dict[str, Any]]) -> None:
    """Create the virtual dataset `features`: h5py's own function would record the time, and bytes would differ."""
    space = h5py.h5s.create_simple(shape)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.VIRTUAL)
    properties.set_obj_track_times(False)
    for source in sources:
        start, stop = source["columns"]
        block = (shape[0], stop - start)
        target = space.copy()
        target.select_hyperslab((0, start), block)
        properties.set_virtual(target, source["file"].encode(), b"features", h5py.h5s.create_simple(block))
    h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, properties)


def write_rows(
    file: h5py.File, image_id: Sequence[str] | NDArray[np.object_], view: Sequence[str] | NDArray[np.object_]
) -> None:
    """Write the two columns that say what each row of `features` is.

    Parameters
    ----------
    file : h5py.File
        A feature file, open for writing.
    image_id, view : sequence or ndarray of str, shape (n_rows,)
        Image and view of each row.
    """
    file.create_dataset("image_id", data=np.asarray(image_id, dtype=object), dtype=TEXT)
    file.create_dataset("view", data=np.asarray(view, dtype=object), dtype=TEXT)
