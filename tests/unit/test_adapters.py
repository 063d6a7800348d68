"""Adapters: what a folder's names say, for copies as they are found in the wild."""

from __future__ import annotations

import os
import re
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from project_data import draw, make_project, numbered
from pydantic import ValidationError
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.datasets import RealDataset, SubjectsFromCsv, SubjectsFromRegex, load_dataset
from leukorepro.config.files import study_path
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.adapters.imss import TYPES, ImssDataset
from leukorepro.data.adapters.simulated import SmearDataset
from leukorepro.data.folders import list_images, walk
from leukorepro.data.scan import scan

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
HERE = Path("images")
FOLDER = FolderDataset(adapter="image_folder", images=HERE)
CNMC = CnmcDataset(adapter="cnmc2019", images=HERE)
ALLIDB = AllIdbDataset(adapter="allidb", images=HERE)
IMSS = ImssDataset(adapter="imss", images=HERE)
SIZE = {"subjects": 2, "images": 4}
SIMULATED = SmearDataset(adapter="simulated", look="allidb2", sizes={"demo": SIZE, "published": SIZE})


def names(dataset: RealDataset, *files: str, folder: Path = HERE) -> Listing:
    """What the adapter makes of some names, with nothing on disk."""
    return dataset.list_rows(folder, sorted(files))


def touch(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


# ------------------------------------------------------------------------------------------------------------ the walk


def test_files_are_sorted_and_others_counted(tmp_path: Path) -> None:
    touch(
        tmp_path, "b/2.PNG", "b/1.tiff", "a/deep/er/x.jpg", "a/y.bmp", "notes.txt", "a/list.CSV", "Thumbs.db", "README"
    )
    touch(tmp_path, ".DS_Store", "a/.hidden.png", "__MACOSX/a/y.bmp", ".git/z.png")
    listing = list_images(FOLDER, tmp_path)
    assert [row.path for row in listing.rows] == ["a/deep/er/x.jpg", "a/y.bmp", "b/1.tiff", "b/2.PNG"]
    assert [row.label for row in listing.rows] == ["a", "a", "b", "b"]
    assert listing.ignored == {".csv": 1, ".txt": 1, "README": 1, "hidden": 5}
    assert not listing.has_subjects


@pytest.mark.parametrize(
    "name",
    [
        *(
            "__MACOSX",
            "@eaDir",
            "@EADIR",
            "#recycle",
            "#Snapshot",
            "@Recycle",
            "@Recently-Snapshot",
            ".@__thumb",
            "@tmp",
        ),
        *(":2eAppleDouble", "PaxHeaders.X"),
        *("$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "System Volume Information", "found.000", "_vti_cnf"),
        *("lost+found", "~snapshot", "@GMT-2026.01.31-23.00.00", ".AppleDouble", "Network Trash Folder"),
        *(".picasaoriginals", ".thumbnails", ".ipynb_checkpoints", "__pycache__", "Previews.lrdata"),
    ],
)
def test_folders_that_systems_make_hold_no_image(tmp_path: Path, name: str) -> None:
    """Beside the classes, where one would be a class, and in one, where its thumbnails would be cells."""
    touch(tmp_path, "a/1.png", "b/1.png", f"{name}/deeper/1.png", f"a/{name}/1.png/SYNOPHOTO_THUMB_M.jpg")
    listing = list_images(FOLDER, tmp_path)
    assert [row.path for row in listing.rows] == ["a/1.png", "b/1.png"]
    assert (listing.folders, listing.others) == (["a", "b"], [])
    assert listing.ignored == {"hidden": 2}


@pytest.mark.parametrize(
    "name",
    [
        *("._1.png", "Thumbs.db", "thumbs.DB", "ehthumbs.db", "Desktop.ini", "AlbumArtSmall.jpg", "Picasa.ini"),
        *("SYNOPHOTO_THUMB_XL.jpg", "1.png@SynoEAStream", "Icon\r"),
    ],
)
def test_files_that_systems_make_are_no_images(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "a/1.png", f"a/{name}")
    listing = list_images(FOLDER, tmp_path)
    assert ([row.path for row in listing.rows], listing.ignored) == (["a/1.png"], {"hidden": 1})


@pytest.mark.parametrize("name", ["eaDir", "recycle", "snapshot", "lost", "found", "found.1", "a@eaDir", "Icons"])
def test_folders_with_names_like_those_are_classes(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"{name}/1.png")
    assert [row.label for row in list_images(FOLDER, tmp_path).rows] == [name]


def test_pipes_and_sockets_are_no_files_and_a_link_to_nothing_is_a_broken_one(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    os.mkfifo(tmp_path / "a/zz.jpg")
    (tmp_path / "a/link.jpg").symlink_to(tmp_path / "a/zz.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "a/s.png"))  # a socket's whole path may be too long
    (tmp_path / "a/null.png").symlink_to("/dev/null")
    (tmp_path / "a/gone.png").symlink_to("nowhere.png")
    (tmp_path / "a/self.png").symlink_to("self.png")
    listing = list_images(FOLDER, tmp_path)
    assert [row.path for row in listing.rows] == ["a/1.png", "a/gone.png", "a/self.png"]
    assert listing.ignored == {"not a file": 4}
    found = scan(FOLDER, tmp_path, progress=False)
    assert [(one["image_id"], one["status"]) for one in found.summary["unreadable"][1:]] == [
        ("a/gone.png", "unreadable"),
        ("a/self.png", "unreadable"),
    ]


def test_a_folder_that_may_not_be_read_is_told_and_not_passed_over(tmp_path: Path, monkeypatch: Any) -> None:
    touch(tmp_path, "a/1.png", "b/1.png", "lost+found/1.png")
    really = os.scandir

    def refuse(folder: Path) -> Any:
        if Path(folder).name == refused:
            raise PermissionError(13, "Permission denied")
        return really(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    refused = "lost+found"  # root's own on every disk
    assert len(list_images(FOLDER, tmp_path).rows) == 2
    refused = "b"
    with pytest.raises(UserError, match=r"b: Permission denied; allow reading it, or move it away\."):
        list_images(FOLDER, tmp_path)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "1.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a").symlink_to(tmp_path / "elsewhere")
    assert [row.path for row in list_images(FOLDER, tmp_path / "images").rows] == ["a/1.png"]
    (tmp_path / "elsewhere/again").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="again: links back"):
        list_images(FOLDER, tmp_path / "images")


@pytest.mark.parametrize(
    "links",
    [
        {"a/x": "b", "b/x": "a"},
        {"a/x": "b", "a/y": "b", "b/x": "a", "b/y": "a"},
        {"a/x": "b", "b/x": "c", "c/x": "a"},
        {"a/x": "b/deep", "b/deep/x": "a"},
        {"a/x": "b/deep", "b/deep/x": "c", "c/x": "b"},
        {"a/x": "../elsewhere", "../elsewhere/x": "b", "b/x": "../elsewhere"},
        {"a/x": "../elsewhere", "../elsewhere/x": "."},
        {"a/x": "a"},
        {".hidden/x": "b", "b/.x": ".hidden"},
    ],
    ids=lambda links: ", ".join(f"{link} to {target}" for link, target in links.items()),
)
def test_folders_that_link_to_each_other_are_told(tmp_path: Path, links: dict[str, str]) -> None:
    images = tmp_path / "images"
    touch(images, "a/1.png", "b/1.png", "b/deep/1.png", "c/1.png", ".hidden/1.png", "../elsewhere/1.png")
    for link, target in links.items():
        (images / link).symlink_to((images / target).resolve())
    with pytest.raises(UserError, match=r"/\.?[xy]: links back to a folder above it; remove the link"):
        walk(images)


def test_a_folder_that_several_link_to_is_followed_each_time(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png", "c/deep/1.png")
    for link, target in {"a/x": "c", "b/x": "c", "b/y": "c/deep", "c/z": "b/1.png"}.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    assert [file for file in walk(tmp_path).files if file.endswith(".png")] == [
        *("a/1.png", "a/x/deep/1.png", "b/1.png", "b/x/deep/1.png", "b/y/1.png", "c/deep/1.png"),
    ]


def test_images_outside_of_the_folder_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "1.png", "2.png")
    touch(tmp_path / "images", "b/1.png", "b/2.png")
    (tmp_path / "images/a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "images/b/3.png").symlink_to("../../elsewhere/1.png")
    (tmp_path / "images/b/4.png").symlink_to("1.png")
    (tmp_path / "images/b/notes.txt").symlink_to("/nowhere")
    (tmp_path / "link").symlink_to("images")
    for folder in ("images", "link"):
        (told,) = list_images(FOLDER, tmp_path / folder).suspicions
        assert told.startswith(
            f"3 images lie outside of {tmp_path / folder}, where symbolic links lead: a/1.png, a/2.png, b/3.png; "
        )
        assert "elsewhere" not in told


def test_names_that_no_table_can_hold_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a/new\nline.png")
    with pytest.raises(UserError, match=r"new\\nline.png"):
        list_images(FOLDER, tmp_path)


@pytest.mark.parametrize("dataset", [FOLDER, CNMC, ALLIDB, IMSS])
def test_a_missing_or_empty_folder_is_told_with_what_belongs_there(tmp_path: Path, dataset: CnmcDataset) -> None:
    with pytest.raises(UserError, match=r"nowhere: no such folder; expected there: .*Put them there"):
        list_images(dataset, tmp_path / "nowhere")
    touch(tmp_path, "readme.txt")
    with pytest.raises(UserError, match=r"holds no image .*expected there"):
        list_images(dataset, tmp_path)


def test_an_adapter_is_called_what_its_file_is_called() -> None:
    """A configuration names the file, and says what the file's own key allows."""
    assert {name: get_args(entry.model_fields["adapter"].annotation) for name, entry in ADAPTERS.items()} == {
        name: (name,) for name in ADAPTERS
    }


# -------------------------------------------------------------------------------------------------------- image_folder


def test_images_without_class_folders_have_no_label() -> None:
    assert [row.label for row in names(FOLDER, "1.png", "2.png").rows] == ["", ""]


def test_images_beside_class_folders_are_refused() -> None:
    with pytest.raises(UserError, match=r"stray\.png"):
        names(FOLDER, "stray.png", "a/1.png")


def csv_subjects(tmp_path: Path, text: str) -> FolderDataset:
    (tmp_path / "subjects.csv").write_text(text)
    return FOLDER.model_copy(update={"subjects": SubjectsFromCsv(csv=tmp_path / "subjects.csv")})


def test_subjects_from_a_table_by_path_or_file_name(tmp_path: Path) -> None:
    dataset = csv_subjects(
        tmp_path, "\ufeffage,image,subject\n3,a/1.png,007\n4,2.png, P2 \n5,b\\1.png,P2\n6,gone.png,P9\n"
    )
    listing = names(dataset, "a/1.png", "a/2.png", "b/1.png")
    assert {row.path: row.subject_id for row in listing.rows} == {"a/1.png": "007", "a/2.png": "P2", "b/1.png": "P2"}
    assert listing.has_subjects
    assert "1 row(s) name an image that is not in the folder" in listing.notes[0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("image,subject\n1.png,P\n", r"row 2: image '1\.png' is the name of 2 images \(a/1\.png, b/1\.png\)"),
        ("image,subject\na/1.png,P\na/1.png,Q\n", r"row 3: .*'Q', but 'P' in row 2"),
        ("image,subject\n\na/1.png,P\n,\n\na/1.png,Q\n", r"row 6: .*'Q', but 'P' in row 3"),
        ("image,subject\na/1.png,P\n", r"1 of 2 images have no row \(b/1\.png\)"),
        ("file,subject\na/1.png,P\n", r"column\(s\) image missing"),
    ],
)
def test_faults_of_the_table_are_told_with_file_and_row(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"subjects\.csv: .*{message}"):
        names(csv_subjects(tmp_path, table), "a/1.png", "b/1.png")


def test_subjects_from_an_expression() -> None:
    by_folder = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex=r"^[^/]+/(P\d+)/")})
    named = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex=r"(x|y)_(?P<subject>\d+)")})
    assert [row.subject_id for row in names(by_folder, "a/P1/1.png", "b/P22/2.png").rows] == ["P1", "P22"]
    assert [row.subject_id for row in names(named, "a/x_31.png", "b/y_4.png").rows] == ["31", "4"]
    with pytest.raises(UserError, match=r"none in 2 of 3 images \(a/P/1\.png, b/2\.png\)"):
        names(by_folder, "a/P/1.png", "a/P7/1.png", "b/2.png")


# ------------------------------------------------------------------------------------------------------------ cnmc2019

LABELS = "C-NMC_test_prelim_phase_data_labels.csv"


def complete_copy() -> tuple[list[str], str]:
    """Names of a made-up dataset with all the counts of C-NMC 2019, and its label file."""
    training = []
    for label, prefix, images, subjects in (("all", "", 7272, 47), ("hem", "H", 3389, 26)):
        for i in range(images):
            subject = i % subjects
            case = prefix.lower() if i % 7 == 0 else prefix
            cell = f"UID_{case}{subject}_{i // subjects // 5}_{i // subjects % 5}_{label}.bmp"
            training.append(f"training_data/fold_{subject % 3}/{label}/{cell}")
    table, prelim = ["Patient_ID,new_names,labels"], []
    for label, prefix, images, subjects in (("all", "", 1219, 13), ("hem", "H", 648, 15)):
        for i in range(images):
            number = len(prelim) + 1
            identity = f"UID_{prefix}{100 + i % subjects}_{i // subjects}_1_{label}.bmp"
            table.append(f"{identity},{number}.bmp,{1 if label == 'all' else 0}")
            prelim.append(f"validation_data/C-NMC_test_prelim_phase_data/{number}.bmp")
    return [f"C-NMC_Leukemia/{name}" for name in (*training, *prelim)], "\n".join(table) + "\n"


def test_a_complete_copy_is_recognised_fast_and_one_less_is_a_part(tmp_path: Path) -> None:
    files, table = complete_copy()
    labels = f"C-NMC_Leukemia/validation_data/{LABELS}"
    touch(tmp_path, labels)
    (tmp_path / labels).write_text(table)
    start = time.perf_counter()
    listing = names(CNMC, *files, labels, folder=tmp_path)
    assert time.perf_counter() - start < 2
    assert [part.complete for part in listing.parts] == [True, True]
    assert listing.external_split == "prelim"
    assert len({row.subject_id for row in listing.rows}) == 47 + 26 + 13 + 15
    some = names(CNMC, *files[1:], labels, folder=tmp_path)
    assert [part.complete for part in some.parts] == [False, True]
    assert some.parts[0].sentence == (
        "a part of the C-NMC 2019 training set: 10,660 of 10,661 images, 7,271 of 7,272 images of class all"
    )


def some_folds(*folds: int) -> CnmcDataset:
    return CnmcDataset(adapter="cnmc2019", images=Path("cnmc"), folds=folds)


def test_folds_of_the_training_set_are_selected_and_the_preliminary_phase_stays() -> None:
    files = [f"fold_{fold}/all/UID_{fold}_1_1_all.bmp" for fold in range(3)]
    listing = names(some_folds(2, 0), *files, "prelim/hem/UID_H9_1_1_hem.bmp")
    assert [row.official_split for row in listing.rows] == ["fold_0", "fold_2", "prelim"]
    assert listing.notes == ["Other folds left out (`folds` of the dataset): 1 images."]
    assert listing.parts[0].name == "C-NMC 2019 training set, folds 0 and 2"
    with pytest.raises(UserError, match="lies in no folder named fold_0 to fold_2"):
        names(some_folds(0), *files, "all/UID_7_1_1_all.bmp")
    for folds, message in (([3], "less than 3"), ([], "at least 1"), ([1, 1], "named twice")):
        with pytest.raises(ValidationError, match=message):
            some_folds(*folds)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with the names of C-NMC 2019")
def test_folds_0_and_1_alone_hold_the_images_that_al_hammadi_counts() -> None:
    study = load_study(study_path("alhammadi2024"))
    files = pd.read_csv(SHARED / "data/cnmc_lfs_manifest.tsv", sep="\t", names=["sha", "size", "path"])["path"]
    training = files[files.str.contains("training_data")].tolist()
    found = {}
    for folds in ((0, 1), (0, 2), (1, 2)):
        listing = names(some_folds(*folds), *training)
        assert listing.parts[0].complete
        found[folds] = len(listing.rows)
    assert [folds for folds, images in found.items() if images == study.published_images] == [(0, 1)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with the names of C-NMC 2019")
def test_the_names_of_the_real_dataset_are_complete(tmp_path: Path) -> None:
    files = pd.read_csv(SHARED / "data/cnmc_lfs_manifest.tsv", sep="\t", names=["sha", "size", "path"])["path"].tolist()
    at = tmp_path / "C-NMC_Leukemia/validation_data" / LABELS
    at.parent.mkdir(parents=True)
    at.write_bytes((SHARED / "data/cnmc_sample" / LABELS).read_bytes())
    listing = names(CNMC, *files, folder=tmp_path)
    assert [part.complete for part in listing.parts] == [True, True]
    assert Counter(row.label for row in listing.rows) == {"all": 7272 + 1219, "hem": 3389 + 648}
    assert {row.official_split for row in listing.rows} == {"fold_0", "fold_1", "fold_2", "prelim"}
    assert listing.notes == ["Final test phase left out: 2,586 images without labels."]
    folds: dict[str, set[str]] = {}
    for row in listing.rows:
        folds.setdefault(row.subject_id, set()).add(row.official_split)
    assert all(len(splits) == 1 for splits in folds.values())


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with the sample of C-NMC 2019")
def test_the_real_sample_is_a_part() -> None:
    folder = SHARED / "data/cnmc_sample"
    index = pd.read_csv(folder / "index.csv", dtype=str).set_index("path")
    listing = list_images(CNMC, folder)
    assert len(listing.rows) == 123
    assert len({row.subject_id for row in listing.rows}) == 57
    assert Counter(row.label for row in listing.rows) == {"all": 64, "hem": 59}
    assert [part.complete for part in listing.parts] == [False, False]
    for row in listing.rows:
        expected = index.loc[row.path]
        assert (row.label, row.subject_id) == (expected["class"], expected["subject"].upper())
        assert row.source_id == f"UID_{expected['subject'].upper()}_{expected['image']}"
        assert row.official_split == expected["official_fold"]


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("fold_0/all/UID_11_1_2_all.bmp", "fold_0"),
        ("C-NMC_training_data/fold_2/fold_2/all/UID_11_1_2_all.bmp", "fold_2"),
        ("PKG - C-NMC 2019/C-NMC_training_data/Fold_1/ALL/UID_11_1_2_ALL.BMP", "fold_1"),
        ("prelim/all/UID_11_1_2_all.bmp", "prelim"),
        ("validation_data/all/UID_11_1_2_all.png", "prelim"),
        ("all/UID_11_1_2_all.bmp", ""),
    ],
)
def test_layouts_of_copies(path: str, split: str) -> None:
    (row,) = names(CNMC, path).rows
    assert (row.label, row.subject_id, row.source_id, row.official_split) == ("all", "11", "UID_11_1", split)


@pytest.mark.parametrize(
    ("image", "table"),
    [
        ("C-NMC_test_prelim_phase_data/C-NMC_test_prelim_phase_data/5.bmp", "C-NMC_test_prelim_phase_data"),
        ("validation_data/C-NMC_test_prelim_phase_data/5.bmp", "validation_data"),
        ("C-NMC_test_prelim_phase_data/5.png", "."),
    ],
)
def test_the_preliminary_phase_takes_labels_and_subjects_from_its_table(tmp_path: Path, image: str, table: str) -> None:
    at = (Path(table) / LABELS).as_posix()
    touch(tmp_path, at)
    (tmp_path / at).write_text("Patient_ID,new_names,labels\nUID_h49_29_1_hem.bmp, prelim\\5.bmp,0 \n")
    (row,) = names(CNMC, image, at, folder=tmp_path).rows
    assert (row.label, row.subject_id, row.source_id, row.official_split) == ("hem", "H49", "UID_H49_29", "prelim")


def test_subjects_are_the_same_in_either_case_and_h_is_kept() -> None:
    files = ["fold_0/hem/UID_h10_1_1_hem.bmp", "fold_0/hem/UID_H10_1_2_hem.bmp", "fold_0/all/UID_10_1_1_all.bmp"]
    listing = names(CNMC, *files)
    assert Counter(row.subject_id for row in listing.rows) == {"H10": 2, "10": 1}
    assert Counter(row.source_id for row in listing.rows) == {"UID_H10_1": 2, "UID_10_1": 1}


def test_a_training_set_alone_has_no_external_split() -> None:
    assert names(CNMC, "fold_0/all/UID_11_1_2_all.bmp").external_split == ""


@pytest.mark.parametrize(
    ("files", "table", "message"),
    [
        (["fold_0/hem/UID_11_1_2_all.bmp"], "", "lies in the folder 'hem', but is labelled 'all'"),
        (["fold_0/all/cell.bmp"], "", "not a name of C-NMC 2019"),
        (["all/5.bmp"], "", "not a name of C-NMC 2019"),
        (["prelim/5.bmp"], "", f"need {LABELS}"),
        (["prelim/5.bmp", LABELS], "UID_57_29_1_all.bmp,6.bmp,1", "has no row"),
        (["prelim/5.bmp", LABELS], "UID_57_29_1_all.bmp,5.bmp,0", "row 2: label '0' contradicts"),
        (["prelim/5.bmp", LABELS], "57,5.bmp,1", "row 2: Patient_ID '57'"),
        (["prelim/5.bmp", LABELS], "\n\n57,5.bmp,1", "row 4: Patient_ID '57'"),
        (["prelim/5.bmp", LABELS], "NA,5.bmp,1", "row 2: Patient_ID 'NA'"),
        (
            ["prelim/5.bmp", LABELS],
            "UID_57_29_1_all.bmp,5.bmp,1\nUID_58_29_1_all.bmp,5.bmp,1",
            "row 3: '5.bmp' was named before",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, files: list[str], table: str, message: str) -> None:
    (tmp_path / LABELS).write_text(f"Patient_ID,new_names,labels\n{table}\n")
    with pytest.raises(UserError, match=message):
        names(CNMC, *files, folder=tmp_path)


# -------------------------------------------------------------------------------------------------------------- allidb


def allidb_names(which: int, suffix: str) -> list[str]:
    blasts, images = {1: (49, 108), 2: (130, 260)}[which]
    return [f"Im{i:03d}_{int(i <= blasts)}.{suffix}" for i in range(1, images + 1)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ALL_IDB1/im/", "jpg"), ("ALL_IDB2/img/", "tif")),
        (("", "jpg"), ("", "tif")),
        (("ALL-IDB 1/", "png"), ("all_idb2/", "png")),
        (("fields/", "png"), ("cells/", "png")),
    ],
)
def test_the_hybrid_set_is_complete_however_it_is_filed(first: tuple[str, str], second: tuple[str, str]) -> None:
    files = [f"{folder}{n}" for k, (folder, suffix) in enumerate((first, second), 1) for n in allidb_names(k, suffix)]
    listing = names(ALLIDB, *files, "ALL_IDB1/xyc/Im001_1.xyc")
    assert len(listing.rows) == 368
    assert Counter(row.label for row in listing.rows) == {"all": 179, "healthy": 189}  # Atteia (2022), section 2.1
    assert [part.complete for part in listing.parts] == [True, True]
    assert (len(listing.photographs), len(listing.crops)) == (108, 260)
    assert all(path.startswith(first[0]) and path.endswith(first[1]) for path in listing.photographs)
    assert not listing.has_subjects


def test_one_set_alone_and_a_part_of_it() -> None:
    parts = names(ALLIDB, *allidb_names(2, "tif")).parts
    assert [part.sentence for part in parts] == ["nothing of the ALL-IDB1", "complete ALL-IDB2: 260 images"]
    part = names(ALLIDB, *allidb_names(1, "jpg")[1:]).parts[0]
    assert part.sentence == "a part of the ALL-IDB1: 107 of 108 images, 48 of 49 images of class all"


def test_more_than_was_published_is_not_complete() -> None:
    part = Part("X", {"images": 2}, {"images": 3})
    assert not part.complete
    assert part.sentence == "not the published X: 3 of 2 images"


def test_names_outside_the_rule_and_numbers_twice_are_refused() -> None:
    with pytest.raises(UserError, match=r"Im001\.jpg: not a name of ALL-IDB"):
        names(ALLIDB, "ALL_IDB1/Im001.jpg")
    with pytest.raises(UserError, match="ALL-IDB1 has image 001 already"):
        names(ALLIDB, "ALL_IDB1/Im001_1.jpg", "ALL_IDB1/copy/Im001_1.jpg")


# ---------------------------------------------------------------------------------------------------------------- imss


@pytest.mark.parametrize(
    "file",
    [
        "M3/1.jpg",
        "m3/1.jpg",
        "AML/M3/1.jpg",
        "IMSS/aml/m3/1.jpg",
        "Bone marrow 2019/IMSS/AML/M3/segmented/1.jpg",
    ],
)
def test_a_sub_type_is_told_by_its_folder_however_it_is_filed(file: str) -> None:
    listing = names(IMSS, file)
    assert [(row.path, row.label) for row in listing.rows] == [(file, "M3")]
    assert not listing.has_subjects


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("L3/1.jpg", r"images/L3/1\.jpg: lies in no folder of a sub-type \(L1, L2, M2, M3, M5\)"),
        ("AML/1.jpg", "lies in no folder of a sub-type"),
        ("1.jpg", "lies in no folder of a sub-type"),
        ("ALL/M3/1.jpg", r"contradict one another \(ALL, M3\)"),
        ("M2/M3/1.jpg", r"contradict one another \(M2, M3\)"),
    ],
)
def test_folders_outside_the_five_sub_types_are_refused(file: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        names(IMSS, file)


def test_633_images_of_five_sub_types_are_complete_and_others_a_part() -> None:
    files = [f"{('L1', 'L2', 'M2', 'M3', 'M5')[i % 5]}/{i}.jpg" for i in range(633)]  # Hayat (2022), section III.B
    (whole,) = names(IMSS, *files).parts
    assert whole.sentence == "complete IMSS bone marrow: 633 images"
    (part,) = names(IMSS, *[f for f in files if not f.startswith("M5")]).parts
    assert part.sentence == "a part of the IMSS bone marrow: 507 of 633 images, 4 of 5 sub-types"
    (more,) = names(IMSS, *files, "L1/copy.jpg").parts
    assert more.sentence == "not the published IMSS bone marrow: 634 of 633 images"


def test_subjects_of_bone_marrow_come_from_a_table_or_the_paths(tmp_path: Path) -> None:
    by_name = IMSS.model_copy(update={"subjects": SubjectsFromRegex(regex=r"/(P\d+)_")})
    assert [row.subject_id for row in names(by_name, "L1/P1_1.jpg", "AML/M5/P22_1.jpg").rows] == ["P22", "P1"]
    (tmp_path / "who.csv").write_text("image,subject\n1.jpg,A\nL2/2.jpg,B\n")
    by_table = IMSS.model_copy(update={"subjects": SubjectsFromCsv(csv=tmp_path / "who.csv")})
    assert {row.path: row.subject_id for row in names(by_table, "L1/1.jpg", "L2/2.jpg").rows} == {
        "L1/1.jpg": "A",
        "L2/2.jpg": "B",
    }


def test_init_writes_a_run_on_bone_marrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    draw(tmp_path / "marrow", *numbered(*(f"{'ALL' if name[0] == 'L' else 'AML'}/{name}/{{}}.jpg" for name in TYPES)))
    weights = ["--weights", "googlenet=random", "--weights", "inception_v3=random"]
    words = ["init", "--name", "marrow", "--images", "marrow", "--adapter", "imss", "--study", "atteia2022", *weights]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("25 image files, 25 readable")
    assert re.search(r"L1 +│ +5 │", done.output)
    assert load_dataset(Path("config/datasets/marrow.yaml")) == ImssDataset(adapter="imss", images=Path("marrow"))


# ----------------------------------------------------------------------------------------------------------- simulated


def test_the_simulators_table_is_taken_over(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a.png")
    (tmp_path / "simulation.csv").write_text(
        "path,label,subject_id,source_id,official_split,radius\nb.png,x,S1,f1,fold_0,3.5\na.png,y,S2,f2,external,4\n"
    )
    listing = list_images(SIMULATED, tmp_path)
    assert listing.rows == [Row("a.png", "y", "S2", "f2", "external"), Row("b.png", "x", "S1", "f1", "fold_0")]
    assert listing.external_split == "external"
    assert listing.ignored == {".csv": 1}
    touch(tmp_path, "c.png")
    with pytest.raises(UserError, match=r"simulation\.csv: lacks 1 of the images that are there \(c\.png\)"):
        list_images(SIMULATED, tmp_path)
    (tmp_path / "c.png").unlink()
    (tmp_path / "b.png").unlink()
    with pytest.raises(UserError, match=r"1 of its images are not there \(b\.png\)"):
        list_images(SIMULATED, tmp_path)
