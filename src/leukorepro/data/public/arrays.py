"""Images that are published as arrays, written as files: a folder for each official split, and in it one per class."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from tqdm import tqdm

from leukorepro.data.public.unpacking import refusing_broken

SPLITS = ("train", "val", "test")
"""MedMNIST's names of its official splits, in its arrays' names and as folders here."""


def unpack_arrays(archive: Path, folder: Path, classes: Sequence[str]) -> None:
    """Write the images of a MedMNIST file as PNG, which loses nothing: ``<split>/<class>/<number>.png``.

    Images are read one by one: the arrays of 224 pixels take gigabytes. A number is the image's place in its array.

    Parameters
    ----------
    archive : Path
        An `.npz` file with ``<split>_images``, (n, height, width, 3) of uint8, and ``<split>_labels``, (n, 1).
    folder : Path
        Gets a folder for each part, with one for each class.
    classes : sequence of str
        Names of the labels 0, 1, ...

    Raises
    ------
    UnusableArchive
        If it is no such file.
    """
    from PIL import Image

    with refusing_broken(archive, "not the arrays of MedMNIST, or broken"), zipfile.ZipFile(archive) as opened:
        for split in SPLITS:
            with _array(opened, f"{split}_labels") as (_, shape, values):
                labels = np.fromiter((int(v.ravel()[0]) for v in values), int, count=shape[0])
            with _array(opened, f"{split}_images") as (kind, shape, images):
                if kind != np.uint8 or shape[1:] != (*shape[1:3], 3) or len(labels) != shape[0]:
                    raise ValueError(f"{split}: {shape} of {kind} with {len(labels):,} labels")
                if not np.isin(labels, range(len(classes))).all():
                    raise ValueError(f"{split}: labels beyond the {len(classes)} classes")
                for name in classes:
                    (folder / split / name).mkdir(parents=True, exist_ok=True)
                for number, image in enumerate(tqdm(images, split, shape[0])):
                    path = folder / split / classes[labels[number]] / f"{number:05}.png"
                    Image.fromarray(image).save(path)


@contextmanager
def _array(
    opened: zipfile.ZipFile, name: str
) -> Iterator[tuple[np.dtype[Any], tuple[int, ...], Iterator[NDArray[Any]]]]:
    """Kind, shape and, one after the other, the rows of an array in an `.npz` file; nothing in it is executed."""
    with opened.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name}: version {version} of the format")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        try:
            shape, by_columns, kind = read_header(file)
        except (SyntaxError, TokenError, TypeError) as error:  # of a damaged one, beside ValueError
            raise ValueError(f"{name}: {error}") from None
        size = opened.getinfo(f"{name}.npy").file_size - file.tell()
        if by_columns or kind.hasobject or not shape or math.prod(shape) * kind.itemsize != size:
            raise ValueError(f"{name}: {shape} of {kind} in {size:,} bytes")
        yield kind, shape, _rows(file, shape, kind)


def _rows(file: IO[bytes], shape: tuple[int, ...], kind: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    size = math.prod(shape[1:]) * kind.itemsize
    for _ in range(shape[0]):
        content = file.read(size)
        if len(content) < size:
            raise EOFError("it is cut short")
        yield np.frombuffer(content, kind).reshape(shape[1:])
