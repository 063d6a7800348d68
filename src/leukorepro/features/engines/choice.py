"""Engines: what computes a network's features, OpenVINO on a CPU or torch anywhere.

Both take rows of 8-bit pixels and give rows of float32; in float32 they agree to 1e-3 of the
largest feature. Half precision is several times as fast and rounds every layer's output: features of trained networks
correlate with those in float32 to 0.999, those of random weights, whose sums cancel, hardly do in some networks. A
row's value does not depend on the number of threads: no engine splits one row's sums over several.
"""

from __future__ import annotations

import importlib.util
import threading
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from leukorepro.core.device import choose_device, device_name
from leukorepro.core.errors import UserError
from leukorepro.core.words import Device, Engine, Precision
from leukorepro.features.backbones.networks import FeatureNetwork
from leukorepro.features.engines.computer import Computer
from leukorepro.features.stream import Compute

GPU_WORKERS = 2
"""Fewest threads that read images for a GPU: one block is read while another is computed."""


def choose_engine(
    engine: Engine, device: Device, precision: Precision
) -> tuple[Literal["openvino", "torch"], torch.device]:
    """The engine and the device that are meant.

    Parameters
    ----------
    engine : {'auto', 'openvino', 'torch'}
        What is to compute; `auto` is torch on a GPU, and OpenVINO on a CPU where it is installed.
    device : {'auto', 'cpu', 'cuda'}
        Where it is to compute.
    precision : {'float32', 'mixed'}
        Of the arithmetic; it is only checked here.

    Raises
    ------
    UserError
        If OpenVINO is asked for but not installed, or together with a GPU; if mixed precision is asked of torch on a
        CPU.
    """
    target = torch.device("cpu") if engine == "openvino" and device == "auto" else choose_device(device)
    if engine == "openvino" and target.type != "cpu":
        raise UserError("engine openvino: computes on a CPU; use --device cpu, or --engine torch for the GPU.")
    installed = importlib.util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise UserError("engine openvino: OpenVINO is not installed; install it (`pip install openvino`) or use torch.")
    chosen: Literal["openvino", "torch"] = (
        "torch" if target.type != "cpu" or engine == "torch" or not installed else "openvino"
    )
    if precision == "mixed" and chosen == "torch" and target.type == "cpu":
        raise UserError(
            "precision mixed: on a CPU only OpenVINO has it; use --engine openvino, or --precision float32."
        )
    return chosen, target


def torch_computer(
    network: FeatureNetwork, device: torch.device, precision: Precision, threads: int, batch_rows: int
) -> Computer:
    """Eager torch: the reference engine on a CPU, the default on a GPU.

    On a CPU every worker computes its own batch with one thread. On a GPU workers read ahead while it computes; what
    they read goes through pinned memory, and none waits for the GPU while it could read.

    Parameters
    ----------
    network : FeatureNetwork
        Moved to the device.
    device : torch.device
    precision : {'float32', 'mixed'}
        `mixed`: half precision where torch's autocast holds it safe.
    threads : int
        Workers on a CPU, each with a batch of its own; on a GPU they read ahead, at least `GPU_WORKERS` of them.
    batch_rows : int
        Rows per pass.
    """
    network.to(device)
    words = {"float32": "float32", "mixed": "mixed precision (float16)"}[precision]
    return Computer(
        compute=_on_gpu(network, device, precision) if device.type == "cuda" else _on_cpu(network),
        description=f"torch eager, {device_name(device)}, {words}, channels last, batches of {batch_rows} rows",
        workers=max(GPU_WORKERS, threads) if device.type == "cuda" else threads,
        block_rows=batch_rows,
        library="torch",
    )


def _on_cpu(network: FeatureNetwork) -> Compute:
    def compute(block: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch.set_num_threads(1)  # of this worker; the others compute other rows
        with torch.inference_mode():
            rows: NDArray[np.float32] = network(torch.from_numpy(block)).numpy()
        return rows

    return compute


def _on_gpu(network: FeatureNetwork, device: torch.device, precision: Precision) -> Compute:
    one_at_a_time = threading.Lock()  # one block's activations in the GPU's memory

    def compute(block: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(block).pin_memory()
        with torch.inference_mode(), torch.autocast(device.type, torch.float16, enabled=precision == "mixed"):
            with one_at_a_time:
                rows = network(pixels.to(device, non_blocking=True)).float()
                result = torch.empty(rows.shape, dtype=torch.float32, pin_memory=True)
                result.copy_(rows, non_blocking=True)
                finished = torch.cuda.Event()  # type: ignore[no-untyped-call]
                finished.record()
            # The next block is queued while this one is computed, so that the GPU does not wait.
            finished.synchronize()
        return np.array(result.numpy())

    return compute
