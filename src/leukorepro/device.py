"""Where networks and autoencoders are computed, and how precisely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import torch

from leukorepro.errors import UserError
from leukorepro.words import Device


def choose_device(name: Device) -> torch.device:
    """The device to compute on; `auto` takes a GPU where there is one.

    Raises
    ------
    UserError
        If `cuda` is asked for and there is none.
    ValueError
        If the name is none of the three.
    """
    if name not in get_args(Device):
        raise ValueError(f"device is one of {', '.join(get_args(Device))}, not {name!r}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("device cuda: no usable GPU here (see `leukorepro doctor`); use --device cpu or auto.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def device_name(device: torch.device) -> str:
    """The device in words, for records and logs."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


@contextmanager
def full_precision() -> Iterator[None]:
    """Products and convolutions of float32 in float32, not in TF32 or bfloat16, so that devices agree."""
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
