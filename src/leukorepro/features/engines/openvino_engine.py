"""Networks on OpenVINO: converted once, kept on disk, computed one row per core at a time.

Only this module imports OpenVINO, because the order matters: before scikit-learn's Intel extension in one process, it
makes the extension fail.
"""

from __future__ import annotations

import math
import sys
import threading
import warnings
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leukorepro.core.code import module_digest
from leukorepro.core.errors import UserError
from leukorepro.core.words import Precision
from leukorepro.features.backbones.networks import FeatureNetwork
from leukorepro.features.engines.choice import Computer
from leukorepro.features.engines.conversions import kept_or_made

# Nothing phones home: without this package OpenVINO's converter uses the stand-in that it has for its absence.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino  # type: ignore[import-untyped]  # noqa: E402
from openvino.properties import (  # type: ignore[import-untyped]  # noqa: E402
    device,
    hint,
    inference_num_threads,
    num_streams,
)

LIBRARIES = ("openvino", "torch", "torchvision", "timm")
MODEL = "model.xml"
LARGE_WEIGHTS = 1 << 23
"""Weights of a fully connected layer from which no core's cache holds them."""
LARGE_BATCH = 8
"""Rows that share one reading of such a layer's weights."""
READERS = 2
"""Workers for every stream: one reads images while the stream computes the other's."""
BLOCK_ROWS = 8
"""Fewest rows that a worker reads before it asks for their features, so that workers seldom change."""
WORDS: dict[Precision, str] = {"float32": "float32", "mixed": "mixed precision (bfloat16)"}


def openvino_computer(
    network: FeatureNetwork, name: str, size: int, views: int, threads: int, precision: Precision = "float32"
) -> Computer:
    """A network on the CPU: as many streams as threads, each on one core.

    Pinning of streams to cores is off: two jobs side by side would be pinned to the same ones.

    Parameters
    ----------
    network : FeatureNetwork
        On the CPU, in evaluation mode.
    name : str
        That of its extractor, which says layer and scaling; also begins the name of its folder in the cache.
    size : int
        Side of its input, in pixels.
    views : int
        Rows of one image; blocks are whole images and whole batches.
    threads : int
    precision : {'float32', 'mixed'}, optional
        `float32`: all numbers, whatever the CPU would do faster; `mixed`: bfloat16 wherever OpenVINO holds it safe.

    Raises
    ------
    UserError
        If mixed precision is asked for, and this CPU has none.
    """
    if precision == "mixed" and not has_bfloat16():
        raise UserError("precision mixed: this CPU does not compute with bfloat16; use --precision float32, or a GPU.")
    number = openvino.Type.bf16 if precision == "mixed" else openvino.Type.f32
    batch = LARGE_BATCH if _has_large_layer(network) else 1
    compiled = openvino.Core().compile_model(
        _converted(network, name, (batch, size, size, 3)),
        "CPU",
        {
            hint.performance_mode: hint.PerformanceMode.THROUGHPUT,
            num_streams: threads,
            inference_num_threads: threads,
            hint.inference_precision: number,
            hint.enable_cpu_pinning: False,
        },
    )
    own, dim, whole = threading.local(), network.dim, math.lcm(batch, views)

    def compute(block: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        rows = np.empty((len(block), dim), dtype=np.float32)
        for start in range(0, len(block), batch):
            part = block[start : start + batch]
            n = len(part)
            if n < batch:
                part = np.concatenate([part, np.zeros((batch - n, *part.shape[1:]), np.uint8)])
            own.request.infer([part], share_inputs=True)
            rows[start : start + n] = own.request.get_output_tensor(0).data[:n]
        return rows

    # OpenVINO's binding waits for ever if two threads at once are the first to give it an array: one does so here.
    compute(np.zeros((1, size, size, 3), np.uint8))
    return Computer(
        compute=compute,
        description=f"OpenVINO {version('openvino')}, CPU, {WORDS[precision]}, one thread per row, "
        f"batches of {batch} row{'s' if batch > 1 else ''}",
        workers=READERS * threads,
        block_rows=whole * -(-BLOCK_ROWS // whole),
        library="openvino",
    )


def has_bfloat16() -> bool:
    """Whether OpenVINO computes with bfloat16 on this CPU."""
    return "BF16" in openvino.Core().get_property("CPU", device.capabilities)


def _has_large_layer(network: nn.Module) -> bool:
    return any(isinstance(m, nn.Linear) and m.weight.numel() >= LARGE_WEIGHTS for m in network.modules())


def _converted(network: FeatureNetwork, name: str, shape: tuple[int, ...]) -> openvino.Model:
    """The network in OpenVINO's form: from the cache, or converted now and put there."""

    def convert() -> openvino.Model:
        with warnings.catch_warnings():
            # torch's tracing, which the converter uses, is on its way out; its successor takes twice as long here.
            warnings.simplefilter("ignore")
            return openvino.convert_model(network, example_input=torch.zeros(shape, dtype=torch.uint8), input=[shape])

    key = "\n".join([network.weights_sha256, str(shape), module_digest(__name__), *map(version, LIBRARIES)])
    return kept_or_made(f"{name}-{sha256(key.encode()).hexdigest()[:16]}", convert, _save, _load)


def _save(model: openvino.Model, folder: Path) -> None:
    openvino.save_model(model, folder / MODEL, compress_to_fp16=False)


def _load(folder: Path) -> openvino.Model:
    return openvino.Core().read_model(folder / MODEL)
