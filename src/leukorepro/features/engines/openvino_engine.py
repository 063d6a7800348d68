"""Networks on OpenVINO: converted once, kept on disk, computed one row per core at a time.

Only this module imports OpenVINO, because the order matters: before scikit-learn's Intel extension in one process, it
makes the extension fail. torch is imported only where a network has to be converted.
"""

from __future__ import annotations

import math
import sys
import threading
import warnings
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.code import module_digest
from leukorepro.core.errors import UserError
from leukorepro.core.words import Precision
from leukorepro.features.engines.computer import Computer
from leukorepro.features.engines.conversions import kept, kept_or_made

if TYPE_CHECKING:
    from leukorepro.features.backbones.networks import FeatureNetwork

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
        Of which each reads images and computes a stream.
    precision : {'float32', 'mixed'}, optional
        `float32`: all numbers, whatever the CPU would do faster; `mixed`: bfloat16 wherever OpenVINO holds it safe.

    Raises
    ------
    UserError
        If mixed precision is asked for, and this CPU has none.
    """
    _check(precision)
    batch = LARGE_BATCH if _has_large_layer(network) else 1
    model = _converted(network, name, (batch, size, size, 3))
    return _computer(model, (batch, size, size, 3), views, threads, precision)


def kept_computer(
    name: str, weights_sha256: str, size: int, views: int, threads: int, precision: Precision = "float32"
) -> Computer | None:
    """The same of a network that was converted before, without building it; None where no conversion is kept.

    Parameters
    ----------
    name : str
        That of its extractor.
    weights_sha256 : str
        That of the network's parameters.
    size, views, threads, precision
        As `openvino_computer` takes them.
    """
    _check(precision)
    for batch in (1, LARGE_BATCH):  # of which a network has one
        shape = (batch, size, size, 3)
        model = kept(_key(name, weights_sha256, shape), _load)
        if model is not None:
            return _computer(model, shape, views, threads, precision)
    return None


def _computer(
    model: openvino.Model, shape: tuple[int, ...], views: int, threads: int, precision: Precision
) -> Computer:
    """A converted network whose input has that shape; see `openvino_computer`."""
    number = openvino.Type.bf16 if precision == "mixed" else openvino.Type.f32
    batch = shape[0]
    compiled = openvino.Core().compile_model(
        model,
        "CPU",
        {
            hint.performance_mode: hint.PerformanceMode.THROUGHPUT,
            num_streams: threads,
            inference_num_threads: threads,
            hint.inference_precision: number,
            hint.enable_cpu_pinning: False,
        },
    )
    own, dim, whole = threading.local(), compiled.output(0).shape[1], math.lcm(batch, views)

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
    compute(np.zeros((1, *shape[1:]), np.uint8))
    return Computer(
        compute=compute,
        description=f"OpenVINO {version('openvino')}, CPU, {WORDS[precision]}, one thread per row, "
        f"batches of {batch} row{'s' if batch > 1 else ''}",
        workers=READERS * threads,
        block_rows=whole * -(-BLOCK_ROWS // whole),
        library="openvino",
    )


def _check(precision: Precision) -> None:
    """Raise UserError if this CPU does not have it."""
    if precision == "mixed" and not has_bfloat16():
        raise UserError("precision mixed: this CPU does not compute with bfloat16; use --precision float32, or a GPU.")


def has_bfloat16() -> bool:
    """Whether OpenVINO computes with bfloat16 on this CPU."""
    return "BF16" in openvino.Core().get_property("CPU", device.capabilities)


def _has_large_layer(network: FeatureNetwork) -> bool:
    from torch import nn

    return any(isinstance(m, nn.Linear) and m.weight.numel() >= LARGE_WEIGHTS for m in network.modules())


def _converted(network: FeatureNetwork, name: str, shape: tuple[int, ...]) -> openvino.Model:
    """The network in OpenVINO's form: from the cache, or converted now and put there."""
    import torch

    def convert() -> openvino.Model:
        with warnings.catch_warnings():
            # torch's tracing, which the converter uses, is on its way out; its successor takes twice as long here.
            warnings.simplefilter("ignore")
            return openvino.convert_model(network, example_input=torch.zeros(shape, dtype=torch.uint8), input=[shape])

    return kept_or_made(_key(name, network.weights_sha256, shape), convert, _save, _load)


def _key(name: str, weights_sha256: str, shape: tuple[int, ...]) -> str:
    """Name in the cache, which says all that a converted network depends on."""
    code = [module_digest(__name__), module_digest("leukorepro.features.backbones.networks")]
    key = "\n".join([weights_sha256, str(shape), *code, *map(version, LIBRARIES)])
    return f"{name}-{sha256(key.encode()).hexdigest()[:16]}"


def _save(model: openvino.Model, folder: Path) -> None:
    openvino.save_model(model, folder / MODEL, compress_to_fp16=False)


def _load(folder: Path) -> openvino.Model:
    return openvino.Core().read_model(folder / MODEL)
