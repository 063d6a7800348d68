"""Feature files of descriptors, from image files on disk."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import typer
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from leukorepro.cli.features import describe as describe_command
from leukorepro.config.study.systems import DescriptorSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.features.descriptors.cell_area import cell_area
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.fusion import fuse, read_features
from leukorepro.features.lookup import resolve_descriptor
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.features.stream import Request

VIEWS = ["identity", "hflip", "rot90"]
TRANSPOSED = {"hflip": Image.Transpose.FLIP_LEFT_RIGHT, "rot90": Image.Transpose.ROTATE_90}


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """Seven images of two sizes, the last one a file that was unreadable when it was scanned."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(7):
        small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        small.resize((90, 70 + i % 2), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
        row = dict.fromkeys(MANIFEST_TABLE.columns, "") | {
            "image_id": f"{i}.png",
            "path": f"{i}.png",
            "sha256": sha256_file(tmp_path / f"{i}.png"),
            "width": 90,
            "height": 70,
        }
        rows.append(row | {"width": 90, "height": 70, "status": "ok" if i < 6 else "truncated"})
    manifest = pd.DataFrame(rows, columns=list(MANIFEST_TABLE.columns))
    return Request("d", manifest, "0" * 64, tmp_path, VIEWS, 20, 10**6)


def part(name: str) -> ResolvedDescriptor:
    return resolve_descriptor(DescriptorSpec(descriptor=name, input_size=20), "test")


def test_pixels_equal_a_loop_with_pillow_alone(request_: Request, tmp_path: Path) -> None:
    describe(request_, tmp_path / "f.h5", part("pixels"), threads=2)
    expected = []
    for i in range(6):
        for view in VIEWS:
            image = Image.open(tmp_path / f"{i}.png")
            image = image if view == "identity" else image.transpose(TRANSPOSED[view])
            expected.append(np.frombuffer(image.resize((20, 20), Image.Resampling.BILINEAR).tobytes(), np.uint8) / 255)
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["features"].dtype == np.float32
        np.testing.assert_allclose(file["features"][:], np.array(expected), rtol=1e-6)
        assert list(file["image_id"].asstr()) == [f"{i}.png" for i in range(6) for _ in VIEWS]
        assert list(file["view"].asstr()) == VIEWS * 6


def test_the_file_says_what_made_it(request_: Request, tmp_path: Path) -> None:
    describe(request_, tmp_path / "f.h5", part("cell_area"), threads=1)
    with h5py.File(tmp_path / "f.h5") as file:
        assert {
            "schema_version",
            "dataset",
            "manifest_sha256",
            "backbone",
            "layer",
            "weights",
            "weights_sha256",
            "input_size",
            "preprocessing",
            "engine",
            "code_hash",
            "library_versions",
        } <= set(file.attrs)
        told = {name: file.attrs[name] for name in ("dataset", "backbone", "weights", "input_size", "manifest_sha256")}
        assert told == {
            "dataset": "d",
            "backbone": "cell_area",
            "weights": "none",
            "input_size": 20,
            "manifest_sha256": "0" * 64,
        }
        assert "share of the image that its cell covers" in file.attrs["preprocessing"]


@pytest.mark.parametrize("name", ["lab_segments", "hsv_segments"])
def test_equal_bytes_however_many_threads(request_: Request, tmp_path: Path, name: str) -> None:
    for threads in (1, 3):
        describe(request_, tmp_path / f"{threads}.h5", part(name), threads=threads)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "3.h5").read_bytes()
    assert read_features(tmp_path / "1.h5").matrix.shape == (18, 27)


def test_colours_of_views_are_the_same_where_pixels_are(request_: Request, tmp_path: Path) -> None:
    """Images that already have the side asked for are not resampled, so that their views have the same pixels."""
    for i in range(6):
        Image.open(tmp_path / f"{i}.png").resize((20, 20)).save(tmp_path / f"{i}.png")
        request_.manifest.loc[i, "sha256"] = sha256_file(tmp_path / f"{i}.png")
    for name in ("lab_segments", "hsv_segments", "cell_area"):
        describe(request_, tmp_path / f"{name}.h5", part(name), threads=1)
        rows = read_features(tmp_path / f"{name}.h5").matrix.reshape(6, len(VIEWS), -1)
        assert len(np.unique(rows[:, 0], axis=0)) > 1
        np.testing.assert_array_equal(rows, rows[:, :1].repeat(len(VIEWS), axis=1))


def test_descriptors_can_be_fused(request_: Request, tmp_path: Path) -> None:
    for name in ("lab_segments", "cell_area"):
        describe(request_, tmp_path / f"{name}.h5", part(name), threads=1)
    fuse([tmp_path / "lab_segments.h5", tmp_path / "cell_area.h5"], tmp_path / "fused.h5")
    fused = read_features(tmp_path / "fused.h5").matrix
    np.testing.assert_array_equal(fused[:, :27], read_features(tmp_path / "lab_segments.h5").matrix)
    np.testing.assert_array_equal(fused[:, 27:], read_features(tmp_path / "cell_area.h5").matrix)


def test_images_resized_otherwise_leave_nothing_behind(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pixels-20 wants 20 pixels, bilinear"):
        describe(replace(request_, size=8), tmp_path / "out" / "f.h5", part("pixels"), threads=1)
    assert not (tmp_path / "out").exists()


def test_the_job_imports_no_network_library() -> None:
    modules = "describe, colour, cell_area, pixels"
    job = f"from leukorepro.features.descriptors import {modules}"
    code = f"import sys; {job}; print({{'torch', 'openvino'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# ------------------------------------------------------------------------------------------------------------- command


def command(*words: str) -> Result:
    app = typer.Typer()
    app.command()(describe_command.describe)
    return CliRunner().invoke(app, list(words))


def test_the_command_takes_the_descriptors_own_size(request_: Request, tmp_path: Path) -> None:
    request_.manifest.to_csv(tmp_path / "manifest.csv", index=False)
    common = ["--manifest", str(tmp_path / "manifest.csv"), "--images", str(tmp_path), "--descriptor", "cell_area"]
    done = command(*common, "--output", str(tmp_path / "f.h5"), "--view", "identity", "--view", "hflip")
    assert done.exit_code == 0, done.output
    features = read_features(tmp_path / "f.h5")
    assert features.rows.to_numpy().tolist()[:2] == [["0.png", "identity"], ["0.png", "hflip"]]
    resized = Image.open(tmp_path / "0.png").resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(features.matrix[0], cell_area(np.asarray(resized)))
    done = command(*common, "--output", str(tmp_path / "small.h5"), "--input-size", "30")
    assert done.exit_code == 0, done.output
    with h5py.File(tmp_path / "small.h5") as file:
        assert file.attrs["input_size"] == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--descriptor", "cell_size"], "unknown descriptor 'cell_size'"),
        (["--descriptor", "pixels", "--input-size", "4"], "input_size: given 4"),
        (["--descriptor", "pixels", "--view", "upside"], "--view"),
    ],
)
def test_wrong_options_are_told(request_: Request, tmp_path: Path, words: list[str], message: str) -> None:
    request_.manifest.to_csv(tmp_path / "manifest.csv", index=False)
    done = command("--manifest", str(tmp_path / "manifest.csv"), "--images", str(tmp_path), "-o", "f.h5", *words)
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)
