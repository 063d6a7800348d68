"""Extraction: the features that a network gives for a dataset's images, in one HDF5 file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leukorepro.core.code import module_digest
from leukorepro.core.device import device_name, full_precision, keep_freed_memory
from leukorepro.core.words import Device
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.parameters import spread
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.specification import TIMM, Backbone
from leukorepro.features.engines.choice import choose_engine, torch_computer
from leukorepro.features.engines.computer import Computer
from leukorepro.features.identity import check_weights_file, identity
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.features.stream import Request, stream


def extract(
    request: Request,
    extractor: ResolvedExtractor,
    output: Path,
    *,
    device: Device = "auto",
    threads: int = 2,
    batch_rows: int = 32,
) -> None:
    """Write the features of every view of every readable image.

    Parameters
    ----------
    request : Request
        Images and views, resized as the extractor wants them.
    extractor : ResolvedExtractor
        Its engine `auto` is torch on a GPU and OpenVINO on a CPU, where it is installed, and says which it took; its
        precision `mixed` is half precision where that is safe, on a GPU or, with OpenVINO, on a CPU that supports
        bfloat16.
    output : Path
        HDF5 file of the features contract: rows in the manifest's order, the views of an image together.
    device : {'auto', 'cpu', 'cuda'}
        `auto` takes a GPU where there is one, and says which it took.
    threads : int
        Workers; on a CPU each reads and computes. The features do not depend on it.
    batch_rows : int
        Rows per pass through the network in torch.

    Raises
    ------
    UserError
        If an image cannot be read any more, or the engine, the device and the precision do not go together.
    ValueError
        If the request's images are not resized as the extractor wants them.
    """
    backbone = find_backbone(extractor.backbone)
    wanted = (extractor.input_size, backbone.interpolation, extractor.normalise)
    if (request.size, request.interpolation, request.normalise) != wanted:
        raise ValueError(f"{extractor.id} wants {extractor.input_size} pixels, {backbone.interpolation}")
    precision = extractor.precision
    chosen, target = choose_engine(extractor.engine, device, precision)
    print(f"engine: {chosen} on {device_name(target)}, {precision}")
    torch.set_num_threads(threads)
    keep_freed_memory()
    with full_precision():
        network = network_of(request, extractor, backbone, threads)
        if chosen == "openvino":
            from leukorepro.features.engines.openvino_engine import openvino_computer

            computer = openvino_computer(
                network, extractor.id, extractor.input_size, len(request.views), threads, precision
            )
        else:
            computer = torch_computer(network, target, precision, threads, batch_rows)
        stream(
            request,
            output,
            computer.compute,
            network.dim,
            _header(request, extractor, backbone, network, computer, chosen),
            threads=computer.workers,
            block_rows=computer.block_rows,
        )


def network_of(request: Request, extractor: ResolvedExtractor, backbone: Backbone, threads: int) -> FeatureNetwork:
    """The network; random weights have their batch-norm statistics set on images spread over the whole manifest.

    Parameters
    ----------
    request : Request
        Images of the manifest and how they are read.
    extractor : ResolvedExtractor
        Layer, weights, seed, preprocessing and input size.
    backbone : Backbone
        The network that the extractor names.
    threads : int
        Images that are read at the same time.
    """
    calibration = None
    if extractor.weights == "random":
        files = request.files()
        picked = spread(len(files))
        with ThreadPoolExecutor(threads) as pool:
            images = list(pool.map(lambda i: request.read(files[i], ["identity"]), picked))
        calibration = torch.from_numpy(np.concatenate(images))
        print(f"{extractor.id}: RANDOM weights, batch-norm statistics set on {len(picked)} images of the dataset")
    network = build_network(
        backbone,
        extractor.layer,
        extractor.weights,
        seed=extractor.seed,
        calibration=calibration,
        preprocessing=extractor.preprocessing,
        input_size=extractor.input_size,
    )
    check_weights_file(extractor)
    return network


def _header(
    request: Request,
    extractor: ResolvedExtractor,
    backbone: Backbone,
    network: FeatureNetwork,
    computer: Computer,
    chosen: str,
) -> dict[str, Any]:
    """Attributes of the output, which are also what an interrupted extraction must agree with to be continued."""
    libraries = {"torch", "torchvision", "pillow", "numpy", "h5py", computer.library}
    if backbone.build.startswith(TIMM):
        libraries.add("timm")
    return {
        **request.header(module_digest(__name__), sorted(libraries)),
        **identity(extractor),
        "weights_sha256": network.weights_sha256,
        "weights_file_sha256": network.file_sha256 or "",
        "computed_by": chosen,
        "engine": computer.description,
    }
