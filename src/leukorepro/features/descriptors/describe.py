"""Features of a dataset's images without a network: a descriptor of the registry, image by image."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.code import module_digest
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.identity import identity
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.features.stream import Request, Values, stream

LIBRARIES = ("pillow", "numpy", "h5py", "scikit-image", "scikit-learn")
BLOCK_ROWS = 32


def describe(request: Request, output: Path, descriptor: ResolvedDescriptor, *, threads: int) -> None:
    """Write the features of every view of every readable image.

    Parameters
    ----------
    request : Request
        Images, views and the side that they are resized to.
    output : Path
        HDF5 file of the features contract; `backbone` is the descriptor's name, and there is no layer and no weights.
    descriptor : ResolvedDescriptor
    threads : int
        Workers; each reads images and computes their features.

    Raises
    ------
    UserError
        If an image cannot be read any more.
    ValueError
        If the request's images are not resized as the descriptor wants them.
    """
    if (request.size, request.interpolation) != (descriptor.input_size, descriptor.interpolation):
        raise ValueError(f"{descriptor.id} wants {descriptor.input_size} pixels, {descriptor.interpolation}")
    entry = find_descriptor(descriptor.descriptor)
    module, _, name = entry.function.partition(":")
    function = getattr(importlib.import_module(module), name)

    def compute(images: NDArray[np.uint8]) -> Values:
        return np.stack([function(image) for image in images])

    header = request.header(module_digest(__name__), LIBRARIES) | {
        **identity(descriptor),
        "weights_sha256": "",
        "engine": "Pillow, NumPy, scikit-image and scikit-learn, one image at a time",
    }
    dim = entry.dim(request.size)
    stream(request, output, compute, dim, header, threads=threads, block_rows=BLOCK_ROWS, dtype=entry.dtype)
