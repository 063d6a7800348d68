"""Files of weights, read as the tensors that they hold; nothing but tensors is read, so that no file can run code."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import naming
from leukorepro.features.backbones.weights_files import check_weights_file, incomplete

_MEASURES = ("weight", "bias", "running_mean", "running_var")
"""Last words of the names of what is no count and no table of positions."""


def read_parameters(path: Path) -> dict[str, Tensor]:
    """Read a state dict that ``torch.save`` or safetensors wrote, alone or as one part of a checkpoint.

    Returns
    -------
    dict of str to Tensor
        On the CPU; floating-point values as float32, which holds those of fewer bits as they are and rounds those of
        more.

    Raises
    ------
    UserError
        If the file is missing, broken, or holds something else, which is named; or if values are of a kind that no
        float32 stands for, such as whole numbers of a quantised network.
    """
    head = check_weights_file(path)
    try:
        with naming(path):
            if head[8:9] == b"{":
                value: Any = load_file(path)
            else:
                with path.open("rb") as file:  # by its path, torch would go by the name
                    value = torch.load(file, map_location="cpu", weights_only=True)
    except (UserError, MemoryError):
        raise
    except pickle.UnpicklingError as error:
        if not (more := _more_than_tensors(str(error), head)):
            raise incomplete(path) from None
        raise UserError(
            f"{path}: holds {more}, which could run code; save its state_dict() alone, as "
            "`torch.save(network.state_dict(), ...)` does, where the file comes from."
        ) from None
    except Exception:  # noqa: BLE001 - bytes that happen to look like a pickle fail in every way
        raise incomplete(path) from None
    return _as_float32(_state_dict(value, path), path)


def _more_than_tensors(error: str, head: bytes) -> str:
    """What a pickle holds that the unpickler of tensors does not make; empty where it is no sound pickle.

    All newer pickles than those that ``torch.save`` writes by itself begin with a frame, which it does not know; such
    are those of ``pickle.dump`` and joblib.
    """
    if named := re.search(r"GLOBAL (\S+)", error):
        return f"more than tensors ({named[1]})"
    if f"Unsupported operand {pickle.FRAME[0]}\n" in error and head.startswith((b"PK", pickle.PROTO)):
        return "more than tensors, or tensors that something else than torch.save pickled"
    return ""


def _state_dict(value: Any, path: Path) -> dict[str, Tensor]:
    """Names and tensors: the value itself, or the only part of a checkpoint that is such."""
    if _is_state_dict(value):
        return dict(value)
    found = {key: part for key, part in value.items() if _is_state_dict(part)} if isinstance(value, dict) else {}
    if len(found) > 1:
        raise UserError(
            f"{path}: holds several state dicts ({', '.join(map(str, found))}); save the one that is "
            "meant, and nothing else."
        )
    if not found:
        raise UserError(f"{path}: holds no state dict (names and tensors); save network.state_dict() and nothing else.")
    ((key, part),) = found.items()
    print(f"{path}: a checkpoint, of which '{key}' is taken")
    return dict(part)


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(isinstance(name, str) and isinstance(part, Tensor) for name, part in value.items())
    )


def _as_float32(given: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors with floating-point values as float32, and said so where they were not."""
    read: dict[str, Tensor] = {}
    kinds: dict[str, None] = {}
    for name, value in given.items():
        if odd := _odd(name, value):
            raise UserError(f"{path}: {name} holds {odd}; save the network's own weights, in float32.")
        if value.is_floating_point() and value.dtype != torch.float32:
            kinds[str(value.dtype).removeprefix("torch.")] = None
        read[name] = value.to(torch.float32) if value.is_floating_point() else value
    if kinds:
        rounded = ", rounded" if "float64" in kinds else ""
        print(f"{path}: values in {' and '.join(kinds)} are taken as float32{rounded}")
    return read


def _odd(name: str, value: Tensor) -> str:
    """What makes a tensor one that no float32 stands for; empty where one does."""
    kind = str(value.dtype).removeprefix("torch.")
    if value.is_meta:
        return "a shape without values"
    if value.layout != torch.strided or value.is_nested:
        return "a tensor that is sparse or nested"
    if value.is_quantized or value.is_complex() or kind.startswith("float4"):
        return f"values in {kind}, which no float32 stands for"
    if value.is_floating_point():
        return ""
    if value.dtype != torch.int64 or name.rpartition(".")[2] in _MEASURES:
        return f"whole numbers ({kind}), as quantised networks do"
    return ""
