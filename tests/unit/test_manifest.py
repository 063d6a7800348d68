"""Scanning a dataset: every file gets its row, and equal images are found."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.table import Table

from leukorepro.config.datasets import SubjectsFromRegex
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.description import class_table, describe, headline
from leukorepro.data.groups import groups
from leukorepro.data.manifest import read_manifest, write_manifest
from leukorepro.data.scan import Scan, check_readable, scan

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOLDER = FolderDataset(adapter="image_folder", images=Path("images"), max_pixels=5000)
CNMC = CnmcDataset(adapter="cnmc2019", images=Path("images"))


def picture(path: Path, seed: int, size: tuple[int, int] = (40, 50), **options: object) -> Path:
    """Write a picture of noise, height by width, in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return path


def look(dataset: FolderDataset | CnmcDataset, images: Path, workers: int = 2) -> Scan:
    return scan(dataset, images, workers=workers, progress=False)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with one file of every kind, good and bad."""
    images = tmp_path / "images"
    picture(images / "a/good.png", 1)
    picture(images / "b/good.bmp", 2, (30, 20))
    half = picture(images / "a/half.jpg", 3)
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (images / "a/empty.png").touch()
    (images / "b/empty.tif").touch()
    (images / "b/text.png").write_text("not an image")
    picture(images / "b/large.png", 4, (100, 51))
    deep = np.linspace(0, 65535, 2000).astype(np.uint16).reshape(40, 50)
    Image.fromarray(deep).save(images / "a/deep.tif")
    Image.new("CMYK", (50, 40), (10, 200, 30, 0)).save(images / "a/ink.jpg")
    Image.open(images / "a/good.png").quantize(8).save(images / "b/palette.png")
    (images / "b/notes.txt").write_text("ignored")
    return images


def test_every_file_has_its_row_and_its_status(mixed: Path) -> None:
    found = look(FOLDER, mixed)
    rows = found.manifest.set_index("image_id")
    assert list(found.manifest.columns) == list(MANIFEST_TABLE.columns)
    assert rows["status"].to_dict() == {
        "a/deep.tif": "ok",
        "a/empty.png": "empty",
        "a/good.png": "ok",
        "a/half.jpg": "truncated",
        "a/ink.jpg": "ok",
        "b/empty.tif": "empty",
        "b/good.bmp": "ok",
        "b/large.png": "oversized",
        "b/palette.png": "ok",
        "b/text.png": "not_an_image",
    }
    assert (rows.index == rows["path"]).all()
    assert rows.loc["b/good.bmp", ["width", "height"]].tolist() == [20, 30]
    assert (rows.loc[rows["status"] != "ok", ["width", "height"]] == 0).all(axis=None)
    for path, digest in rows["sha256"].items():
        assert digest == hashlib.sha256((mixed / str(path)).read_bytes()).hexdigest()


def test_the_summary_counts_and_is_json(mixed: Path) -> None:
    summary = look(FOLDER, mixed).summary
    assert summary == json.loads(json.dumps(summary, allow_nan=False))
    assert (summary["images"], summary["readable"]) == (10, 5)
    assert summary["classes"] == {"a": 3, "b": 2}
    assert summary["status"] == {"empty": 2, "not_an_image": 1, "ok": 5, "oversized": 1, "truncated": 1}
    assert [one["image_id"] for one in summary["unreadable"]] == [
        "a/empty.png",
        "a/half.jpg",
        "b/empty.tif",
        "b/large.png",
        "b/text.png",
    ]
    assert {one["what"]: one["examples"] for one in summary["conversions"]} == {
        "16-bit grey -> 8-bit RGB": ["a/deep.tif"],
        "CMYK -> RGB": ["a/ink.jpg"],
        "palette -> RGB": ["b/palette.png"],
    }
    assert summary["sizes"] == [[50, 40, 4], [20, 30, 1]]
    assert summary["ignored"] == {".txt": 1}
    assert (summary["parts"], summary["complete"]) == ([], False)


def test_the_description_says_what_happened_to_each_file(mixed: Path) -> None:
    text = describe(look(FOLDER, mixed), FOLDER)
    for line in (
        "Subjects are not known: no split can keep a patient on one side, and the rung subject_disjoint",
        "16-bit grey -> 8-bit RGB: 1 (a/deep.tif)",
        "CMYK -> RGB: 1 (a/ink.jpg)",
        "palette -> RGB: 1 (b/palette.png)",
        "a/empty.png: empty: the file has no bytes",
        "a/half.jpg: truncated: ",
        "b/large.png: oversized: 51 x 100 pixels, more than max_pixels = 5000",
        "b/text.png: not_an_image: not a BMP, TIFF, JPEG, PNG or WebP file",
        "1 .txt",
    ):
        assert line in text


def test_the_table_counts_images_subjects_and_what_cannot_be_read(mixed: Path) -> None:
    for number in range(35):  # more classes than a terminal shows
        picture(mixed / f"c{number:02d}/good.png", 10 + number)
    found = look(FOLDER, mixed)
    assert headline(found) == "45 image files, 40 readable"
    bare = class_table(found)
    assert rows_of(bare)[:4] == [("class", "images", "unreadable"), ("a", "3", "2"), ("b", "2", "3"), ("c00", "1", "0")]
    assert rows_of(bare)[-2:] == [("and 7 more",), ("in all", "40", "5")]
    dataset = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex="(.)$")})
    (mixed / "a/good.png").with_name("copy.png").write_bytes((mixed / "a/good.png").read_bytes())
    full = class_table(look(dataset, mixed))
    assert rows_of(full)[:2] == [
        ("class", "images", "unreadable", "subjects", "source photographs"),
        ("a", "4", "2", "2", "3"),
    ]
    assert rows_of(full)[-1] == ("in all", "41", "5", "3", "40")
    assert "Subjects are not known" not in describe(look(dataset, mixed), dataset)


def rows_of(table: Table) -> list[tuple[str, ...]]:
    """Headings, rows and footers; what is empty left out."""
    columns = [[column.header, *column.cells, column.footer] for column in table.columns]
    return [tuple(str(cell) for cell in row if str(cell)) for row in zip(*columns, strict=True)]


def test_more_unreadable_files_than_tolerated_stop_with_names(mixed: Path) -> None:
    found = look(FOLDER, mixed)
    check_readable(found, 5)
    with pytest.raises(UserError, match=r"5 of 10 .* is 4: a/empty\.png \(empty\), a/half\.jpg \(truncated\)"):
        check_readable(found, 4)


def test_only_ten_unreadable_files_are_named(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02d}.png").touch()
    with pytest.raises(UserError, match=r"09\.png \(empty\) and 2 more\. Repair"):
        check_readable(look(FOLDER, tmp_path), 0)


def test_the_same_bytes_whatever_the_order_on_disk_and_the_workers(mixed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for file in sorted((f for f in mixed.rglob("*") if f.is_file()), reverse=True):
        target = other / file.relative_to(mixed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    scans = [look(FOLDER, mixed, workers=1), look(FOLDER, mixed, workers=5), look(FOLDER, other)]
    for number, found in enumerate(scans):
        write_manifest(found.manifest, tmp_path / f"{number}.csv")
    assert len({(tmp_path / f"{number}.csv").read_bytes() for number in range(3)}) == 1
    assert len({json.dumps(found.summary) for found in scans}) == 1


def test_a_link_that_points_nowhere_keeps_its_row(tmp_path: Path) -> None:
    picture(tmp_path / "good.png", 1)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    rows = look(FOLDER, tmp_path).manifest.set_index("path")
    assert rows["status"].to_dict() == {"gone.png": "unreadable", "good.png": "ok"}
    assert rows.loc["gone.png", "sha256"] == ""


# -------------------------------------------------------------------------------------------------------- equal content


def test_equal_bytes_and_equal_pixels_share_a_source_and_conflicts_are_listed(tmp_path: Path) -> None:
    first = picture(tmp_path / "b/1.png", 7)
    (tmp_path / "a").mkdir()
    shutil.copy(first, tmp_path / "a/copy.png")  # equal bytes, another class
    Image.open(first).save(tmp_path / "b/2.bmp")  # equal pixels, other bytes
    picture(tmp_path / "a/other.png", 8)
    found = look(FOLDER, tmp_path)
    assert found.manifest.set_index("path")["source_id"].to_dict() == {
        "a/copy.png": "a/copy.png",
        "a/other.png": "a/other.png",
        "b/1.png": "a/copy.png",
        "b/2.bmp": "a/copy.png",
    }
    expected = {"images": ["a/copy.png", "b/1.png", "b/2.bmp"], "labels": ["a", "b", "b"], "subjects": ["", "", ""]}
    assert found.summary["equal_content"] == [expected]
    assert found.summary["label_conflicts"] == [expected]
    assert "a/copy.png (a) = b/1.png (b) = b/2.bmp (b)" in describe(found, FOLDER)


def test_equal_images_of_one_class_are_no_conflict(tmp_path: Path) -> None:
    shutil.copy(picture(tmp_path / "a/1.png", 7), tmp_path / "a/2.png")
    summary = look(FOLDER, tmp_path).summary
    assert len(summary["equal_content"]) == 1
    assert summary["label_conflicts"] == []


def test_unreadable_files_are_equal_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/1.png").touch()
    (tmp_path / "b/1.png").touch()
    found = look(FOLDER, tmp_path)
    assert found.manifest["source_id"].tolist() == ["a/1.png", "b/1.png"]
    assert found.summary["equal_content"] == []


def test_one_equal_cell_joins_two_photographs_and_their_patients(tmp_path: Path) -> None:
    cell = picture(tmp_path / "fold_0/all/UID_20_10_1_all.bmp", 1)
    picture(tmp_path / "fold_0/all/UID_20_10_2_all.bmp", 2)
    picture(tmp_path / "fold_2/all/UID_21_10_9_all.bmp", 3)
    picture(tmp_path / "fold_2/all/UID_22_1_1_all.bmp", 4)
    shutil.copy(cell, tmp_path / "fold_2/all/UID_21_10_4_all.bmp")
    found = look(CNMC, tmp_path)
    rows = found.manifest
    assert rows["source_id"].tolist() == ["UID_20_10"] * 4 + ["UID_22_1"]
    assert groups(rows["subject_id"], rows["source_id"]).tolist() == [0, 0, 0, 0, 1]
    assert found.summary["subjects_total"] == 3
    assert found.summary["splits"] == {"fold_0": {"all": 2}, "fold_2": {"all": 3}}
    assert "1 of them across subjects" in describe(found, FOLDER)


def test_subjects_are_counted_per_class(tmp_path: Path) -> None:
    for seed, name in enumerate(["a/P1_1.png", "a/P1_2.png", "a/P2_1.png", "b/P2_2.png"]):
        picture(tmp_path / name, seed)
    dataset = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex="(P[0-9])_")})
    summary = look(dataset, tmp_path).summary
    assert summary["subjects"] == {"a": 2, "b": 1}
    assert summary["subjects_total"] == 2


# ----------------------------------------------------------------------------------------------------- writing, reading

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
TRICKY = st.one_of(TEXT, st.sampled_from(["NA", "nan", "", "007", "1e5", "True", 'a"b', "a,b", " a ", "None", "#"]))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TRICKY, TRICKY, st.integers(0, 10**6)), min_size=1, unique_by=lambda row: row[0]))
def test_a_manifest_reads_back_equal(tmp_path: Path, rows: list[tuple[str, str, int]]) -> None:
    manifest = pd.DataFrame(
        {name: [row[0] if name in {"image_id", "path"} else row[1] for row in rows] for name in MANIFEST_TABLE.columns},
        dtype="str",
    )
    manifest["subject_id"] = "P" + manifest["subject_id"]  # one that says that none is known is refused
    manifest["width"] = manifest["height"] = pd.Series([row[2] for row in rows], dtype="int64")
    write_manifest(manifest, tmp_path / "manifest.csv")
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "manifest.csv"), manifest)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sha256,", "", r"column\(s\) sha256 missing"),
        ("50,40", "fifty,40", "column 'width': .*expected whole numbers"),
        ("a/2.png,a/2.png", "a/1.png,a/1.png", "'a/1.png' is there twice"),
        ("a/2.png,a,,", "a/2.png,a,NA,", "1 of 2 rows have the subject_id 'NA', which says that none is known"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    picture(tmp_path / "images/a/1.png", 1)
    picture(tmp_path / "images/a/2.png", 2)
    table = tmp_path / "manifest.csv"
    write_manifest(look(FOLDER, tmp_path / "images").manifest, table)
    read_manifest(table)
    text = table.read_text()
    assert old in text
    table.write_text(text.partition("\n")[0] + "\n")
    with pytest.raises(UserError, match=r"manifest\.csv: a manifest without any image; scan the dataset again"):
        read_manifest(table)
    table.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=message):
        read_manifest(table)


# ------------------------------------------------------------------------------------------------------------ real data


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with real images")
def test_the_real_sample_of_c_nmc() -> None:
    found = look(CNMC, SHARED / "data/cnmc_sample")
    index = pd.read_csv(SHARED / "data/cnmc_sample/index.csv", dtype=str).set_index("path")
    rows = found.manifest.set_index("path")
    assert len(rows) == 123
    assert rows["sha256"].to_dict() == index["sha256"].to_dict()
    assert found.summary["classes"] == {"all": 64, "hem": 59}
    assert found.summary["subjects"] == {"all": 35, "hem": 22}
    assert found.summary["subjects_total"] == 57
    assert found.summary["splits"]["prelim"] == {"all": 7, "hem": 3}
    assert found.summary["sizes"] == [[450, 450, 123]]
    assert not found.summary["complete"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with real images")
def test_real_blood_cells_with_one_image_under_two_classes() -> None:
    dataset = FOLDER.model_copy(update={"max_pixels": 10**8})
    found = look(dataset, SHARED / "data/pbc_subset")
    assert found.summary["readable"] == 1602
    assert Counter(found.summary["classes"].values()) == {200: 6, 201: 2}
    (conflict,) = found.summary["label_conflicts"]
    assert conflict["images"] == ["eosinophil/EO_225902.jpg", "neutrophil/BNE_191112.jpg"]
    assert found.manifest["source_id"].nunique() == 1601
