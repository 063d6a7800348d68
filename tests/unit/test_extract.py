from __future__ import annotations

import fcntl
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

from leukorepro.data.images import UnreadableImage, read_rgb
from leukorepro.features import extract as module
from leukorepro.features.extract import Request, extract
from leukorepro.resolved import ResolvedExtractor

SIZE = 64
VIEWS = ["identity", "hflip", "rot90"]
OPTIONS = {"device": "cpu", "threads": 1, "batch_rows": 6}


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """Eleven images, the last one a file that was unreadable when it was scanned."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(11):
        image = Image.fromarray(rng.integers(0, 256, (70 + i, 90, 3), dtype=np.uint8)).resize((90, 70 + i))
        image.save(tmp_path / f"{i:02d}.png")
        rows.append({"image_id": f"{i:02d}.png", "path": f"{i:02d}.png", "status": "ok" if i < 10 else "truncated"})
    extractor = ResolvedExtractor(
        id="mobilenet_v2-gap-random-64", backbone="mobilenet_v2", layer="gap", weights="random", input_size=SIZE
    )
    return Request("d", pd.DataFrame(rows), "0" * 64, tmp_path, extractor, VIEWS, 0, 10**8)


def features(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["features"])


def test_rows_are_views_of_readable_images_in_order(request_: Request, tmp_path: Path) -> None:
    extract(request_, tmp_path / "f.h5", **OPTIONS)
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["features"].shape == (30, 1280)
        assert file["features"].dtype == np.float32
        assert list(file["image_id"].asstr()) == [f"{i:02d}.png" for i in range(10) for _ in VIEWS]
        assert list(file["view"].asstr()) == VIEWS * 10
        assert file.attrs["weights"] == "random:0"
        assert len(file.attrs["weights_sha256"]) == 64


def test_features_equal_a_plain_torchvision_loop(request_: Request, tmp_path: Path) -> None:
    """With weights from a file, one image at a time, by torchvision's own model and transforms."""
    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    extractor = request_.extractor.model_copy(update={"weights": f"file:{tmp_path / 'w.pth'}"})
    extract(replace(request_, extractor=extractor), tmp_path / "f.h5", **OPTIONS)
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize((SIZE, SIZE)),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    flips = {"identity": None, "hflip": Image.Transpose.FLIP_LEFT_RIGHT, "rot90": Image.Transpose.ROTATE_90}
    expected = []
    with torch.inference_mode():
        for i in range(10):
            for view in VIEWS:
                image = Image.open(tmp_path / f"{i:02d}.png")
                image = image if flips[view] is None else image.transpose(flips[view])
                expected.append(model.features(transform(image)[None]).mean((2, 3))[0].numpy())
    # Single precision, sums in another order.
    np.testing.assert_allclose(features(tmp_path / "f.h5"), np.stack(expected), rtol=1e-3, atol=1e-5)


def test_an_interrupted_extraction_continues_and_ends_in_the_same_bytes(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extract(request_, tmp_path / "whole.h5", **OPTIONS)

    def fails(path: Path, max_pixels: int) -> np.ndarray:
        if path.name == "07.png" and threading.current_thread() is not threading.main_thread():
            raise UnreadableImage(path, "truncated", "pulled out")
        return read_rgb(path, max_pixels)

    weights = module._network  # calibration reads images too, before the interruption
    monkeypatch.setattr(module, "_network", lambda *a: [weights(*a), monkeypatch.setattr(module, "read_rgb", fails)][0])
    with pytest.raises(UnreadableImage):
        extract(request_, tmp_path / "cut.h5", **OPTIONS)
    assert not (tmp_path / "cut.h5").exists()
    monkeypatch.undo()
    # A batch that was cut off in the middle of writing does not count.
    rows = tmp_path / ".cut.h5.partial" / "rows.f32"
    assert rows.stat().st_size == 6 * len(VIEWS) * 1280 * 4
    with rows.open("ab") as file:
        file.write(b"half a row")
    capsys.readouterr()
    extract(request_, tmp_path / "cut.h5", **OPTIONS)
    assert "continuing after 6 of 10 images" in capsys.readouterr().out
    assert (tmp_path / "cut.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not (tmp_path / ".cut.h5.partial").exists()


def test_other_weights_do_not_continue_what_was_begun(request_: Request, tmp_path: Path) -> None:
    extract(request_, tmp_path / "a.h5", **OPTIONS)
    partial = tmp_path / ".b.h5.partial"
    partial.mkdir()
    (partial / "header.json").write_text("{}\n")
    (partial / "rows.f32").write_bytes(b"\1" * (6 * 1280 * 4))
    extract(request_, tmp_path / "b.h5", **OPTIONS)
    np.testing.assert_array_equal(features(tmp_path / "a.h5"), features(tmp_path / "b.h5"))


def test_two_extractions_of_one_file_do_not_mix(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second waits for the first, and takes what it left."""
    extract(request_, tmp_path / "f.h5", **OPTIONS)
    whole = (tmp_path / "f.h5").read_bytes()
    (tmp_path / "f.h5").unlink()
    (tmp_path / ".f.h5.partial").mkdir()
    lock = (tmp_path / ".f.h5.partial" / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    second = threading.Thread(target=extract, args=(request_, tmp_path / "f.h5"), kwargs=OPTIONS)
    second.start()
    for _ in range(600):
        if "waiting until it has finished" in capsys.readouterr().out:
            break
        second.join(0.1)
    else:
        pytest.fail("the second extraction did not wait")
    # The first one ends as it does: its file in place, its folder gone.
    (tmp_path / "f.h5").write_bytes(whole)
    shutil.rmtree(tmp_path / ".f.h5.partial")
    lock.close()
    second.join(60)
    assert not second.is_alive()
    assert "complete already" in capsys.readouterr().out
    assert (tmp_path / "f.h5").read_bytes() == whole
    assert not (tmp_path / ".f.h5.partial").exists()


def test_a_complete_file_of_other_input_is_made_again(request_: Request, tmp_path: Path) -> None:
    extract(replace(request_, manifest_sha256="1" * 64), tmp_path / "f.h5", **OPTIONS)
    extract(request_, tmp_path / "f.h5", **OPTIONS)
    with h5py.File(tmp_path / "f.h5") as file:
        assert file.attrs["manifest_sha256"] == "0" * 64


def test_images_in_memory_do_not_grow_with_their_number(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding runs ahead of the network by a fixed number of images, however many there are."""
    many = pd.concat([request_.manifest.iloc[:10].assign(image_id=f"{i}") for i in range(8)], ignore_index=True)
    decoded, computed, ahead = [0], [0], [0]

    def counted(path: Path, max_pixels: int) -> np.ndarray:
        decoded[0] += 1
        ahead[0] = max(ahead[0], decoded[0] - computed[0])
        return read_rgb(path, max_pixels)

    network = module._network

    def counting(*args: object) -> object:
        built = network(*args)
        built.register_forward_hook(lambda _m, rows, _o: computed.__setitem__(0, computed[0] + len(rows[0]) // 3))
        monkeypatch.setattr(module, "read_rgb", counted)
        return built

    monkeypatch.setattr(module, "_network", counting)
    extract(replace(request_, manifest=many), tmp_path / "f.h5", **OPTIONS)
    assert computed[0] == decoded[0] == 80  # once for all of an image's views
    assert ahead[0] <= 4 * 2  # three batches of two images waiting, and the one in the network
