"""Reading for extraction against the plain way: decode, check, make a view, resize it, each view by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simplejpeg
from PIL import Image

from leukorepro.core.store import sha256_file
from leukorepro.data.images import decode, read_rgb, read_scanned
from leukorepro.data.views import apply_view
from leukorepro.features import preprocessing
from leukorepro.features.backbones.specification import Interpolation
from leukorepro.features.preprocessing import FILTERS, resize, resized_views
from leukorepro.features.stream import Request

VIEWS = ["hflip", "identity", "rot270", "vflip", "rot90", "rot180", "rotate:0", "compose15:1"]
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (37, 52, 3), dtype=np.uint8)
LARGEST = 10**6


def plainly(pixels: np.ndarray, size: int, interpolation: Interpolation) -> np.ndarray:
    return np.stack([resize(apply_view(pixels, view, "a"), size, interpolation) for view in VIEWS])


@pytest.mark.parametrize("interpolation", FILTERS)
def test_views_are_those_that_are_resized_one_by_one(interpolation: Interpolation) -> None:
    """To the last bit, of noise, for sides from 1 to 300 pixels, made smaller and larger."""
    sides = [(1, 1), (1, 300), (2, 3), (64, 64), *RNG.integers(1, 300, (12, 2)).tolist()]
    for height, width in sides:
        pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for size in (1, 64, 70):
            found = resized_views(Image.fromarray(pixels), VIEWS, "a", size, interpolation)
            np.testing.assert_array_equal(found, plainly(pixels, size, interpolation))


def test_nothing_is_mirrored_after_a_resize_that_weighs_ends_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four pixels the nearest to each of two are the second and the fourth: from the other end others."""
    monkeypatch.setitem(FILTERS, "bilinear", Image.Resampling.NEAREST)
    preprocessing._mirrors.cache_clear()
    pixels = RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    found = resized_views(Image.fromarray(pixels), VIEWS, "a", 2, "bilinear")
    preprocessing._mirrors.cache_clear()
    np.testing.assert_array_equal(found, plainly(pixels, 2, "bilinear"))
    assert (found[0] != found[1][:, ::-1]).any()


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(path, exif=exif, quality=90)


SAVED: dict[str, Callable[[Path], None]] = {
    "plain.jpg": lambda path: Image.fromarray(PIXELS).save(path, quality=90),
    "turned.jpg": turned,
    "grey.jpg": lambda path: Image.fromarray(PIXELS[..., 0]).save(path),
    "cmyk.jpg": lambda path: Image.fromarray(PIXELS).convert("CMYK").save(path),
    "tiny.jpg": lambda path: Image.fromarray(PIXELS[:1, :1]).save(path),
    "alpha.png": lambda path: Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).save(path),
    "palette.png": lambda path: Image.fromarray(PIXELS).quantize(7).save(path),
    "deep.png": lambda path: Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200).save(path),
    "float.tif": lambda path: Image.fromarray(PIXELS[..., 0].astype(np.float32) / 255).save(path),
    "pages.tif": lambda path: Image.fromarray(PIXELS[..., 0]).save(
        path, save_all=True, append_images=[Image.fromarray(PIXELS[..., i]) for i in (1, 2)]
    ),
    "plain.bmp": lambda path: Image.fromarray(PIXELS).save(path),
    "plain.webp": lambda path: Image.fromarray(PIXELS).save(path),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_scanned_file_is_read_as_any_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    SAVED[name](path)
    pixels, sha256 = read_rgb(path, LARGEST), sha256_file(path)
    np.testing.assert_array_equal(read_scanned(path, sha256, LARGEST), pixels)
    manifest = pd.DataFrame([{"image_id": "a", "path": name, "sha256": sha256, "status": "ok"}])
    request = Request("d", manifest, "", tmp_path, VIEWS, 24, LARGEST)
    np.testing.assert_array_equal(request.read(request.files()[0], VIEWS), plainly(pixels, 24, "bilinear"))


def test_damage_is_looked_for_by_the_scan_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    SAVED["plain.jpg"](path)
    sha256, looked = sha256_file(path), []
    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *_, **__: looked.append(1))
    read_scanned(path, sha256, LARGEST)
    assert not looked
    decode(path, LARGEST)
    assert looked
