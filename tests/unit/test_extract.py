from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_file
from leukorepro.features.extract import extract
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.features.stream import Request

with contextlib.suppress(ImportError):
    import sklearnex  # noqa: F401  (fails in a process that imported OpenVINO first)

from leukorepro.features.engines import openvino_engine
from leukorepro.features.engines.openvino_engine import has_bfloat16

SIZE = 64
VIEWS = ["identity", "hflip", "rot90"]
EXTRACTOR = ResolvedExtractor(
    id="mobilenet_v2-gap-random_0-64", backbone="mobilenet_v2", layer="gap", weights="random", input_size=SIZE
)
ENGINES = pytest.mark.parametrize("engine", ["torch", "openvino"])


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(10):
        image = Image.fromarray(rng.integers(0, 256, (70 + i, 90, 3), dtype=np.uint8)).resize((90, 70 + i))
        image.save(tmp_path / f"{i:02d}.png")
        digest = sha256_file(tmp_path / f"{i:02d}.png")
        rows.append({"image_id": f"{i:02d}.png", "path": f"{i:02d}.png", "sha256": digest, "status": "ok"})
    return Request("d", pd.DataFrame(rows), "0" * 64, tmp_path, VIEWS, SIZE, 10**8)


def run(
    request: Request,
    output: Path,
    extractor: ResolvedExtractor = EXTRACTOR,
    *,
    engine: str = "openvino",
    precision: str = "float32",
    threads: int = 2,
) -> np.ndarray:
    extractor = extractor.model_copy(update={"engine": engine, "precision": precision})
    extract(request, extractor, output, device="cpu", threads=threads, batch_rows=6)
    with h5py.File(output) as file:
        return np.asarray(file["features"])


@ENGINES
@pytest.mark.parametrize("layer", ["gap", "flat"])
def test_features_equal_a_plain_torchvision_loop(request_: Request, tmp_path: Path, layer: str, engine: str) -> None:
    """With weights from a file, by torchvision's own model and transforms."""
    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    named = {"id": f"mobilenet_v2-{layer}-file-64", "layer": layer}
    extractor = EXTRACTOR.model_copy(update={**named, "weights": f"file:{tmp_path / 'w.pth'}"})
    features = run(request_, tmp_path / "f.h5", extractor, engine=engine)
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize((SIZE, SIZE)),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    flips = {"identity": None, "hflip": Image.Transpose.FLIP_LEFT_RIGHT, "rot90": Image.Transpose.ROTATE_90}
    rows = []
    for i in range(10):
        for view in VIEWS:
            image = Image.open(tmp_path / f"{i:02d}.png")
            rows.append(transform(image if flips[view] is None else image.transpose(flips[view])))
    with torch.inference_mode():
        maps = model.features(torch.stack(rows))
    expected = (maps.mean((2, 3)) if layer == "gap" else maps.flatten(1)).numpy()
    # Single precision, sums in another order.
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-5)


@ENGINES
def test_bytes_do_not_depend_on_threads(request_: Request, tmp_path: Path, engine: str) -> None:
    for threads in (1, 2, 3):
        run(request_, tmp_path / f"{threads}.h5", engine=engine, threads=threads)
    assert len({(tmp_path / f"{threads}.h5").read_bytes() for threads in (1, 2, 3)}) == 1


def test_the_record_says_what_the_features_depend_on(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(request_, tmp_path / "v.h5", engine="auto")
    assert "engine: openvino on CPU, float32" in capsys.readouterr().out
    run(request_, tmp_path / "t.h5", engine="torch")
    with h5py.File(tmp_path / "v.h5") as openvino, h5py.File(tmp_path / "t.h5") as eager:
        assert openvino.attrs["weights"] == "random:0"
        assert openvino.attrs["weights_sha256"] == eager.attrs["weights_sha256"]
        assert openvino.attrs["preprocessing"] == "resized bilinear with antialiasing, scaled as torch"
        assert openvino.attrs["engine"].startswith(f"OpenVINO {version('openvino')}, CPU, float32")
        assert eager.attrs["engine"] == "torch eager, CPU, float32, channels last, batches of 6 rows"
        assert json.loads(openvino.attrs["library_versions"])["openvino"] == version("openvino")


def test_features_of_one_engine_are_not_taken_for_those_of_the_other(request_: Request, tmp_path: Path) -> None:
    run(request_, tmp_path / "f.h5", engine="torch")
    run(request_, tmp_path / "f.h5", engine="openvino")
    with h5py.File(tmp_path / "f.h5") as file:
        assert file.attrs["engine"].startswith("OpenVINO")


def test_another_preprocessing_gives_other_features_and_is_recorded(request_: Request, tmp_path: Path) -> None:
    own = run(request_, tmp_path / "own.h5")
    extractor = EXTRACTOR.model_copy(update={"preprocessing": "per_image"})
    other = run(request_, tmp_path / "other.h5", extractor)
    eager = run(request_, tmp_path / "eager.h5", extractor, engine="torch")
    assert np.abs(other - own).max() > 0.1 * np.abs(own).max()
    assert np.abs(other - eager).max() < 1e-3 * np.abs(eager).max()
    with h5py.File(tmp_path / "other.h5") as file:
        assert file.attrs["preprocessing"].endswith("scaled as per_image")


def test_images_resized_otherwise_are_refused(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wants 64 pixels, bilinear"):
        run(replace(request_, size=70), tmp_path / "f.h5")


@pytest.mark.skipif(not has_bfloat16(), reason="needs a CPU that supports bfloat16")
def test_mixed_precision_on_a_cpu_is_recorded_and_not_taken_for_full_precision(
    request_: Request, tmp_path: Path
) -> None:
    full = run(request_, tmp_path / "f.h5")
    mixed = run(request_, tmp_path / "f.h5", precision="mixed")
    assert np.corrcoef(mixed.ravel(), full.ravel())[0, 1] > 0.9
    assert not np.array_equal(mixed, full)
    with h5py.File(tmp_path / "f.h5") as file:
        assert "CPU, mixed precision (bfloat16), one thread per row" in file.attrs["engine"]


def test_mixed_precision_that_is_not_to_be_had_leaves_no_file(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="precision mixed: on a CPU only OpenVINO has it"):
        run(request_, tmp_path / "f.h5", engine="torch", precision="mixed")
    monkeypatch.setattr(openvino_engine, "has_bfloat16", lambda: False)
    with pytest.raises(UserError, match="this CPU does not compute with bfloat16"):
        run(request_, tmp_path / "f.h5", precision="mixed")
    assert not list(tmp_path.glob("*f.h5*"))
