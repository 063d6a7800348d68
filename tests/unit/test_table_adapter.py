"""A table as a dataset: its columns, labels, exclusions and held-out part; subjects from folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from project_data import draw, make_project, numbered, touch
from typer.testing import CliRunner, Result

from leukorepro.cli.app import app
from leukorepro.config.datasets import RealDataset, load_dataset
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Exclusion
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.adapters.imss import ImssDataset
from leukorepro.data.adapters.table import TableDataset
from leukorepro.data.folders import list_images
from leukorepro.data.scan import scan

HEADER = "file,kind,patient,slide,hospital,cohort,quality"
ROWS = (
    "a/0001.png,BLA,007,s1,Rome,Discovery,good",
    "a/0002.png,PMO,007,s1,Rome,Discovery,good",
    "a/0003.png,NEU,008,s2,Oslo,Validation,good",
    "0004.png,NEU,009,s3,Oslo,Discovery,poor",
)
IMAGES = ("a/0001.png", "a/0002.png", "a/0003.png", "b/0004.png")
COLUMNS = {"image": "file", "label": "kind", "subject": "patient", "source": "slide", "site": "hospital"}
LABELS = {"BLA": "blast", "PMO": "blast", "NEU": "normal"}
HELD_OUT = {"column": "cohort", "value": "Validation"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of empty files that are called like images, beside which tables are written."""
    monkeypatch.chdir(tmp_path)
    return touch(tmp_path / "images", *IMAGES)


def dataset(*rows: str, header: str = HEADER, **more: Any) -> TableDataset:
    """A table of these rows, as a dataset."""
    Path("cells.csv").write_text("\n".join([header, *(rows or ROWS), ""]))
    said = {"adapter": "table", "images": "images", "table": "cells.csv", "columns": COLUMNS, "labels": LABELS}
    return TableDataset.model_validate(said | more)


def listed(of: RealDataset) -> dict[str, tuple[str, ...]]:
    """Label, subject, source, part and site of every image."""
    rows = list_images(of, of.images).rows
    return {row.path: (row.label, row.subject_id, row.source_id, row.official_split, row.site) for row in rows}


def test_a_table_says_all_that_is_known_of_images() -> None:
    told = dataset(held_out=HELD_OUT, exclude={"quality": ["poor"]})
    assert listed(told) == {
        "a/0001.png": ("blast", "007", "s1", "Discovery", "Rome"),
        "a/0002.png": ("blast", "007", "s1", "Discovery", "Rome"),
        "a/0003.png": ("normal", "008", "s2", "Validation", "Oslo"),
    }
    listing = list_images(told, told.images)
    assert listing.external_split == "Validation"
    assert listing.excluded == [Exclusion("quality", "poor", 1)]
    assert not listing.notes
    assert told.files_beside == (Path("cells.csv"),)


def test_only_image_and_label_must_be_there_and_labels_are_classes_without_a_mapping() -> None:
    plain = dataset(columns={"image": "file", "label": "kind"}, labels=None)
    assert set(listed(plain).values()) == {("BLA", "", "", "", ""), ("PMO", "", "", "", ""), ("NEU", "", "", "", "")}
    assert list_images(plain, plain.images).external_split == ""
    with pytest.raises(ValueError, match="label"):
        dataset(columns={"image": "file"})


def test_parquet_says_the_same_as_csv_and_numbers_with_gaps_stay_whole() -> None:
    named = {"image": "file", "label": "kind", "subject": "patient"}
    by_csv = dataset(
        "a/0001.png,1,7", "a/0002.png,1,", "a/0003.png,0,8", "b/0004.png,0,10",
        header="file,kind,patient", columns=named, labels={"0": "normal", "1": "blast"}, missing_subjects=[""],
    )  # fmt: skip
    frame = pd.read_csv("cells.csv")
    assert frame["patient"].dtype == "float64"
    frame.to_parquet("cells.parquet")
    by_parquet = by_csv.model_copy(update={"table": Path("cells.parquet")})
    assert listed(by_parquet) == listed(by_csv)
    assert [told[1] for told in listed(by_csv).values()] == ["7", "", "8", "10"]


def test_each_excluded_row_counts_once_and_its_image_need_not_be_there() -> None:
    excluding = dataset(*ROWS, "gone.png,NEU,1,s9,Rome,Discovery,blurred",
                        exclude={"hospital": ["Oslo"], "quality": ["poor", "blurred"]}, labels=None)  # fmt: skip
    listing = list_images(excluding, excluding.images)
    assert [one.images for one in listing.excluded] == [2, 0, 1]
    assert {row.path for row in listing.rows} == {"a/0001.png", "a/0002.png"}


def test_images_without_a_row_are_left_out_and_told() -> None:
    fewer = dataset(*ROWS[:3])
    listing = list_images(fewer, fewer.images)
    assert listing.notes == ["cells.csv: 1 image(s) in the folder have no row (b/0004.png)."]
    assert listing.others == ["b/0004.png"]


FAULTS: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "column": ((), {"columns": COLUMNS | {"subject": "Patient"}}, "`columns.subject` names the column 'Patient', which "
               "is not there; found file, kind, patient, slide, hospital, cohort, quality. Did you mean 'patient'?"),
    "held-out column": ((), {"held_out": {"column": "phase", "value": "2"}}, "`held_out.column` names the column"),
    "excluded column": ((), {"exclude": {"blur": ["yes"]}}, "`exclude.blur` names the column 'blur', which is not"),
    "unmapped": ((), {"labels": {"BLA": "blast", "PMO": "blast"}}, "`labels` has no class for 'NEU' (2 rows); it has "
                 "BLA, PMO. Add what is missing, or leave those rows out with `exclude: {kind: [...]}`."),
    "label nowhere": ((), {"labels": LABELS | {"EOS": "normal"}}, "`labels` names 'EOS', which no row has in 'kind'"),
    "excluded nowhere": ((), {"exclude": {"quality": ["bad"]}}, "`exclude.quality` names 'bad', which no row has in "
                         "'quality'; found 'good' (3 rows), 'poor' (1 rows)."),
    "part nowhere": ((), {"held_out": HELD_OUT | {"value": "Test"}}, "`held_out.value` names 'Test', which no row has"),
    "no row left": ((), {"exclude": {"quality": ["good", "poor"]}}, "no row is left by `exclude`"),
    "no label": ((*ROWS, "b/0005.png,,,,,,"), {}, "1 row(s) have no label in the column 'kind' (row 6)"),
    "no image": ((*ROWS, ",NEU,9,s9,,,"), {}, "row 6: no image in the column 'file'"),
    "same row": ((*ROWS, ROWS[0]), {}, "row 6: image 'a/0001.png' is that of row 2, too; keep one of the rows."),
    "blank lines": ((*ROWS, "", "  ,,,,,,", "", ROWS[0]), {}, "row 9: image 'a/0001.png' is that of row 2, too"),
    "same image": ((*ROWS, "0001.png,NEU,9,s9,Oslo,,"), {}, "row 6: image '0001.png' is that of row 2, too"),
    "missing": ((*ROWS, "c/0009.png,NEU,9,s9,,,"), {}, "1 of 5 rows name no image below images: row 6 names "
                "'c/0009.png', which is none of them"),
    "lost zeros": ((*ROWS[1:], ROWS[0].replace("a/0001", "1")), {}, "row 5 names '1.png', which is like 'a/0001.png' "
                   "but has other zeros in front of a number"),
    "lost zeros and ending": ((*ROWS[1:], ROWS[0].replace("a/0001.png", "1")), {}, "'a/0001.png' but has no extension "
                              "and other zeros"),
    "source of two": ((*ROWS[:2], ROWS[2].replace("s2", "s1")), {}, "the source 's1' has images of several subjects "
                      "('007', '008')"),
    "nobody": ((*ROWS[:3], ROWS[3].replace("009", "NA")), {}, "1 of 4 images have a subject that says that none is "),
    "semicolons": ((), {"header": HEADER.replace(",", ";")}, "Its fields have semicolons between them"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_table_is_told_with_file_and_key(fault: str) -> None:
    rows, more, message = FAULTS[fault]
    faulty = dataset(*rows, **more)
    with pytest.raises(UserError) as error:
        list_images(faulty, faulty.images)
    assert str(error.value).startswith("cells.csv: ")
    assert message in str(error.value)


def test_a_missing_table_and_an_empty_folder_are_told() -> None:
    told = dataset()
    Path("cells.csv").unlink()
    with pytest.raises(UserError, match=r"^cells\.csv: no such file"):
        list_images(told, told.images)
    Path("none").mkdir()
    with pytest.raises(UserError, match=r"^none: holds no image; cells\.csv names 4"):
        list_images(dataset(images="none"), Path("none"))


def test_subjects_come_from_one_place() -> None:
    with pytest.raises(ValueError, match=r"subject_level and columns\.subject: subjects come from one of them"):
        dataset(subject_level=1)
    by_folder = dataset(columns={"image": "file", "label": "kind"}, subject_level=1)
    assert [told[1] for told in listed(by_folder).values()] == ["a", "a", "a", "b"]
    with pytest.raises(ValueError, match="labels: 'BLA' has an empty class"):
        dataset(labels=LABELS | {"BLA": " "})


def test_sites_are_counted_and_suspected_where_they_tell_classes_apart() -> None:
    draw(Path("images"), *IMAGES)
    found = scan(dataset(exclude={"quality": ["poor"]}), Path("images"), progress=False)
    assert found.summary["sites"] == {"Oslo": {"normal": 1}, "Rome": {"blast": 2}}
    assert found.summary["excluded"] == [{"column": "quality", "value": "poor", "images": 1}]
    assert any(told.startswith("each site has images of one class alone (Oslo: normal") for told in
               found.summary["suspicions"])  # fmt: skip
    mixed = scan(dataset(*ROWS[:3], ROWS[3].replace("Oslo", "Rome")), Path("images"), progress=False)
    assert not any("each site" in told for told in mixed.summary["suspicions"])


def test_a_table_and_folders_that_say_the_same_give_the_same_manifest() -> None:
    names = numbered("blast/P1/{}.png", "normal/P2/{}.png", count=3)
    draw(Path("both"), *names)
    rows = [f"{name},{name.split('/')[0]},{name.split('/')[1]}" for name in names]
    named = {"image": "file", "label": "kind", "subject": "patient"}
    by_table = dataset(*rows, header="file,kind,patient", images="both", columns=named, labels=None)
    by_folders = FolderDataset(adapter="image_folder", images=Path("both"), subject_level=2)
    one, other = (scan(of, Path("both"), progress=False).manifest for of in (by_table, by_folders))
    pd.testing.assert_frame_equal(one, other)
    assert set(one["subject_id"]) == {"P1", "P2"}


# -------------------------------------------------------------------------------------------------- subjects of folders


def test_a_folder_names_the_subject() -> None:
    marrow = ImssDataset(adapter="imss", images=Path("images"), subject_level=1)
    rows = marrow.list_rows(Path("images"), ["P7/L1/1.jpg", "P8/M2/1.jpg"]).rows
    assert [(row.label, row.subject_id) for row in rows] == [("L1", "P7"), ("M2", "P8")]
    folders = FolderDataset(adapter="image_folder", images=Path("images"), subject_level=3)
    with pytest.raises(UserError, match=r"`subject_level: 3` names no folder of 1 of 2 images \(a/P2/2\.jpg\)"):
        folders.list_rows(Path("images"), ["a/x/P1/1.jpg", "a/P2/2.jpg"])
    with pytest.raises(ValueError, match="subject_level: given 1, which is the folder of an image's class"):
        FolderDataset(adapter="image_folder", images=Path("images"), subject_level=1)
    unknown = folders.model_copy(update={"subject_level": 2})
    with pytest.raises(UserError, match="images: 1 of 2 images have a subject that says that none is known"):
        unknown.list_rows(Path("images"), ["a/NA/1.jpg", "a/P2/2.jpg"])


# ---------------------------------------------------------------------------------------------------- the command line

WORDS = ["--images", "images", "--table", "cells.csv"]
NAMED = ["--column", "image=file", "--column", "label=kind", "--column", "subject=patient"]


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_init_writes_a_dataset_that_says_what_its_options_say() -> None:
    make_project(Path())
    names = numbered("{}.png", count=24)
    draw(Path("images"), *names)
    kinds = ("BLA", "NEU")
    rows = [f"{name},{kinds[n % 2]},{n // 2},x,x,{'Validation' if n > 19 else 'Discovery'},good"
            for n, name in enumerate(names)]  # fmt: skip
    dataset(*rows, "1.png,ART,,,,,bad")
    done = call("init", "--name", "cells", "--study", "atteia2022", "--extractor", "mobilenet_v2", "--weights",
                "mobilenet_v2=random", *WORDS, *NAMED, "--label", "BLA=blast", "--label", "NEU=normal",
                "--held-out", "cohort=Validation", "--exclude", "quality=bad")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "1 with quality 'bad'" in done.output
    assert "Validation (held out): 2 blast, 2 normal" in done.output
    assert load_dataset(Path("config/datasets/cells.yaml")) == TableDataset.model_validate(
        {
            "adapter": "table",
            "images": "images",
            "table": "cells.csv",
            "columns": {"image": "file", "label": "kind", "subject": "patient"},
            "labels": {"BLA": "blast", "NEU": "normal"},
            "held_out": HELD_OUT,
            "exclude": {"quality": ["bad"]},
            "positive_class": "blast",
        }
    )
    resolved = call("config", "resolve", "--run", "cells", "--output", "resolved.json")
    assert resolved.exit_code == 0, resolved.output
    (study,) = json.loads(Path("resolved.json").read_text())["studies"]
    assert study["external_split"] == "Validation"
    assert "external" in study["protocols"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "images", "--label", "a=b"], "--label: says something of a table; name the table with --table"),
        (["--images", "images", "--adapter", "table"], "--adapter table: goes with --table"),
        ([*WORDS, "--adapter", "allidb"], "--table: goes with the adapter table, not with allidb"),
        ([*WORDS, "--column", "image=file"], "options: columns.label: required, but not given"),
        ([*WORDS, *NAMED, "--column", "class=kind"], "unknown key 'class'. Known: image, label, subject, source, site"),
        ([*WORDS, *NAMED, "--held-out", "cohort"], "--held-out: given 'cohort'; expected NAME=VALUE"),
        ([*WORDS, *NAMED, "--subject-level", "2"], "subject_level and columns.subject: subjects come from one of them"),
        (["--dataset", "cells.yaml", *WORDS[2:]], "--table: stands in the file that --dataset names"),
    ],
)
def test_options_on_a_table_that_fit_nothing_are_refused(words: list[str], message: str) -> None:
    dataset()
    said = {"adapter": "image_folder", "images": "images"}
    Path("cells.yaml").write_text(yaml.safe_dump(said))
    done = call("data", "scan", *words)
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


def test_a_list_of_checksums_has_no_table() -> None:
    Path("list.tsv").write_text(f"{'0' * 64}\t3\ta/1.png\n")
    done = call("data", "duplicates", "--checksums", "list.tsv", "--adapter", "table", "--out", "copies.json")
    assert done.exit_code == 2
    assert "--adapter: table: required, but not given" in done.output


def test_the_real_subset_by_table_and_by_folders_is_one_manifest(shared: Path) -> None:
    """Ten of the photographs of each class: a table of the folders' names says what the folders say."""
    folder = shared / "pbc_subset"
    kinds = sorted(path.name for path in folder.iterdir() if path.is_dir())
    names = [f"{kind}/{path.name}" for kind in kinds for path in sorted((folder / kind).iterdir())[:10]]
    for name in names:
        (Path("pbc") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("pbc") / name).symlink_to(folder / name)
    rows = [f"{Path(name).name},{Path(name).parent}" for name in names]
    by_table = dataset(*rows, header="file,kind", images="pbc", columns={"image": "file", "label": "kind"}, labels=None)
    by_folders = FolderDataset(adapter="image_folder", images=Path("pbc"))
    one, other = (scan(of, Path("pbc"), workers=2, progress=False).manifest for of in (by_table, by_folders))
    pd.testing.assert_frame_equal(one, other)
    assert len(one) == 80
