"""Writing where there is no room: one sentence, nothing half-written, what was there is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from small_disk import room_for

from leukorepro.core.file_errors import FileError
from leukorepro.core.store import atomic_path, hdf5_writer, write_csv, write_json, write_parquet
from leukorepro.simulate.dataset import _write_image

VALUES = np.random.default_rng(0).random((500, 20))


def write_matrix(path: Path) -> None:
    with hdf5_writer(path) as file:
        file["features"] = VALUES


def write_many_groups(path: Path) -> None:
    """HDF5 keeps them in memory and writes them when the file is closed."""
    with hdf5_writer(path) as file:
        for number in range(150):
            file.create_group(f"fit {number}").attrs["stopped_by"] = "epochs"


def write_tensors(path: Path) -> None:
    with atomic_path(path) as temporary:
        save_file({"weight": torch.from_numpy(VALUES)}, temporary)


def write_image(path: Path) -> None:
    _write_image((255 * VALUES.reshape(-1, 20, 1).repeat(3, 2)).astype(np.uint8), path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "json": lambda path: write_json(VALUES.tolist(), path),
    "csv": lambda path: write_csv(pd.DataFrame(VALUES), path),
    "parquet": lambda path: write_parquet(pd.DataFrame({"value": VALUES.ravel()}), path),
    "matrix.h5": write_matrix,
    "groups.h5": write_many_groups,
    "safetensors": write_tensors,
    "image.bmp": write_image,
    "image.tif": write_image,
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("size", [0, 600, 15_000])
def test_a_full_disk_keeps_the_old_file_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, size: int
) -> None:
    path = tmp_path / kind
    WRITERS[kind](path)
    whole = path.read_bytes()
    with room_for(size), pytest.raises(FileError) as caught:
        WRITERS[kind](path)
    assert str(caught.value).startswith(f"{path}: File too large; its file system, or `ulimit -f`, allows no larger")
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr().err == ""
