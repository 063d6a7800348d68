"""Files of weights as people have them: read, or refused by what they are."""

from __future__ import annotations

import argparse
import errno
import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.state_dicts import read_parameters

NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
STATE = NETWORK.state_dict()


def saved(value: Any, **how: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **how)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(3))
    return stream.getvalue()


def hdf5() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["a"] = np.zeros(3)
    return stream.getvalue()


def scripted() -> bytes:
    stream = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), stream)
    return stream.getvalue()


def inner_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("weights.pth", saved(STATE))
    return stream.getvalue()


def assert_equal(read: dict[str, Tensor]) -> None:
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[name], value) and read[name].dtype == value.dtype for name, value in STATE.items())


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (lambda: saved(STATE), None),
        (lambda: saved(STATE, _use_new_zipfile_serialization=False), None),
        (lambda: saved({"epoch": 3, "state_dict": STATE, "best": 0.5, "args": {"lr": 0.1}}), "state_dict"),
        (lambda: saved({"model": STATE, "optimizer": torch.optim.Adam(NETWORK.parameters()).state_dict()}), "model"),
        (lambda: saved({"model_state_dict": STATE, "loss": torch.tensor(0.1)}), "model_state_dict"),
        (lambda: saved({"pytorch-lightning_version": "2", "state_dict": STATE, "callbacks": {}}), "state_dict"),
    ],
)
def test_a_state_dict_is_read_alone_or_as_the_part_of_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Callable[[], bytes], key: str | None
) -> None:
    (tmp_path / "w.bin").write_bytes(content())
    assert_equal(read_parameters(tmp_path / "w.bin"))
    assert capsys.readouterr().out == (
        "" if key is None else f"{tmp_path}/w.bin: a checkpoint, of which '{key}' is taken\n"
    )


def test_the_first_bytes_tell_and_not_the_name(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.pth")
    assert_equal(read_parameters(tmp_path / "w.pth"))
    for zipped in (True, False):
        (tmp_path / "w.safetensors").write_bytes(saved(STATE, _use_new_zipfile_serialization=zipped))
        assert_equal(read_parameters(tmp_path / "w.safetensors"))


def test_a_disk_that_fails_is_no_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.pth").write_bytes(saved(STATE))

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(torch, "load", fails)
    with pytest.raises(UserError, match=r"w.pth: Input/output error; .* may be sound"):
        read_parameters(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            lambda: saved(NETWORK),
            r"holds more than tensors \(torch.nn.modules.container.Sequential\), which could run code",
        ),
        (
            lambda: saved({"state_dict": STATE, "args": argparse.Namespace(lr=1)}),
            r"more than tensors \(argparse.Namespace\)",
        ),
        (
            lambda: saved({"state_dict": STATE, "config": Path("x")}),
            r"more than tensors \(pathlib.*; save its state_dict",
        ),
        (
            lambda: saved({"args": argparse.Namespace()}, _use_new_zipfile_serialization=False),
            r"more than tensors \(argparse.Namespace\)",
        ),
        *(
            (content, "holds more than tensors, or tensors that something else than torch.save pickled.*; save its")
            for content in (
                lambda: pickle.dumps(NETWORK),
                lambda: pickle.dumps({name: value.numpy() for name, value in STATE.items()}),
                lambda: saved(NETWORK, pickle_protocol=4),
                lambda: saved(STATE, pickle_protocol=5, _use_new_zipfile_serialization=False),
            )
        ),
        (lambda: saved({"model": STATE, "ema": STATE}), r"holds several state dicts \(model, ema\); save the one"),
        (lambda: saved({**STATE, "epoch": 3}), "holds no state dict"),
        (lambda: saved([*STATE.values()]), "holds no state dict"),
        (lambda: saved({}), "holds no state dict"),
        (scripted, "is a TorchScript archive, which holds code; save its state_dict"),
        (zipped, "is a zip archive that torch.save did not write"),
        (inner_archive, "is a zip archive that torch.save did not write; unpack it"),
        (lambda: gzip.compress(saved(STATE)), "is an archive; unpack it first"),
        (hdf5, "is an HDF5 file, as Keras writes it"),
        (lambda: b"\n<!DOCTYPE html>\n<html>not found</html>", "is a web page that came in the place of the file"),
        (lambda: b"\xef\xbb\xbf<!-- --><html></html>", "is a web page that came in the place of the file"),
        (lambda: b'{"metadata": {},\n "weight_map": {}}', "is text in the place of the file"),
        (lambda: b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(99), "is a file of MATLAB"),
        (lambda: b"\x93NUMPY\x01\0" + bytes(99), "is an array of NumPy"),
        (
            lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "is a pointer of Git LFS .*git lfs pull",
        ),
        (lambda: b"\x08\x07\x12\x07pytorch\x1a\x032.1", "is a model of ONNX or TensorFlow"),
        (lambda: b"\x1c\0\0\0TFL3" + bytes(20), "is a model of TensorFlow Lite"),
        (lambda: b"", "is empty"),
        (lambda: saved(STATE)[:300], "not a complete file of tensors"),
        (lambda: (50).to_bytes(8, "little") + b'{"a":{"dtype":"F32"', "not a complete file of tensors"),
        (lambda: b"nothing of the kind\0", "not a complete file of tensors"),
        (lambda: b"\x80\x02h", "not a complete file of tensors"),
        (lambda: b"\x80\x02r\x00", "not a complete file of tensors"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, content: Callable[[], bytes], told: str) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content())
    with pytest.raises(UserError, match=rf"^{path}: .*{told}"):
        read_parameters(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\); give a file of weights"):
        read_parameters(tmp_path)


OF_BOTH = ["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float64"]


@pytest.mark.parametrize(
    ("kind", "suffix"), [*((k, s) for k in OF_BOTH for s in ("pth", "safetensors")), ("float8_e4m3fnuz", "pth")]
)
def test_other_floating_point_values_become_float32(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, suffix: str
) -> None:
    """Of multiples of 1/8 below 2 every one of these types holds some exactly."""
    values = torch.tensor([0.0, 0.25, -1.5, 1.75 if kind != "float8_e5m2" else 1.5])
    stored = {"a.weight": values.to(getattr(torch, kind)), "a.num_batches_tracked": torch.tensor(7)}
    if suffix == "pth":
        torch.save(stored, tmp_path / "w.pth")
    else:
        save_file(stored, tmp_path / "w.safetensors")
    read = read_parameters(tmp_path / f"w.{suffix}")
    assert read["a.weight"].dtype == torch.float32
    assert torch.equal(read["a.weight"], values)
    assert read["a.num_batches_tracked"] == 7
    rounded = ", rounded" if kind == "float64" else ""
    assert capsys.readouterr().out == f"{tmp_path}/w.{suffix}: values in {kind} are taken as float32{rounded}\n"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (lambda: torch.ones(4, dtype=torch.int8), r"whole numbers \(int8\), as quantised networks do"),
        (lambda: torch.ones(4, dtype=torch.uint8), r"whole numbers \(uint8\)"),
        (lambda: torch.ones(4, dtype=torch.int64), r"whole numbers \(int64\)"),
        (lambda: torch.ones(4, dtype=torch.bool), r"whole numbers \(bool\)"),
        (lambda: torch.ones(4, dtype=torch.complex64), "values in complex64, which no float32 stands for"),
        (lambda: torch.zeros(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2), "values in float4_e2m1fn_x2"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), "values in qint8"),
        (lambda: torch.eye(4).to_sparse(), "a tensor that is sparse or nested"),
        (lambda: torch.eye(4).to_sparse_csr(), "a tensor that is sparse or nested"),
        (lambda: torch.empty(4, device="meta"), "a shape without values"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_values_that_no_float32_stands_for_are_refused(tmp_path: Path, value: Callable[[], Tensor], told: str) -> None:
    torch.save({"a.weight": value()}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=f"w.pth: a.weight holds {told}.*; save the network's own weights, in float32"):
        read_parameters(tmp_path / "w.pth")
