"""Memory that the system refuses: what libraries really say of it is told in a sentence."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from leukorepro.core.errors import no_memory

TOO_MUCH = 1 << 56


def test_what_libraries_say_of_refused_memory_is_a_sentence() -> None:
    for ask in (lambda: np.empty(TOO_MUCH), lambda: torch.empty(TOO_MUCH), lambda: bytearray(TOO_MUCH)):
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            ask()
        told = no_memory(caught.value)
        assert told is not None
        assert told.startswith("out of memory (")
    assert no_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")) is not None


def test_a_library_that_does_not_fit_is_told_by_the_command_line() -> None:
    """As under `ulimit -v`."""
    code = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
from leukorepro.cli.app import app
@app.command("probe")
def probe():
    import torch
app(["probe"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("leukorepro: out of memory (")
    assert done.stderr.count("\n") == 1


def test_other_errors_are_not_taken_for_it() -> None:
    assert no_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert no_memory(ImportError("No module named 'torch'")) is None
