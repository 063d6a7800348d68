"""What looks as if it were not meant as it was understood is named, and nothing else is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from project_data import touch

from leukorepro.config.datasets import SubjectsFromRegex
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.folders import list_images
from leukorepro.data.scan import scan
from leukorepro.data.suspicions.names import of_names
from leukorepro.data.suspicions.pictures import of_pictures, small_picture, smaller_copies

FOLDER = FolderDataset(adapter="image_folder", images=Path("images"))
HONEST = [
    ("blast", "normal"),
    ("ALL", "AML", "healthy"),
    ("L1", "L2", "M2", "M3", "M5"),
    ("L1", "L2", "L3", *(f"M{i}" for i in range(8))),
    tuple(f"AML-M{i}" for i in range(8)),
    tuple(str(i) for i in range(10)),
    tuple(f"type {i}" for i in range(8)),
    tuple(f"class_{i}" for i in range(8)),
    ("CD3", "CD4", "CD8", "CD19", "CD20", "CD34"),
    ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet"),
    ("Benign", "Early Pre-B", "Pre-B", "Pro-B"),
    ("Ph+", "Ph-"),
    ("trophoblast", "testis", "folded", "device", "partial"),  # words that begin like others
    ("p53", "wild type"),
    ("class (1)", "class (2)"),
    tuple(f"{a}{b}{c}" for a in "abc" for b in "def" for c in "ghi"),  # 27 short codes
]


def suspicions(*files: str) -> list[str]:
    """Of images that are nowhere but in a list."""
    return of_names(FOLDER.list_rows(Path("images"), sorted(files)), Path("images"))


def of_classes(names: Sequence[str]) -> list[str]:
    return suspicions(*(f"{name}/{i}.png" for name in names for i in range(2)))


def of_files(folder: Path, *files: str) -> list[str]:
    touch(folder, *files)
    return of_names(list_images(FOLDER, folder), folder)


# --------------------------------------------------------------------------------------------------- names of folders


@pytest.mark.parametrize("names", HONEST, ids=lambda names: f"{len(names)} {names[0]}")
@pytest.mark.parametrize("below", [[""], ["patient 7/"], ["40x/deep/er/", "100x/"], ["phase 1/", "phase 2/"]])
def test_honest_classes_raise_no_suspicion(names: Sequence[str], below: Sequence[str]) -> None:
    assert suspicions(*(f"{name}/{inner}{i}.png" for name in names for inner in below for i in range(2))) == []


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ("blast", "Blast", "case"),
        ("blast", "blast ", "spaces"),
        ("blast", " blast", "spaces"),
        ("early pre-b", "early_pre b", "hyphens"),
        ("pre-b", "PreB", "hyphens, underscores or dots and case"),
        ("Blast ", "blast", "dots and case"),
        ("blast", "blast.", "spaces"),
        ("blast", "blast\u200b", "invisible"),
        ("blast", "blast\u00a0", "spaces"),
        ("Bl\u00e4sten", unicodedata.normalize("NFD", "Bl\u00e4sten"), "Unicode form"),
        ("AML", "\uff21\uff2d\uff2c", "form"),
        ("leuc\u00e9mie", "Leucemie", "accents"),
        ("AML", "\u0410ML", "shape"),  # a Cyrillic letter
        ("M0", "MO", "shape"),
        ("type 1", "type 01", "leading zeros"),
        *(
            ("blast", copy, "what a copy is called")
            for copy in ("blast (1)", "blast - Copy", "Copy of blast", "blast copy 2")
        ),
    ],
)
def test_one_class_under_two_names_is_named(first: str, second: str, difference: str) -> None:
    (told,) = of_classes([first, second, "normal"])
    assert told.startswith("the classes '")
    assert "look like one under 2 names" in told
    assert difference in told
    assert "normal" not in told


@pytest.mark.parametrize(
    "names",
    [
        *(("TRAIN", "TEST"), ("train1", "train2", "Testing"), ("training_data", "validation_data"), ("Train", "Val")),
        *(
            ("fold_0", "fold_1"),
            ("Fold3", "fold4"),
            ("X_train", "X_valid"),
            ("TrainData", "TestData"),
            ("val", "trainset"),
        ),
        *(
            ("Training Set", "Hold-out"),
            ("split 1", "split 2"),
            ("cv1", "cv2"),
            ("test", "blast"),
            ("VALIDATION", "dev"),
        ),
    ],
)
@pytest.mark.parametrize("above", ["", "smears/", "a/b/"])
@pytest.mark.parametrize("below", [("",), ("blast/", "normal/")], ids=["flat", "classes below"])
def test_parts_of_a_split_are_named_at_the_top_and_below_it(
    names: tuple[str, str], above: str, below: Sequence[str]
) -> None:
    (told,) = suspicions(*(f"{above}{name}/{label}1.png" for name in names for label in below))
    assert "like part of a split" in told
    assert f"'{names[0]}'" in told
    assert ("the folders below ('blast', 'normal') like classes" in told) is (len(below) > 1)
    assert ("was read as one class" if above else "were read as classes") in told


def test_parts_of_a_split_below_each_class_are_named() -> None:
    (told,) = suspicions(*(f"{c}/{part}/1.png" for c in ("all", "hem") for part in ("train", "test")))
    assert told == (
        "2 folders ('test', 'train') look like part of a split, below each of 'all', 'hem'; all parts were put "
        "together, and are split anew."
    )


@pytest.mark.parametrize(
    "names",
    [
        *(
            ("P01", "P02", "P03"),
            ("patient_3", "patient_11"),
            ("Patient A", "Patient B"),
            ("case1", "Case 2", "CASE-03"),
        ),
        *(
            ("subject-1", "sub-2", "controls"),
            ("UID_11", "UID_H2"),
            ("ALL_patient1", "HEM_patient2"),
            ("slide 3", "Slide4"),
        ),
        tuple(f"{kind}_{i}" for kind in ("ALL", "HEM") for i in range(3)),
        tuple(f"{i:03d}" for i in range(12)),
        ("104233", "104718", "99120"),
        ("2026-01-31", "2026-02-01", "2026-02-11"),
        tuple(f"H{i}" for i in range(26)),
        tuple(f"{first} {last}" for first in ("Ann", "Bob", "Cyd", "Dee") for last in "ABCDEFGH"),
    ],
    ids=lambda names: names[0],
)
def test_folders_of_patients_are_named(names: Sequence[str]) -> None:
    (told,) = of_classes(names)
    assert f"{len(names)} folders ('" in told
    assert "look like patients, of 2 images; the folders at the top were read as classes" in told
    assert "--subject-level" in told


def test_classes_below_patients_are_named_with_them() -> None:
    (told,) = suspicions(*(f"P{p}/{label}/1.png" for p in range(4) for label in ("blast", "normal")))
    assert "look like patients, of 2 images, the folders below ('blast', 'normal') like classes" in told


def test_patients_below_the_classes_are_named_unless_they_are_known() -> None:
    files = [f"{c}/P{p}/1.png" for c in ("blast", "normal") for p in range(4)]
    (told,) = suspicions(*files)
    assert told == (
        "4 folders ('P0', 'P1', 'P2' and 1 more) look like patients below the classes, who are not known; "
        "--subject-level 2 names them."
    )
    known = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex=r"/(P\d)/")})
    assert of_names(known.list_rows(Path("images"), files), Path("images")) == []


def test_a_class_in_another_is_named() -> None:
    (told,) = suspicions("blast/1.png", "blast/normal/1.png", "normal/1.png", "normal/normal/2.png", "normal/7/3.png")
    assert told == "1 folder ('blast/normal') looks like classes that lie in others; move them out, or rename them."


@pytest.mark.parametrize("name", ["masks", "Ground Truth", "GT", "blast_mask", "thumbs", "Previews"])
@pytest.mark.parametrize("place", ["{}/1.png", "blast/{}/1.png", "normal/images/{}/1.png"])
def test_drawings_and_previews_are_named(name: str, place: str) -> None:
    (told,) = suspicions("blast/1.png", "normal/1.png", place.format(name))
    assert told == f"1 folder ('{name}') looks like drawings or previews, which were read as images; move them away."


def test_classes_that_lie_deeper_are_named() -> None:
    (twice,) = suspicions(*(f"{k}/{c}/1.png" for k in ("Original", "Segmented") for c in ("Pre", "Pro")))
    assert twice.startswith("2 folders ('Pre', 'Pro') look like the classes, below each of 'Original', 'Segmented'")
    (within,) = suspicions("smears/set/blast/1.png", "smears/set/normal/1.png")
    assert within.startswith(
        "2 folders ('blast', 'normal') look like the classes; all below 'smears/set' was read as one"
    )


# ----------------------------------------------------------------------------------------------------- what is not read


@pytest.mark.parametrize("ending", ["gif", "HEIC", "svs", "npy", "dcm", "zip", "tar.gz", "foo"])
def test_a_class_none_of_whose_files_is_read_is_named(tmp_path: Path, ending: str) -> None:
    (told,) = of_files(tmp_path, "a/1.png", "b/1.png", f"c/1.{ending}", f"c/2.{ending}")
    assert told.startswith(
        f"the folder 'c' looks like a class, but none of its files is read (2 .{ending.split('.')[-1].lower()})"
    )


@pytest.mark.parametrize("file", [None, "c/.1.png", "c/@eaDir/1.png"])
def test_a_class_without_files_is_named(tmp_path: Path, file: str | None) -> None:
    (tmp_path / "c").mkdir()
    (told,) = of_files(tmp_path, "a/1.png", "b/1.png", *([file] if file else []))
    assert told == "the folder 'c' looks like a class, but holds no file, or hidden ones only."


@pytest.mark.parametrize("ending", ["gif", "heif", "ndpi", "npz", "ppm", "DCM", "nef"])
def test_images_beside_read_ones_that_are_not_read_are_named(tmp_path: Path, ending: str) -> None:
    (told,) = of_files(tmp_path, "a/1.png", f"a/2.{ending}", f"a/3.{ending}", "b/1.png")
    assert told.startswith(
        f"2 files ('a/2.{ending}', 'a/3.{ending}') look like images, which are not read (2 .{ending.lower()})"
    )


def test_images_are_told_by_their_first_bytes_where_their_ending_says_nothing(tmp_path: Path) -> None:
    kinds = {
        "1": "JPEG",
        "2.jpg~": "PNG",
        "3.JPG ": "TIFF",
        "4.copy": "BMP",
        "5.orig": "GIF",
        "6.x": "WEBP",
        "7.y": "JPEG2000",
    }
    touch(tmp_path, "a/1.png", "b/1.png", "a/notes", "a/Makefile.in")
    for name, kind in kinds.items():
        Image.new("RGB", (9, 9)).save(tmp_path / "a" / name, kind)
    (tmp_path / "a/8").write_bytes(bytes(128) + b"DICM")
    (told,) = of_files(tmp_path)
    assert told.startswith("8 files ('a/1', 'a/2.jpg~', 'a/3.JPG ' and 5 more) look like images, which are not read")


def test_packed_classes_are_named(tmp_path: Path) -> None:
    (told,) = of_files(tmp_path, "a/1.png", "b/1.png", "c.zip")
    assert told == "1 file ('c.zip') looks like packed images, which are not read; unpack them, or move them away."


def test_documents_beside_images_raise_no_suspicion(tmp_path: Path) -> None:
    others = [
        "a/1.xml",
        "a/1.txt",
        "index.csv",
        "README",
        "LICENSE",
        "annotations/1.json",
        "docs/paper.pdf",
        "a/Thumbs.db",
    ]
    assert of_files(tmp_path, "a/1.png", "b/1.png", *others) == []


# ------------------------------------------------------------------------------------------------------------- pictures


def smear(seed: int, width: int, height: int) -> Image.Image:
    """A picture with coarse and fine structure, no two alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def look(folder: Path, dataset: FolderDataset | CnmcDataset = FOLDER) -> list[str]:
    found: list[str] = scan(dataset, folder, progress=False).summary["suspicions"]
    return found


@pytest.mark.parametrize(
    ("side", "name"),
    [
        *((60, "blast/t{}.jpg"), (90, "blast/t{}.png"), (145, "blast/t{}.jpg")),
        *((90, "blast/small/t{}.jpg"), (90, "klein/t{}.jpg")),
    ],
)
def test_thumbnails_are_named_wherever_they_lie(tmp_path: Path, side: int, name: str) -> None:
    for number in range(4):
        file = f"{('blast', 'normal')[number % 2]}/{number}.bmp"
        picture = smear(number, 181, 183)
        picture.save(touch(tmp_path, file) / file)
        if number % 2 == 0:
            small = name.format(number)
            picture.thumbnail((side, side))
            picture.save(touch(tmp_path, small) / small)
    (told,) = look(tmp_path)
    assert told.startswith("2 image(s) look like smaller copies of others, thumbnails perhaps: ")
    assert f"{name.format(0)} ({round(side * 181 / 183)} x {side}) of blast/0.bmp (181 x 183)" in told


def test_icons_of_no_other_image_are_named(tmp_path: Path) -> None:
    for number, size in enumerate([(300, 200)] * 3 + [(310, 220), (32, 32), (16, 16)]):
        smear(number, *size).save(touch(tmp_path, f"a/{number}.png") / f"a/{number}.png")
        smear(100 + number, 40, 30).save(touch(tmp_path, f"b/{number}.png") / f"b/{number}.png")
    (told,) = look(tmp_path)
    assert told.startswith(
        "2 image(s) look like thumbnails or icons, less than half as wide and high as all others in "
    )
    assert "a/4.png (32 x 32)" in told


def test_cells_of_many_sizes_raise_no_suspicion(tmp_path: Path) -> None:
    sides = np.geomspace(30, 200, 24).astype(int)  # as tight frames about cells are, and many of one shape
    assert all(after < 2 * before for before, after in pairwise(sides))
    for number, side in enumerate(sides):
        smear(number, side, side).save(
            touch(tmp_path, f"{'ab'[number % 2]}/{number}.png") / f"{'ab'[number % 2]}/{number}.png"
        )
    assert look(tmp_path) == []


def test_plain_images_and_none_are_no_copies() -> None:
    plain = np.stack([small_picture(np.full((side, side, 3), 200, dtype=np.uint8)) for side in (100, 50)])
    assert smaller_copies(np.array([[100, 100], [50, 50]]), plain) == {}
    assert of_pictures(pd.DataFrame({"path": [], "width": [], "height": []}), plain[:0]) == []


@pytest.mark.parametrize(
    ("folder", "dataset"),
    [("cnmc_sample", CnmcDataset(adapter="cnmc2019", images=Path("images"))), ("pbc_subset", FOLDER)],
)
def test_real_datasets_raise_no_suspicion(shared: Path, folder: str, dataset: FolderDataset | CnmcDataset) -> None:
    images = shared / folder
    listing = list_images(dataset, images)
    assert of_names(listing, images) == []
    rows = pd.DataFrame({"path": [row.path for row in listing.rows[::7]]})
    opened = [Image.open(images / path).convert("RGB") for path in rows["path"]]
    rows["width"], rows["height"] = zip(*(image.size for image in opened), strict=True)
    assert of_pictures(rows, np.stack([small_picture(np.array(image)) for image in opened])) == []
