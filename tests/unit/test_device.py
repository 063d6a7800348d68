from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from leukorepro.core.device import choose_device, full_precision
from leukorepro.core.errors import UserError


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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be told")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    """Page faults of ten large blocks, one after the other, in a process of its own."""
    code = """
import resource, sys
import numpy as np
from leukorepro.core.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
np.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    faults = [
        int(subprocess.run([sys.executable, "-c", code, how], check=True, capture_output=True, text=True).stdout)
        for how in ("keep", "give back")
    ]
    assert faults[0] < faults[1] / 5
