from __future__ import annotations

import contextlib
import errno
import importlib.util
import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from small_disk import room_for
from torch import nn

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.parameters import parameters_digest
from leukorepro.features.backbones.registry import BACKBONES, find_backbone
from leukorepro.features.backbones.scaling import build_scaling
from leukorepro.features.backbones.specification import Layer
from leukorepro.features.engines.choice import choose_engine, torch_computer

with contextlib.suppress(ImportError):
    import sklearnex  # noqa: F401  (fails in a process that imported OpenVINO first)

from leukorepro.features.engines import conversions, openvino_engine
from leukorepro.features.engines.openvino_engine import has_bfloat16, kept_computer, openvino_computer

QUICK = {"googlenet", "mobilenet_v2"}
IN_FULL = {*QUICK, "alexnet"}
"""Networks that between them have every kind of layer."""
NETWORKS_AND_LAYERS = [
    pytest.param(name, layer, marks=[] if name in QUICK else pytest.mark.long)
    for name, backbone in BACKBONES.items()
    for layer in (backbone.layers if name in IN_FULL else [backbone.default_layer])
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(conversions, "user_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "openvino"


def images(n: int, size: int) -> np.ndarray:
    """Smooth random images: noise alone gives all images nearly the same features."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(0, 255, (n, 3, 7, 7)))
    fine = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    return fine.permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()


def small(preprocessing: str = "torch", seed: int = 0) -> FeatureNetwork:
    """Two convolutions and a pooling."""
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU())
    network = FeatureNetwork(build_scaling(preprocessing), body, Layer(None, dim=16, pool="avg"), 16).eval()
    network.weights_sha256 = parameters_digest(body)
    return network.requires_grad_(False)


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


@pytest.mark.parametrize(("name", "layer"), NETWORKS_AND_LAYERS)
def test_openvino_agrees_with_eager_torch(name: str, layer: str) -> None:
    backbone = find_backbone(name)
    size = max(96, backbone.min_input_size)
    block = images(10, size)
    network = build_network(backbone, layer, "random", calibration=torch.from_numpy(block[:8]), input_size=size)
    computed = openvino_computer(network, name, size, 1, 2).compute(block)
    expected = torch_computer(network, torch.device("cpu"), "float32", 2, 10).compute(block)
    assert computed.dtype == expected.dtype == np.float32
    assert computed.shape == expected.shape == (10, network.dim)
    assert relative_difference(computed, expected) < 1e-3


@pytest.mark.skipif(not has_bfloat16(), reason="needs a CPU that supports bfloat16")
@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "googlenet", pytest.param("resnet50", marks=pytest.mark.long), "alexnet"]
)
def test_mixed_precision_loses_no_more_than_torchs_own(name: str) -> None:
    """What bfloat16 costs depends on the network: torch's automatic mixed precision, another implementation, tells."""
    backbone = find_backbone(name)
    block = images(10, 96)
    network = build_network(backbone, backbone.default_layer, "random", calibration=torch.from_numpy(block[:8]))
    mixed = openvino_computer(network, name, 96, 1, 2, "mixed").compute(block)
    with torch.inference_mode():
        full = network(torch.from_numpy(block)).numpy()
        with torch.autocast("cpu", torch.bfloat16):
            torchs = network(torch.from_numpy(block)).float().numpy()
    assert mixed.dtype == np.float32
    assert 0 < np.median(np.abs(mixed - full)) < 1.5 * np.median(np.abs(torchs - full))


@pytest.mark.parametrize("name", ["timm:vit_tiny_patch16_224", "timm:resnet18"])
@pytest.mark.long
def test_openvino_agrees_with_eager_torch_on_networks_of_timm(name: str) -> None:
    backbone = find_backbone(name)
    size = backbone.input_size
    block = images(8, size)
    network = build_network(backbone, backbone.default_layer, "random", calibration=torch.from_numpy(block))
    computed = openvino_computer(network, "timm", size, 1, 2).compute(block)
    assert relative_difference(computed, network(torch.from_numpy(block)).numpy()) < 1e-3


@pytest.mark.parametrize("preprocessing", ["torch", "tf", "caffe", "per_image"])
def test_scaling_is_converted_too(preprocessing: str) -> None:
    network = small(preprocessing)
    block = images(3, 64)
    computed = openvino_computer(network, preprocessing, 64, 1, 1).compute(block)
    assert relative_difference(computed, network(torch.from_numpy(block)).numpy()) < 1e-3


def test_a_row_depends_on_nothing_but_its_image(cache: Path) -> None:
    """Not on threads, on rows beside it, or on whether the conversion was kept."""
    network, block = small(), images(9, 64)
    converted = openvino_computer(network, "x", 64, 1, 1).compute(block)
    kept = openvino_computer(network, "x", 64, 3, 3).compute(block)
    for folder in cache.iterdir():
        folder.rename(folder.with_suffix(".old"))
    anew = openvino_computer(network, "x", 64, 1, 2).compute(block[4:5])
    np.testing.assert_array_equal(kept, converted)
    np.testing.assert_array_equal(anew, converted[4:5])


def test_rows_share_a_pass_where_weights_are_too_many_for_a_cache() -> None:
    backbone = find_backbone("alexnet")
    network, block = build_network(backbone, "fc6", "random"), images(11, 96)
    computer = openvino_computer(network, "alexnet", 96, 3, 1)
    assert computer.block_rows == 24  # whole batches of whole images
    assert "batches of 8 rows" in computer.description
    # The last batch is filled up.
    assert relative_difference(computer.compute(block), network(torch.from_numpy(block)).numpy()) < 1e-3
    assert "batches of 1 row" in openvino_computer(small(), "x", 64, 3, 1).description


def test_a_kept_conversion_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small()
    openvino_computer(network, "x", 64, 1, 1)
    monkeypatch.setattr(openvino_engine.openvino, "convert_model", lambda *_, **__: pytest.fail("converted again"))
    openvino_computer(network, "x", 64, 2, 2)


def test_a_kept_conversion_computes_without_its_network() -> None:
    network, block = small(), images(3, 64)
    assert kept_computer("x", network.weights_sha256, 64, 1, 2) is None
    expected = openvino_computer(network, "x", 64, 1, 2)
    computer = kept_computer("x", network.weights_sha256, 64, 1, 2)
    assert computer is not None
    np.testing.assert_array_equal(computer.compute(block), expected.compute(block))
    assert computer.description == expected.description
    assert kept_computer("x", "another", 64, 1, 2) is None


def test_other_weights_and_sizes_are_converted_for_themselves(cache: Path) -> None:
    network = small()
    openvino_computer(network, "x", 64, 1, 1)
    openvino_computer(network, "x", 70, 1, 1)
    openvino_computer(small(seed=1), "x", 64, 1, 1)
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("how", ["cut", "flipped", "emptied", "no digests", "wrong digests", "no model"])
def test_a_broken_conversion_is_replaced_and_told(cache: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    network, block = small(), images(2, 64)
    expected = openvino_computer(network, "x", 64, 1, 1).compute(block)
    (place,) = cache.iterdir()
    weights, digests = place / "model.bin", place / "sha256.json"
    content = weights.read_bytes()
    if how == "cut":
        weights.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        weights.write_bytes(content[:100] + bytes([content[100] ^ 64]) + content[101:])
    elif how == "emptied":
        (place / "model.xml").write_bytes(b"")
    elif how == "no digests":
        digests.unlink()
    elif how == "wrong digests":
        digests.write_text("[]")
    else:
        (place / "model.xml").unlink()
    np.testing.assert_array_equal(openvino_computer(network, "x", 64, 1, 1).compute(block), expected)
    assert "a broken converted network" in capsys.readouterr().out
    assert weights.read_bytes() == content


def fails(error: Exception) -> Callable[..., None]:
    def function(*_: object, **__: object) -> None:
        raise error

    return function


def full_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's own error on a full disk, and then one that has space."""
    save, calls = openvino_engine.openvino.save_model, itertools.count()

    def first_fails(*arguments: object, **options: object) -> None:
        if next(calls) == 0:
            raise RuntimeError("basic_ios::clear: iostream error\n")
        save(*arguments, **options)

    monkeypatch.setattr(openvino_engine.openvino, "save_model", first_fails)


def break_cache(how: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the user's cache, which holds a network, one that cannot be used."""
    (place,) = cache.iterdir()
    (place / "model.bin").write_bytes(b"")
    if how == "cannot be removed":
        monkeypatch.setattr(conversions.shutil, "rmtree", lambda *_, **__: None)
        return
    shutil.rmtree(place)
    if how == "a file":
        place.write_text("")
    elif how == "below a file":
        (cache / "file").write_text("")
        monkeypatch.setattr(conversions, "user_cache", lambda: cache / "file" / "below")
    elif how == "no home":
        monkeypatch.setattr(conversions, "user_cache", lambda: None)
    elif how == "cannot be made":
        monkeypatch.setattr(conversions, "user_cache", lambda: Path("/proc/leukorepro"))
    elif how == "full":
        full_once(monkeypatch)
    else:
        monkeypatch.setattr(Path, "rename", fails(OSError(errno.EROFS, "Read-only file system")))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("cannot be removed", "its bytes have changed"),
        ("a file", "Not a directory"),
        ("below a file", "Not a directory"),
        ("no home", "this user has no home folder"),
        ("cannot be made", "No such file or directory"),
        ("full", "basic_ios::clear: iostream error)"),
        ("read-only", "Read-only file system"),
    ],
)
def test_a_cache_that_cannot_be_used_costs_the_cache_only(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str, reason: str
) -> None:
    network, block = small(), images(2, 64)
    expected = openvino_computer(network, "x", 64, 1, 1).compute(block)
    break_cache(how, cache, monkeypatch)
    np.testing.assert_array_equal(openvino_computer(network, "x", 64, 1, 1).compute(block), expected)
    (line,) = capsys.readouterr().out.splitlines()
    assert f"could not be kept ({reason}" in line


def test_without_any_space_the_user_is_told_where_some_is_needed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversions.tempfile, "tempdir", str(tmp_path))
    with room_for(1000), pytest.raises(UserError, match="free space in one of them, or let TMPDIR name a folder"):
        openvino_computer(small(), "x", 64, 1, 1)
    assert list(tmp_path.iterdir()) == [cache.parent]
    assert list(cache.iterdir()) == []


def test_the_least_recently_used_conversions_make_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = small()
    openvino_computer(network, "0", 64, 1, 1)
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    monkeypatch.setattr(conversions, "CACHE_BYTES", 2.5 * size)
    for name in ("a", "b", "a", "c"):
        openvino_computer(network, name, 64, 1, 1)
    assert {folder.name[0] for folder in cache.iterdir()} == {"a", "c"}


def test_nothing_is_told_to_anyone(tmp_path: Path) -> None:
    """In a process of its own: the package that would tell is never imported, and no connection is tried."""
    code = """
import socket, sys
def refuse(*_): raise AssertionError("a connection was tried")
socket.socket.connect = socket.getaddrinfo = refuse
import torch
from leukorepro.features.engines import openvino_engine
openvino_engine.openvino.convert_model(torch.nn.Linear(2, 2), example_input=torch.zeros(1, 2))
assert sys.modules["openvino_telemetry"] is None
assert sys.modules["openvino.tools.ovc.convert_impl"].tm.__name__ == "openvino.tools.ovc.telemetry_stub"
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={"HOME": str(tmp_path), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "intel").exists()


AT_ONCE = """
import faulthandler, sys, threading
import numpy as np
sys.path.insert(0, {tests!r})
from test_engines import conversions, openvino_computer, small
conversions.user_cache = lambda: conversions.Path({cache!r})
compute = openvino_computer(small(), "x", 32, 1, 1).compute
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)
def work():
    barrier.wait()
    compute(np.zeros((1, 32, 32, 3), np.uint8))
threads = [threading.Thread(target=work) for _ in range(8)]
faulthandler.dump_traceback_later(20, exit=True)  # a thread that waits for ever keeps all others from running
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_may_all_begin_at_once(cache: Path) -> None:
    """In a process of its own, with a kept conversion, for only the first use of an array counts."""
    openvino_computer(small(), "x", 32, 1, 1)
    code = AT_ONCE.format(tests=str(Path(__file__).parent), cache=str(cache.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("engine", "device", "gpu", "expected"),
    [
        ("auto", "auto", False, ("openvino", "cpu")),
        ("auto", "cpu", True, ("openvino", "cpu")),
        ("auto", "auto", True, ("torch", "cuda")),
        ("auto", "cuda", True, ("torch", "cuda")),
        ("openvino", "auto", True, ("openvino", "cpu")),
        ("torch", "auto", True, ("torch", "cuda")),
        ("torch", "auto", False, ("torch", "cpu")),
    ],
)
def test_choice_of_engine(
    monkeypatch: pytest.MonkeyPatch, engine: str, device: str, gpu: bool, expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    chosen, target = choose_engine(engine, device, "float32")
    assert (chosen, target.type) == expected


def test_engine_that_is_not_there_or_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(UserError, match="engine openvino: computes on a CPU"):
        choose_engine("openvino", "cuda", "float32")
    assert choose_engine("openvino", "auto", "mixed") == ("openvino", torch.device("cpu"))
    assert choose_engine("auto", "auto", "mixed") == ("torch", torch.device("cuda"))
    with pytest.raises(UserError, match="precision mixed: on a CPU only OpenVINO has it"):
        choose_engine("torch", "cpu", "mixed")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert choose_engine("auto", "cpu", "float32")[0] == "torch"
    with pytest.raises(UserError, match="OpenVINO is not installed"):
        choose_engine("openvino", "cpu", "float32")
