"""Features of a dataset's images without a network: a descriptor of the registry, image by image."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.code import module_digest
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.stream import Request, Values, stream

LIBRARIES = ("pillow", "numpy", "h5py", "scikit-image", "scikit-learn")
BLOCK_ROWS = 32


def describe(request: Request, output: Path, descriptor: str, *, threads: int) -> None:
    """Write the features of every view of every readable image.

    Parameters
    ----------
    request : Request
        Images, views and the side that they are resized to.
    output : Path
        HDF5 file of the features contract; `backbone` is the descriptor's name, and there is no layer and no weights.
    descriptor : str
        A name of the registry in `leukorepro.features.descriptors.registry`.
    threads : int
        Workers; each reads images and computes their features.

    Raises
    ------
    UserError
        If there is no such descriptor, or an image cannot be read any more.
    """
    entry = find_descriptor(descriptor)
    module, _, name = entry.function.partition(":")
    function = getattr(importlib.import_module(module), name)

    def compute(images: NDArray[np.uint8]) -> Values:
        return np.stack([function(image) for image in images])

    header = request.header(module_digest(__name__), LIBRARIES) | {
        "backbone": descriptor,
        "layer": "none",
        "weights": "none",
        "weights_sha256": "",
        "preprocessing": f"resized {request.interpolation} with antialiasing; {entry.about}",
        "engine": "Pillow, NumPy, scikit-image and scikit-learn, one image at a time",
    }
    dim = entry.dim(request.size)
    stream(request, output, compute, dim, header, threads=threads, block_rows=BLOCK_ROWS, dtype=entry.dtype)
