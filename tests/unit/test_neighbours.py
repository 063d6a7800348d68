"""Near-duplicates by features: cropped and freely turned copies, which perceptual hashes miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.copies import neighbours
from leukorepro.data.copies.neighbours import NEIGHBOURS, candidates, pairs_by_features
from leukorepro.data.copies.registration import SIDE, key_points, registered
from leukorepro.data.copies.vectors import vectors
from leukorepro.data.duplicates import find_duplicates, look_at_images
from leukorepro.data.fingerprints import fingerprint, near_pairs


def texture(seed: int) -> np.ndarray:
    """A picture with detail at several sizes, like no other."""
    draw, layers = np.random.default_rng(seed), np.zeros((240, 240, 3))
    for cells in (6, 15, 40):
        small = draw.integers(60, 255, (cells, cells, 3), dtype=np.uint8)
        layers += np.asarray(Image.fromarray(small).resize((240, 240), Image.Resampling.BICUBIC), dtype=float)
    return (layers / 3).astype(np.uint8)


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)))


COPIES = {
    "cropped": lambda pixels: pixels[30:, 10:-20],
    "turned": lambda pixels: turned(pixels, 37),
    "mirrored and turned": lambda pixels: turned(np.ascontiguousarray(pixels[:, ::-1]), 131),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_is_laid_over_its_original_and_over_no_other_image_and_no_hash_finds_it(way: str) -> None:
    original, other = texture(0), texture(1)
    copy = np.ascontiguousarray(COPIES[way](original))
    found = registered(key_points(original), key_points(copy))
    assert found is not None
    assert found > 0.8
    assert registered(key_points(other), key_points(copy)) is None
    assert len(near_pairs([fingerprint(original), fingerprint(copy)]).first) == 0


def test_what_is_kept_of_an_image_is_a_byte_a_pixel_once_with_its_mirror_image() -> None:
    points = key_points(texture(0))
    assert points.grey.nbytes == SIDE * SIDE
    assert np.shares_memory(points.grey, points.mirrored.grey)
    assert np.array_equal(points.picture[:, ::-1], points.mirrored.picture)


def test_pictures_without_detail_are_copies_of_nothing() -> None:
    flat = key_points(np.full((50, 40, 3), 128, dtype=np.uint8))
    black = key_points(np.zeros((50, 40, 3), dtype=np.uint8))
    assert registered(flat, flat) is registered(black, black) is None
    assert not np.any(vectors([flat, black]))


def on_black(pixels: np.ndarray) -> np.ndarray:
    """A disc of it, as a cell that was cut out."""
    rows, columns = np.ogrid[:240, :240]
    return np.where(((rows - 120) ** 2 + (columns - 120) ** 2 < 90**2)[..., np.newaxis], pixels, 0).astype(np.uint8)


def test_a_cell_that_was_cut_into_is_found_by_its_key_points_where_a_networks_features_point_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "NEIGHBOURS", 1)
    cells = [on_black(texture(seed)) for seed in range(4)]
    pictures = [*cells, cells[0][50:210, 210:50:-1]]  # mirrored and cropped
    features = np.eye(3, dtype=np.float32)[[0, 0, 1, 2, 1]]  # the copy is where the third cell is
    assert (0, 4) not in set(map(tuple, candidates(features).tolist()))
    found = pairs_by_features(features, lambda at: key_points(np.ascontiguousarray(pictures[at])))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 4)]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_candidates_are_the_nearest_of_a_plain_loop(seed: int, n: int) -> None:
    features = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    expected = set()
    centred = features - features.mean(axis=0) if n else features
    for i in range(n):
        cosine = [a @ centred[i] / np.linalg.norm(a) / np.linalg.norm(centred[i]) for a in centred]
        nearest = [j for j in np.argsort(cosine)[::-1] if j != i][:NEIGHBOURS]
        expected |= {(min(i, j), max(i, j)) for j in nearest}
    assert set(map(tuple, candidates(features).tolist())) == expected


def test_groups_say_which_detector_found_them_and_hold_what_either_found(tmp_path: Path) -> None:
    first, second = texture(0), texture(1)
    pictures = {"a": first, "b": COPIES["turned"](first), "c": second, "d": second[::-1], "e": texture(2)}
    for name, pixels in pictures.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"{name}.png")
    names = [f"{name}.png" for name in pictures]
    table = pd.DataFrame({"image_id": names, "path": names, "source_id": names, "label": "x", "status": "ok"})
    table = table.assign(sha256=[sha256_file(tmp_path / name) for name in names], subject_id=list("pqrst"))
    table = table.assign(official_split="", width=240, height=240)[list(MANIFEST_TABLE.columns)]
    features = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)  # all are neighbours of one another
    seen = look_at_images(table, tmp_path, 10**6, features=features, progress=False)
    found = find_duplicates(table, seen)
    told = {tuple(group["images"]): group["detectors"] for group in found["groups"]}
    assert told == {("a.png", "b.png"): ["features"], ("c.png", "d.png"): ["hash", "features"]}
    assert found["n_near_by_detector"] == {"hash": 1, "features": 2}
    assert found["linked_subjects"] == [["p", "q"], ["r", "s"]]
    assert "min_matches" in found["thresholds"]
    by_hash = find_duplicates(table, look_at_images(table, tmp_path, 10**6, progress=False))
    assert by_hash["n_near_by_detector"] == {"hash": 1}
    assert len(by_hash["groups"]) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--manifest", "m.csv"], "--features goes with --images"),
        (["--checksums", "m.csv"], "--features goes with --manifest and --images"),
    ],
)
def test_features_without_images_are_refused(more: list[str], message: str, tmp_path: Path) -> None:
    for name in ("m.csv", "f.h5"):
        (tmp_path / name).write_text(f"{'ab' * 32}\t5\ta/x.png\n")
    words = [str(tmp_path / word) if word == "m.csv" else word for word in more]
    out = ["--features", str(tmp_path / "f.h5"), "--out", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, ["data", "duplicates", *words, *out])
    assert done.exit_code == 2
    assert message in done.output
