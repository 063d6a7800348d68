"""Streaming: image files in, one HDF5 file of features out, whatever computes them.

Each worker thread takes a block of images at a time, decodes them, makes their views, resizes them and computes their
features; only a few blocks are in memory at any time. Finished blocks are appended in order to a work folder beside the
output, so that a killed job continues after its last finished block. The HDF5 file is written from the work folder at
the end, in one way, whether or not there was an interruption, so that its bytes are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import naming
from leukorepro.core.integrity.checksums import check_blocks
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.places import check_output
from leukorepro.core.read_ahead import read_ahead
from leukorepro.core.store import hdf5_reader, hdf5_writer
from leukorepro.core.unfinished import Finished, unfinished
from leukorepro.core.words import Normalisation
from leukorepro.data.images import scanned_image
from leukorepro.features.backbones.specification import Interpolation
from leukorepro.features.fusion import SCHEMA_VERSION, write_rows
from leukorepro.features.normalisation import normalised
from leukorepro.features.preprocessing import resized_views

Values = NDArray[np.float32] | NDArray[np.uint8]
Compute = Callable[[NDArray[np.uint8]], Values]
"""From resized views, uint8, shape (n, size, size, 3), red, green, blue, to their features, shape (n, dim).

Called from several threads at once; a row must not depend on which thread computes it."""

DType = Literal["float32", "uint8"]

COPY_BYTES = 1 << 24
"""Finished rows that are copied into the HDF5 file at a time."""

File = tuple[str, str, str]
"""image_id, path and SHA-256."""


@dataclass(frozen=True)
class Request:
    """Images and views whose features are wanted.

    Attributes
    ----------
    dataset : str
    manifest : DataFrame
        Manifest contract; unreadable rows are left out.
    manifest_sha256 : str
    images : Path
        Folder that the manifest's paths are relative to.
    views : sequence of str
    size : int
        Side of the square that every view is resized to, in pixels.
    max_pixels : int
        Largest image that is decoded.
    interpolation : {'bilinear', 'bicubic'}, optional
    normalise : {'grey', 'reinhard', 'macenko'}, optional
        How colours of an image are normalised, before its views are made.
    """

    dataset: str
    manifest: pd.DataFrame
    manifest_sha256: str
    images: Path
    views: Sequence[str]
    size: int
    max_pixels: int
    interpolation: Interpolation = "bilinear"
    normalise: Normalisation | None = None

    def files(self) -> list[File]:
        """Readable images in the manifest's order.

        Raises
        ------
        UserError
            If there is none.
        """
        usable = self.manifest[self.manifest["status"] == "ok"]
        if usable.empty:
            raise UserError(f"dataset {self.dataset}: its manifest has no readable image; scan the dataset to see why.")
        return list(zip(usable["image_id"], usable["path"], usable["sha256"], strict=True))

    def read(self, file: File, views: Sequence[str]) -> NDArray[np.uint8]:
        """Resized views of an image.

        Parameters
        ----------
        file : tuple of three str
            The image's id, its path below `images`, and the SHA-256 of its bytes.
        views : sequence of str
            Names of views, in the order in which they are to come.

        Returns
        -------
        ndarray of uint8, shape (views, size, size, 3)

        Raises
        ------
        UserError
            If the image cannot be read any more, or its content has changed since it was scanned.
        """
        image_id, path, sha256 = file
        image = scanned_image(self.images / path, sha256, self.max_pixels)
        if self.normalise is not None:
            image = Image.fromarray(normalised(np.asarray(image), self.normalise))
        return resized_views(image, views, image_id, self.size, self.interpolation)

    def header(self, code: str, libraries: Sequence[str]) -> dict[str, Any]:
        """Attributes of the features contract that do not depend on what computes the features.

        Parameters
        ----------
        code : str
            Digest of the code that computes the features.
        libraries : sequence of str
            Installed distributions that they depend on.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "dataset": self.dataset,
            "manifest_sha256": self.manifest_sha256,
            "input_size": self.size,
            "views": json.dumps(list(self.views)),
            "code_hash": code,
            "library_versions": json.dumps({library: version(library) for library in libraries}),
        }


def stream(
    request: Request,
    output: Path,
    compute: Compute,
    dim: int,
    header: dict[str, Any],
    *,
    threads: int,
    block_rows: int,
    dtype: DType = "float32",
) -> None:
    """Write the features of every view of every readable image.

    Parameters
    ----------
    request : Request
    output : Path
        HDF5 file of the features contract: rows in the manifest's order, the views of an image together.
    compute : callable
        See `Compute`.
    dim : int
        Number of features.
    header : dict
        Attributes of the file, all that its rows depend on: an interrupted job is continued, and a complete file kept,
        only where they are equal. `block_rows` belongs into it if rows that are computed together affect each other.
    threads : int
        Workers; each reads and computes.
    block_rows : int
        Rows that are computed together, rounded down to whole images but at least one image.
    dtype : {'float32', 'uint8'}
        Of the features.

    Raises
    ------
    UserError
        If an image cannot be read any more, a feature is not finite, or the system refuses to write. What was computed
        until then is kept, and the next call goes on from there.
    """
    files = request.files()
    check_output(output)
    with naming(output), unfinished(output, header) as finished:
        if _is_complete(output, header):
            print(f"{output}: complete already")
            return
        row = np.dtype((dtype, dim))
        _append_rows(finished, request, files, compute, row, threads, max(1, block_rows // len(request.views)))
        _write(output, finished.path, request, files, row, header)


def _append_rows(
    finished: Finished,
    request: Request,
    files: Sequence[File],
    compute: Compute,
    row: np.dtype[Any],
    threads: int,
    block_images: int,
) -> None:
    """Append the rows that the work file lacks, block by block."""
    done = finished.size // (len(request.views) * row.itemsize)
    if done:
        print(f"{request.dataset}: continuing after {done} of {len(files)} images")
    with tqdm(total=len(files), initial=done, unit="image", desc=request.dataset, smoothing=0.05, mininterval=1) as bar:
        for block, rows in _computed(request, files[done:], compute, threads, block_images):
            if rows.dtype != row.base or rows.shape != (len(block) * len(request.views), *row.shape):
                raise ValueError(f"features are {rows.dtype} {rows.shape}, not {row.base} with {row.shape[0]} columns")
            if not np.isfinite(rows).all():
                first = int(np.argmin(np.isfinite(rows).all(axis=1)))
                raise UserError(
                    f"{request.dataset}: the features of {block[first // len(request.views)][0]} are not finite; "
                    "look at the image and, where a network computed them, at whether its weights fit."
                )
            finished.append(rows.tobytes())
            bar.update(len(block))


def _computed(
    request: Request, files: Sequence[File], compute: Compute, threads: int, block_images: int
) -> Iterator[tuple[Sequence[File], Values]]:
    """Blocks of files and their rows, in order."""

    def work(block: Sequence[File]) -> Values:
        return compute(np.concatenate([request.read(file, request.views) for file in block]))

    blocks = (files[start : start + block_images] for start in range(0, len(files), block_images))
    return read_ahead(work, blocks, threads)


def _is_complete(output: Path, header: dict[str, Any]) -> bool:
    """Whether the file is there, whole, and says that it was made from the same input by the same code."""
    if not output.is_file():
        return False
    try:
        check_blocks(output)
        with hdf5_reader(output) as file:
            return dict(file.attrs) == header
    except DamagedFile as error:
        print(f"{output}: {error.what}; made anew", flush=True)
        return False


def _write(
    output: Path, partial: Path, request: Request, files: Sequence[File], row: np.dtype[Any], header: dict[str, Any]
) -> None:
    """Copy the finished rows into the HDF5 file, in blocks, so that memory does not grow with their number."""
    n_rows = len(files) * len(request.views)
    with hdf5_writer(output) as file, partial.open("rb") as source:
        features = file.create_dataset("features", shape=(n_rows, *row.shape), dtype=row.base)
        block = max(1, COPY_BYTES // row.itemsize)
        for start in range(0, n_rows, block):
            count = min(block, n_rows - start)
            rows = np.fromfile(source, row, count)
            if len(rows) < count:
                raise UserError(f"{output}: computed rows were lost from {partial}; run the command again.")
            features[start : start + count] = rows
        image_ids = np.array([image_id for image_id, _, _ in files], dtype=object)
        write_rows(file, np.repeat(image_ids, len(request.views)), np.tile(list(request.views), len(files)))
        file.attrs.update(header)
