"""Features of a dataset's images without a network: a descriptor of the registry, image by image."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.code import module_digest
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.engines.computer import Computer
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
    wanted = (descriptor.input_size, descriptor.interpolation, descriptor.normalise)
    if (request.size, request.interpolation, request.normalise) != wanted:
        raise ValueError(f"{descriptor.id} wants {descriptor.input_size} pixels, {descriptor.interpolation}")
    computer = descriptor_computer(descriptor, threads)
    header = request.header(module_digest(__name__), LIBRARIES) | {
        **identity(descriptor),
        "weights_sha256": "",
        "engine": computer.description,
    }
    entry = find_descriptor(descriptor.descriptor)
    dim = entry.dim(request.size)
    stream(
        request,
        output,
        computer.compute,
        dim,
        header,
        threads=computer.workers,
        block_rows=computer.block_rows,
        dtype=entry.dtype,
    )


def descriptor_computer(descriptor: ResolvedDescriptor, threads: int) -> Computer:
    """A descriptor's function, ready to be asked for the features of blocks of images.

    Parameters
    ----------
    descriptor : ResolvedDescriptor
        What is computed of each image.
    threads : int
        Images that are decoded and described at the same time.
    """
    module, _, name = find_descriptor(descriptor.descriptor).function.partition(":")
    function = getattr(importlib.import_module(module), name)

    def compute(images: NDArray[np.uint8]) -> Values:
        return np.stack([function(image) for image in images])

    return Computer(
        compute=compute,
        description="Pillow, NumPy, scikit-image and scikit-learn, one image at a time",
        workers=threads,
        block_rows=BLOCK_ROWS,
        library="scikit-image",
    )
