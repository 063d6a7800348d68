"""Jobs that share GPUs: each has exactly one, no two the same at a time, and a killed one gives its own back.

No GPU is needed: what is taken is a name in `CUDA_VISIBLE_DEVICES`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import leukorepro.core.device as device
from leukorepro.core.errors import UserError
from leukorepro.core.sharing.gpus import SHARED, VISIBLE, take_gpu

JOB = """
import os, sys, time
from leukorepro.core.sharing.gpus import take_gpu
name = take_gpu()
assert take_gpu() == name, "a second one"
begin = time.monotonic()
print("has", os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
time.sleep(float(sys.argv[1]))
print("from", begin, "to", time.monotonic())
"""


def start(folder: Path, seconds: float, **variables: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in (SHARED, VISIBLE)}
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(seconds)],
        env={**clean, "TMPDIR": str(folder), **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_no_two_jobs_have_the_same_gpu_at_a_time(tmp_path: Path) -> None:
    jobs = [start(tmp_path, 0.3, **{SHARED: "2", VISIBLE: "3,GPU-5f/0,7"}) for _ in range(6)]
    had: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for job in jobs:
        text, _ = job.communicate(timeout=60)
        assert job.returncode == 0
        words = text.split()
        name = words[words.index("has") + 1]
        had[name].append((float(words[words.index("from") + 1]), float(words[-1])))
    assert set(had) == {"3", "GPU-5f/0"}, "the first two of those that are to be seen"
    for times in had.values():
        assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(times)))


def test_a_killed_job_gives_its_gpu_back(tmp_path: Path) -> None:
    first = start(tmp_path, 60, **{SHARED: "1"})
    assert first.stdout is not None
    lines = [first.stdout.readline(), first.stdout.readline()]
    assert lines == ["GPU 0, of 1 that jobs take turns on\n", "has 0\n"]
    second = start(tmp_path, 0, **{SHARED: "1"})
    assert second.stdout is not None
    assert second.stdout.readline() == "no GPU is free; waiting until another job ends\n"
    first.kill()
    text, _ = second.communicate(timeout=60)
    assert "has 0\n" in text
    first.communicate()


def test_where_no_gpus_are_shared_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHARED, raising=False)
    monkeypatch.setenv(VISIBLE, "1,2")
    assert take_gpu.__wrapped__() is None
    assert os.environ[VISIBLE] == "1,2"


def test_none_can_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED, "0")
    monkeypatch.setenv(VISIBLE, "1,2")
    assert take_gpu.__wrapped__() is None
    assert os.environ[VISIBLE] == ""


@pytest.mark.parametrize("number", ["-1", "two", ""])
def test_what_is_no_number_of_gpus_is_refused(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED, number)
    with pytest.raises(UserError, match="expected a number of GPUs"):
        take_gpu.__wrapped__()


def test_a_gpu_whose_turn_it_is_must_be_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "may_have_gpu", lambda: True)
    monkeypatch.setattr(device, "take_gpu", lambda: "3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="GPU 3: not usable here"):
        device.choose_device("auto")
    assert device.choose_device("cpu") == torch.device("cpu")
