"""Crops are found in the photographs that they were cut from, and nowhere else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import match_template

from leukorepro.checks.sharing import examine, links_of
from leukorepro.config.datasets import Simulation
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.data import crops as module
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.data.crops import Templates, find_photographs
from leukorepro.data.description import describe
from leukorepro.data.scan import Scan, scan
from leukorepro.data.splits import make_splits
from leukorepro.simulate.population import Population
from leukorepro.simulate.scenes import render

SIDE = 129

ALLIDB = AllIdbDataset(adapter="allidb", images=Path("images"))


@pytest.fixture(scope="module")
def fields() -> list[NDArray[np.uint8]]:
    """Ten photographs of five subjects, the last two of which are no part of the dataset."""
    population = Population(Simulation(look="allidb1", size={"subjects": 5, "images": 10}))
    return [render(population.subject(number // 2), "field", number % 2).pixels[:300, :400] for number in range(10)]


def cut(field: NDArray[np.uint8], place: tuple[int, int]) -> NDArray[np.uint8]:
    top, left = place
    return field[top : top + SIDE, left : left + SIDE]


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def test_the_best_place_is_scikit_images() -> None:
    generator = np.random.default_rng(0)
    larger = generator.integers(0, 256, (50, 70)).astype(np.float64)
    larger[:30, :30] = 7  # windows of one grey, which fit nothing
    pictures = [generator.integers(0, 256, shape).astype(np.float64) for shape in ((11, 13), (8, 8), (51, 9))]
    found = Templates([*pictures, larger[5:16, 40:53]], larger.shape).best_places(larger)
    for picture, (correlation, row, column) in zip(pictures[:2], found, strict=False):
        expected = match_template(larger, picture)
        assert correlation == pytest.approx(expected.max(), abs=1e-9)
        assert (row, column) == np.unravel_index(expected.argmax(), expected.shape)
    assert found[2].tolist() == [-1, 0, 0]  # larger than what it is looked for in
    assert found[3].tolist() == pytest.approx([1, 5, 40], abs=1e-9)


def test_every_crop_is_found_where_it_was_cut(fields: list[NDArray[np.uint8]]) -> None:
    """At the corners too, and at places that are no multiple of the reduction."""
    height, width = fields[0].shape[:2]
    places = [(0, 0), (height - SIDE, width - SIDE), (101, 203), (17, 250), (height - SIDE, 3)]
    images = {f"photograph {number}": grey(field) for number, field in enumerate(fields)}
    images |= {f"crop {number}": grey(cut(fields[2 * number], place)) for number, place in enumerate(places)}
    names = [[name for name in images if name.startswith(kind)] for kind in ("crop", "photograph")]
    found = find_photographs(*names, images.__getitem__, progress=False)
    expected = [
        (f"crop {number}", f"photograph {2 * number}", 1.0, left, top) for number, (top, left) in enumerate(places)
    ]
    assert list(found.itertuples(index=False, name=None)) == expected
    pd.testing.assert_frame_equal(found, find_photographs(*names, images.__getitem__, workers=3, progress=False))


def test_blocks_of_crops_change_nothing(fields: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> None:
    images = {str(number): grey(field) for number, field in enumerate(fields[:3])}
    images |= {f"crop {number}": grey(cut(fields[number % 3], (35 * number, 30))) for number in range(5)}
    names = [[name for name in images if name.startswith("crop")], ["0", "1", "2"]]
    whole = find_photographs(*names, images.__getitem__, progress=False)
    monkeypatch.setattr(module, "BLOCK", 2)
    pd.testing.assert_frame_equal(find_photographs(*names, images.__getitem__, progress=False), whole)
    assert len(whole) == 5


@pytest.fixture
def allidb(tmp_path: Path, fields: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """ALL-IDB in small: eight photographs as JPEG, three crops of each as TIFF and compressed again, and three more.

    The last three: of a photograph that is not there, twice, and of one grey.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    (folder / "ALL_IDB1").mkdir(parents=True)
    (folder / "ALL_IDB2").mkdir()
    generator = np.random.default_rng(5)
    stored = []
    for number, field in enumerate(fields[:8]):
        file = folder / f"ALL_IDB1/Im{number + 1:03d}_{int(number >= 4)}.jpg"
        Image.fromarray(field).save(file, quality=90)
        stored.append(np.asarray(Image.open(file)))
    crops = [
        cut(photograph, (int(generator.integers(172)), int(generator.integers(272))))
        for photograph in stored
        for _ in range(3)
    ]
    crops += [cut(fields[8], (150, 200)), cut(fields[9], (60, 90)), np.full((SIDE, SIDE, 3), 201, dtype=np.uint8)]
    for number, crop in enumerate(crops):
        name = folder / f"ALL_IDB2/Im{number + 1:03d}_{int(12 <= number < 24)}"
        kinds = [(".tif", {}), (".jpg", {"quality": 75}), (".jpg", {"quality": 40})]
        suffix, options = kinds[number % 3]
        Image.fromarray(crop).save(name.with_name(name.name + suffix), **options)
    return folder


def look(folder: Path) -> Scan:
    return scan(ALLIDB, folder, workers=2, progress=False)


def test_a_crop_and_its_photograph_are_one_source(allidb: Path) -> None:
    found = look(allidb)
    source = found.manifest.set_index("image_id")["source_id"]
    crops = sorted(name for name in source.index if name.startswith("ALL_IDB2"))
    photographs = sorted(name for name in source.index if name.startswith("ALL_IDB1"))
    assert source[crops].tolist() == [*(name for name in photographs for _ in range(3)), *crops[24:]]
    assert Counter(found.crops["photograph"]) == dict.fromkeys(photographs, 3)
    summary = found.summary["crops"]
    assert summary["nowhere"] == crops[24:]
    assert summary["several"] == summary["other_class"] == []
    assert 0.985 < summary["lowest_correlation"] < 1
    told = describe(found, ALLIDB)
    assert "24 of 27 crops were cut from 8 of the 8 photographs" in told
    assert "3 found in no photograph, and a source of their own: ALL_IDB2/Im025_0.tif" in told


def test_the_source_disjoint_rung_keeps_crops_with_their_photographs(allidb: Path) -> None:
    manifest = look(allidb).manifest
    labels = manifest.set_index("image_id")["label"]
    shared = {}
    for rung, unit, scope in (("as_published", "view", "all"), ("source_disjoint", "source", "train")):
        scheme = KFoldScheme(kind="k_fold", n_splits=3, views=["identity", "hflip"])
        splits = make_splits(manifest, scheme, Protocol(rung=rung, unit=unit, scope=scope), 0, None)
        shared[rung] = examine(rung, splits, links_of(manifest), labels)["shared"]["test_train"]["source"]["rows"]
    assert shared["as_published"] > 24
    assert shared["source_disjoint"] == 0


def test_a_photograph_that_is_there_twice_is_told_and_tied(allidb: Path, fields: list[NDArray[np.uint8]]) -> None:
    """A second file of the first photograph, compressed otherwise and of the other class."""
    Image.fromarray(fields[0]).save(allidb / "ALL_IDB1/Im009_1.jpg", quality=60)
    found = look(allidb)
    crops = [f"ALL_IDB2/Im{number:03d}_0{suffix}" for number, suffix in ((1, ".tif"), (2, ".jpg"), (3, ".jpg"))]
    summary = found.summary["crops"]
    assert summary["several"] == summary["other_class"] == crops
    source = found.manifest.set_index("image_id")["source_id"]
    assert set(source[[*crops, "ALL_IDB1/Im001_0.jpg", "ALL_IDB1/Im009_1.jpg"]]) == {"ALL_IDB1/Im001_0.jpg"}
    assert "3 found in several photographs, which are then one source" in describe(found, ALLIDB)


def test_what_was_found_is_kept_until_a_file_changes(allidb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = look(allidb)
    calls: list[int] = []

    def counted(*args: object, **options: object) -> pd.DataFrame:
        calls.append(1)
        return find_photographs(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "find_photographs", counted)
    again = look(allidb)
    assert calls == []
    pd.testing.assert_frame_equal(again.crops, first.crops)
    (kept,) = (allidb.parent / "cache" / "leukorepro" / "crops").iterdir()
    kept.write_text("damaged")
    pd.testing.assert_frame_equal(look(allidb).crops, first.crops)
    Image.open(allidb / "ALL_IDB2/Im001_0.tif").rotate(180).save(allidb / "ALL_IDB2/Im001_0.tif")
    monkeypatch.setattr(module, "user_cache", lambda: kept)  # a file: it can hold none
    assert look(allidb).summary["crops"]["nowhere"][0] == "ALL_IDB2/Im001_0.tif"
    assert len(calls) == 2


def test_unreadable_files_and_one_set_alone_are_not_looked_at(allidb: Path) -> None:
    for file in (allidb / "ALL_IDB1").iterdir():
        file.write_bytes(b"")
    assert look(allidb).summary["crops"] is None
