"""Feature files whose headers say what the tests want them to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leukorepro.core.store import hdf5_writer, sha256_file
from leukorepro.features.fusion import Features, fuse, write_rows
from leukorepro.features.identity import identity
from leukorepro.features.parts import Part


def write_parts(folder: Path, features: Features, parts: Sequence[Part], manifest: Path) -> Path:
    """A file of each part, with its share of the columns; the file that holds all of them."""
    files = []
    for part, columns in zip(parts, np.array_split(features.matrix, len(parts), axis=1), strict=True):
        files.append(folder / f"{part.id}.h5")
        with hdf5_writer(files[-1]) as file:
            file.create_dataset("features", data=columns)
            write_rows(file, *(features.rows[name].to_numpy(dtype=object) for name in ("image_id", "view")))
            shared = {"schema_version": 1, "dataset": "d", "manifest_sha256": sha256_file(manifest)}
            file.attrs.update(shared | identity(part))
    if len(files) == 1:
        return files[0]
    fuse(files, folder / "fused.h5")
    return folder / "fused.h5"
