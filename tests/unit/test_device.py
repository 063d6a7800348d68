from __future__ import annotations

import pytest
import torch

from leukorepro.device import choose_device, full_precision
from leukorepro.errors import UserError


def test_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match="auto, cpu, cuda, not 'tpu'"):
        choose_device("tpu")  # type: ignore[arg-type]


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(UserError, match="no usable GPU"):
        choose_device("cuda")


def test_precision_is_full_inside_and_restored_outside() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with full_precision():
        assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.backends.cudnn.allow_tf32
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before
