from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from leukorepro.core import store
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer, sha256_file
from leukorepro.features.fusion import fuse, read_features, write_rows

IMAGES = ["a.png", "a.png", "b.png", "b.png"]
VIEWS = ["identity", "hflip"] * 2


def feature_file(path: Path, columns: int, seed: int, images: list[str] = IMAGES) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(len(images), columns)).astype(np.float32)
    with hdf5_writer(path) as file:
        file["features"] = matrix
        write_rows(file, images, VIEWS[: len(images)])
        file.attrs.update({"schema_version": 1, "dataset": "d", "manifest_sha256": "0"})
    return matrix


@pytest.mark.parametrize("mapped", [False, True])
def test_fused_columns_are_the_parts_side_by_side(tmp_path: Path, mapped: bool) -> None:
    a, b = feature_file(tmp_path / "a.h5", 3, 0), feature_file(tmp_path / "b.h5", 5, 1)
    fuse([tmp_path / "b.h5", tmp_path / "a.h5"], tmp_path / "b+a.h5")
    fused = read_features(tmp_path / "b+a.h5", mapped=mapped)
    np.testing.assert_array_equal(fused.matrix, np.hstack([b, a]))
    assert fused.rows.to_dict("list") == {"image_id": IMAGES, "view": VIEWS}


def test_fusion_copies_nothing(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        feature_file(tmp_path / f"{name}.h5", 100_000, seed)
    fuse([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "a+b.h5")
    assert (tmp_path / "a+b.h5").stat().st_size < 20_000 < (tmp_path / "a.h5").stat().st_size
    with h5py.File(tmp_path / "a+b.h5") as file:
        assert file["features"].is_virtual


def test_the_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    a, b = feature_file(tmp_path / "here/a.h5", 3, 0), feature_file(tmp_path / "here/b.h5", 5, 1)
    fuse([tmp_path / "here/a.h5", tmp_path / "here/b.h5"], tmp_path / "here/fused/a+b.h5")
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(read_features(tmp_path / "there/fused/a+b.h5").matrix, np.hstack([a, b]))


def test_other_rows_are_refused(tmp_path: Path) -> None:
    feature_file(tmp_path / "a.h5", 3, 0)
    feature_file(tmp_path / "b.h5", 3, 0, ["a.png", "a.png", "b.png", "c.png"])
    with pytest.raises(UserError, match="other rows"):
        fuse([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "a+b.h5")
    assert not (tmp_path / "a+b.h5").exists()


def test_a_missing_or_changed_part_is_not_read_as_zeros(tmp_path: Path) -> None:
    for name in ("a", "b"):
        feature_file(tmp_path / f"{name}.h5", 3, 0)
    fuse([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "a+b.h5")
    (tmp_path / "a.h5").unlink()
    with pytest.raises(UserError, match=r"its part .* is missing"):
        read_features(tmp_path / "a+b.h5")
    feature_file(tmp_path / "a.h5", 400, 0)
    with pytest.raises(UserError, match="was changed"):
        read_features(tmp_path / "a+b.h5")


@pytest.mark.parametrize("change", ["other numbers", "another row's name"])
def test_a_part_of_the_same_size_with_other_bytes_is_told(tmp_path: Path, change: str) -> None:
    for name in ("a", "b"):
        feature_file(tmp_path / f"{name}.h5", 3, 0)
    fuse([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "a+b.h5")
    read_features(tmp_path / "a+b.h5")
    size = (tmp_path / "b.h5").stat().st_size
    if change == "other numbers":
        feature_file(tmp_path / "b.h5", 3, 1)
    else:
        feature_file(tmp_path / "b.h5", 3, 0, ["a.png", "a.png", "c.png", "c.png"])
    assert (tmp_path / "b.h5").stat().st_size == size
    with pytest.raises(UserError, match=r"a\+b\.h5: its part .*/b\.h5 was changed .*; if it was made again, fuse"):
        read_features(tmp_path / "a+b.h5")


def test_a_part_is_hashed_once_and_again_when_it_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        feature_file(tmp_path / f"{name}.h5", 3, 0)
    pairs = [("a", "b"), ("a", "c")]
    for pair in pairs:
        fuse([tmp_path / f"{name}.h5" for name in pair], tmp_path / f"{'+'.join(pair)}.h5")
    hashed: list[str] = []
    monkeypatch.setattr(store, "sha256_file", lambda path: hashed.append(path.name) or sha256_file(path))
    for pair in pairs * 2:
        read_features(tmp_path / f"{'+'.join(pair)}.h5")
    assert hashed == ["a.h5", "b.h5", "c.h5"]
    feature_file(tmp_path / "a.h5", 3, 0)
    read_features(tmp_path / "a+b.h5")
    assert hashed[3:] == ["a.h5"]


def test_the_bytes_do_not_depend_on_the_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        feature_file(tmp_path / f"{name}.h5", 3, 0)
    fused = tmp_path / "fused.h5"
    fuse([tmp_path / "a.h5", tmp_path / "b.h5"], fused)
    first = fused.read_bytes()
    time.sleep(1.1)  # HDF5 counts seconds
    fuse([tmp_path / "a.h5", tmp_path / "b.h5"], fused)
    assert fused.read_bytes() == first


def test_the_fused_file_changes_when_a_part_does(tmp_path: Path) -> None:
    digests = []
    for seed in (0, 1):
        for name in ("a", "b"):
            feature_file(tmp_path / f"{name}.h5", 3, seed)
        fuse([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "a+b.h5")
        digests.append((tmp_path / "a+b.h5").read_bytes())
    assert digests[0] != digests[1]


def test_rows_are_found_by_image_and_view(tmp_path: Path) -> None:
    feature_file(tmp_path / "a.h5", 3, 0)
    features = read_features(tmp_path / "a.h5")
    wanted = pd.DataFrame({"image_id": ["b.png", "a.png"], "view": ["hflip", "identity"]})
    np.testing.assert_array_equal(features.row_numbers(wanted), [3, 0])
    with pytest.raises(UserError, match=r"no row for image a\.png, view vflip"):
        features.row_numbers(pd.DataFrame({"image_id": ["a.png"], "view": ["vflip"]}))


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"not HDF5")
    with pytest.raises(UserError, match="not a readable HDF5 file"):
        read_features(tmp_path / "a.h5")
