"""Where networks and autoencoders are computed, and how precisely; torch is imported when it is asked."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from leukorepro.core.errors import UserError
from leukorepro.core.sharing.gpus import take_gpu
from leukorepro.core.words import Device

if TYPE_CHECKING:
    import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of `mallopt`, as in malloc.h."""


def choose_device(name: Device) -> torch.device:
    """The device to compute on; `auto` takes a GPU where there is one.

    Where jobs take turns on several GPUs (`leukorepro.core.sharing.gpus`), this is where a job waits for its turn.

    Raises
    ------
    UserError
        If `cuda` is asked for and there is none, or the one whose turn it is cannot be used.
    ValueError
        If the name is none of the three.
    """
    if name not in get_args(Device):
        raise ValueError(f"device is one of {', '.join(get_args(Device))}, not {name!r}")
    taken = take_gpu() if name != "cpu" and may_have_gpu() else None
    import torch

    available = torch.cuda.is_available()
    if taken is not None and not available:
        raise UserError(
            f"GPU {taken}: not usable here (see `leukorepro doctor`); are there as many as the profile's `gpu:` says?"
        )
    if name == "cuda" and not available:
        raise UserError("device cuda: no usable GPU here (see `leukorepro doctor`); use --device cpu or auto.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What the drivers of NVIDIA's and AMD's GPUs, and that of either within Windows, show of themselves on Linux."""


def may_have_gpu() -> bool:
    """Whether it is worth the seconds that torch takes to be asked for a GPU."""
    return platform.system() != "Linux" or any(Path(driver).exists() for driver in _DRIVERS)


def device_name(device: torch.device) -> str:
    """The device in words, for records and logs."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def machine_name(device: torch.device) -> str:
    """What computes, as times are told with it: the GPU; or the CPU's maker and kind, and how many threads it has."""
    if device.type == "cuda":
        return device_name(device)
    import torch

    threads = torch.get_num_threads()
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies numbers of bfloat16 itself, which is what makes them faster."""
    import torch

    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def keep_freed_memory() -> None:
    """Let this process keep the memory that a batch frees for the next batch.

    The C library would give large blocks back to the system, which zeroes them page by page when they are asked for
    again: a quarter of the time of a network on a CPU. Only the GNU C library can be told (`mallopt`); elsewhere this
    does nothing. Results are not touched.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        library.mallopt(parameter, 2**31 - 1)
    library.mallopt(_M_TOP_PAD, 2**27)


@contextmanager
def full_precision() -> Iterator[None]:
    """Products and convolutions of float32 in float32, not in TF32 or bfloat16, so that devices agree."""
    import torch

    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
