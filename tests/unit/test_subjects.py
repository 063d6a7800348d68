"""Subjects as people write them: missing ones, ids that look alike, tables with other spellings of paths."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from project_data import draw
from typer.testing import CliRunner, Result

from leukorepro.cli.app import app
from leukorepro.config.datasets import SubjectsFromCsv, SubjectsFromRegex, load_dataset
from leukorepro.core.errors import UserError
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.adapters.imss import ImssDataset
from leukorepro.data.image_names import ImageNames
from leukorepro.data.subjects.look_alikes import suspicious_subjects
from leukorepro.data.subjects.missing import says_none
from leukorepro.data.subjects.tables import read_subjects

FOLDER = FolderDataset(adapter="image_folder", images=Path("images"))
IMAGES = ["blast/a1.jpg", "blast/a2.jpg", "normal/n1.jpg", "normal/n2.jpg"]

# ----------------------------------------------------------------------------------------------------------- none known

WRITTEN_BY_PROGRAMS = sorted({"NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "-nan", "null", "NULL", "None", "NaT"})
WRITTEN_BY_PEOPLE = ["unknown", "Unk", "UNK.", "n.a.", "missing", "Not available", "not_known", "TBD", "tbd?", "(none)"]
IN_DATABASES = ["[Not Available]", "not reported", "Not Collected", "missing", "restricted access", "[Unknown]"]
WITH_WORDS = ["Patient_unknown", "UnknownPatient", "no id", "Unknown ID", "anonymised subject", "case: none"]
ELSEWHERE = ["unbekannt", "keine Angabe", "Onbekend", "non disponible", "\u672a\u77e5", "неизвестно"]
SIGNS = ["", " ", "\xa0", "\u200b", "-", "--", "\u2014", "?", "???", ".", "...", "*", "/", "#REF!", "#VALUE!", r"\N"]
CODES = ["-1", "-9", "-99", "-999", "-9999", "-1.0"]

WRITTEN = [*WRITTEN_BY_PROGRAMS, *WRITTEN_BY_PEOPLE, *IN_DATABASES, *WITH_WORDS, *ELSEWHERE, *SIGNS, *CODES]


@pytest.mark.parametrize("spelling", WRITTEN)
def test_a_spelling_says_that_none_is_known(spelling: str) -> None:
    assert all(says_none(form) for form in (spelling, spelling.upper(), spelling.lower(), f" {spelling}\xa0"))


NUMBERS = ["0", "00", "999", "9999", "1", "-12"]
NAMES = ["NA1", "unknown_7", "Nana", "N", "None-3", "P-1", "A?", "\u5f20", "Patient_NA", "Case 7", "ID"]


@pytest.mark.parametrize("subject", [*NUMBERS, *NAMES])
def test_ids_that_a_patient_may_have_are_ids(subject: str) -> None:
    assert not says_none(subject)


def test_what_pandas_takes_for_missing_says_none() -> None:
    from pandas._libs.parsers import STR_NA_VALUES  # the list behind `read_csv`

    assert [value for value in STR_NA_VALUES if not says_none(value)] == []


def by_table(tmp_path: Path, *subjects: str, missing: tuple[str, ...] = ()) -> FolderDataset:
    table = tmp_path / "who.csv"
    pd.DataFrame({"image": IMAGES, "subject": subjects}).to_csv(table, index=False)
    return FOLDER.model_copy(update={"subjects": SubjectsFromCsv(csv=table), "missing_subjects": missing})


@pytest.mark.parametrize("spelling", ["NA", "", "Unknown", "--", "\xa0"])
def test_a_table_without_a_subject_is_refused_with_spelling_images_and_remedy(tmp_path: Path, spelling: str) -> None:
    with pytest.raises(UserError) as error:
        by_table(tmp_path, "P1", spelling, spelling, "P2").list_rows(FOLDER.images, IMAGES)
    told = spelling.strip()
    assert f"who.csv: 2 of 4 images have a subject that says that none is known ('{told}': 2 (blast/a2.jpg, " in str(
        error.value
    )
    assert f'`missing_subjects: ["{told}"]`' in str(error.value)
    assert f'(`--missing-subject "{told}"` on the command line).' in str(error.value)


def test_what_an_expression_finds_may_say_none_too() -> None:
    files = ["a/unknown/1.png", "a/P1/2.png", "b/UNKNOWN/3.png", "b/na/4.png"]
    dataset = FOLDER.model_copy(update={"subjects": SubjectsFromRegex(regex=r"/([^/]+)/")})
    with pytest.raises(UserError, match=r"3 of 4 .*'unknown': 1 .*'UNKNOWN': 1 .*'na': 1 \(b/na/4\.png\)"):
        dataset.list_rows(FOLDER.images, files)
    marrow = ImssDataset(adapter="imss", images=FOLDER.images, subjects=dataset.subjects)
    with pytest.raises(UserError, match=r"1 of 1 images .*'NA'"):
        marrow.list_rows(FOLDER.images, ["L1/NA/1.png"])
    allowed = marrow.model_copy(update={"missing_subjects": ("na",)})
    assert [row.subject_id for row in allowed.list_rows(FOLDER.images, ["L1/NA/1.png"]).rows] == [""]


def test_missing_subjects_leave_images_without_one_and_are_told(tmp_path: Path) -> None:
    dataset = by_table(tmp_path, "P1", "na", "", "9999", missing=("NA", "", "9999"))
    listing = dataset.list_rows(FOLDER.images, IMAGES)
    assert [row.subject_id for row in listing.rows] == ["P1", "", "", ""]
    assert "who.csv: 3 of 4 images have no known subject ('na', '', '9999')" in listing.notes[0]
    other = by_table(tmp_path, "P1", "na", "?", "9999", missing=("NA",))
    with pytest.raises(UserError, match=r"1 of 4 .*'\?': 1 \(normal/n1\.jpg\).*`missing_subjects: \[\"NA\", \"\?\"\]`"):
        other.list_rows(FOLDER.images, IMAGES)


# ------------------------------------------------------------------------------------------------------- ids look alike


@pytest.mark.parametrize(
    "other", ["p1", "P01", "P 1", "P-1", "P_1", "p\xa0001", "P\u20111", "\uff301", "P1.", "P\u200b1"]
)
def test_ids_that_differ_in_nothing_that_tells_patients_apart_are_named(other: str) -> None:
    (told,) = suspicious_subjects(["P1", "P1", "P2", "P3", other])
    assert "look like" in told
    assert "'P1' (2 image(s))" in told
    assert f"{ascii(other) if not other.isprintable() else repr(other)} (1 image(s))" in told
    assert "P2" not in told


def test_unicode_forms_are_shown_by_their_characters() -> None:
    (told,) = suspicious_subjects(["M\xfc", "Mu\u0308"])
    assert r"'M\xfc' (1 image(s)) = 'Mu\u0308' (1 image(s))" in told or r"'Mu\u0308' (1 image(s)) = 'M\xfc'" in told


@pytest.mark.parametrize(
    "subjects",
    [
        ["P1", "P10", "P100", "Q1", "1"],
        ["1-11", "11-1", "111", "1\u200b2", "2\u200b1"],
        ["1.2", "12", "1.20.3"],
        ["10", "H10", "H1"],
        ["Mueller", "M\xfcller", "Muller"],
        ["\u0e01\u0e34", "\u0e01\u0e35"],
        ["", "", "P1"],
        ["0", "0", "1", "2"],
        ["99", "99", "99", "98", "98"],
    ],
)
def test_other_patients_ids_are_not_suspicious(subjects: list[str]) -> None:
    assert suspicious_subjects(subjects) == []


def test_a_number_that_a_program_took_for_a_fraction_looks_like_itself() -> None:
    (told,) = suspicious_subjects(["3", "3.0", "4"])
    assert "'3' (1 image(s)) = '3.0' (1 image(s))" in told


def test_numbers_that_a_spreadsheet_has_shortened_are_suspected() -> None:
    (told,) = suspicious_subjects(["1.23457E+11", "2e+15", "1E5", "12E+5", "E+5"])
    assert "look like numbers which a spreadsheet has shortened: 1.23457E+11, 2e+15;" in told


@pytest.mark.parametrize("code", ["0", "000", "99", "9999"])
def test_a_code_for_none_is_suspected_where_it_has_most_images(code: str) -> None:
    (told,) = suspicious_subjects([*[code] * 5, "1", "1", "2"])
    assert f"'{code}' looks like a code for an unknown one: it has 5 images, and no other more than 2" in told


# ------------------------------------------------------------------------------------------------------ names of images


def table_of(tmp_path: Path, *names: str, images: list[str] = IMAGES) -> dict[str, str]:
    table = tmp_path / "who.csv"
    pd.DataFrame({"image": names, "subject": [f"P{i}" for i in range(len(names))]}).to_csv(table, index=False)
    return read_subjects(table, images)[0]


@pytest.mark.parametrize(
    ("spell", "form"),
    [
        ("img/{path}", "the folder 'img' in front"),
        ("../img/{path}", "the folder '../img' in front"),
        ("{stem}", "no extension"),
        ("{stem}.jpeg", r"another extension \('\.jpeg' for '\.jpg'\)"),
        ("{stem}.JPG", "other capitals"),
        ("{title}", "other capitals"),
        ("/data/{path}", "the form of an absolute path"),
        ("~/{path}", "the form of an absolute path"),
        (r"C:\data\{windows}", "the form of an absolute Windows path"),
        (r"\\server\share\{windows}", "the form of an absolute Windows path"),
        ("file:///data/{path}", r"the form of an address \(file:///\)"),
        ("'{path}'", "quotation marks around it"),
        ("\u201c{path}\u201d", "quotation marks around it"),
        ("{escaped}", r"URL escapes \(%2F\)"),
        ("\u202a{path}", r"invisible characters \('\\u202ablast/a1\.jpg'\)"),
        ("other/{name}", "the folder 'other' for 'blast'"),
        ("{spaced}", "other spaces or signs"),
        (r"D:\{stem}", "the form of an absolute Windows path and no extension"),
    ],
)
def test_a_path_of_another_form_is_refused_by_the_name_of_the_form(tmp_path: Path, spell: str, form: str) -> None:
    def spelled(path: str) -> str:
        return spell.format(
            path=path,
            stem=path.removesuffix(".jpg"),
            name=Path(path).name,
            title=path.capitalize(),
            windows=path.replace("/", "\\"),
            escaped=path.replace("/", "%2F"),
            spaced=path.replace("a1", "a\uff11"),
        )

    given = spelled(IMAGES[0])
    with pytest.raises(
        UserError, match=rf"who\.csv: 1 of 4 .*; row 2 names .*'blast/a1\.jpg' but has {form};"
    ) as error:
        table_of(tmp_path, given, *IMAGES[1:])
    assert f"'{given}'" in str(error.value)


def test_a_row_that_means_an_image_without_one_is_shown_before_others(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row 4 names 'blast/a1', which is like 'blast/a1\.jpg'"):
        table_of(tmp_path, "elsewhere/b7.jpg", "img/blast/a2.jpg", "blast/a1", *IMAGES[1:])
    with pytest.raises(UserError, match=r"row 2 names 'blast/z9\.jpg', .*the nearest is 'blast/a1\.jpg'\); add a row"):
        table_of(tmp_path, "blast/z9.jpg", *IMAGES[1:])


def test_names_are_found_by_path_or_file_name_with_either_slash(tmp_path: Path) -> None:
    assert table_of(tmp_path, "./blast//a1.jpg", r"blast\a2.jpg", "n1.jpg", "./n2.jpg") == {
        image: f"P{i}" for i, image in enumerate(IMAGES)
    }


@pytest.mark.parametrize(("on_disk", "written"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_the_unicode_form_of_a_name_does_not_matter(on_disk: str, written: str) -> None:
    image = unicodedata.normalize(on_disk, "M\xfc/\xe9 1.jpg")  # type: ignore[arg-type]
    for name in ("M\xfc/\xe9 1.jpg", "\xe9 1.jpg"):
        assert ImageNames([image]).find(unicodedata.normalize(written, name)) == [image]  # type: ignore[arg-type]


def test_two_images_that_differ_in_the_unicode_form_alone_are_found_exactly(tmp_path: Path) -> None:
    both = ["a/M\xfc.jpg", "a/Mu\u0308.jpg"]
    assert table_of(tmp_path, *both, images=both) == {both[0]: "P0", both[1]: "P1"}
    with pytest.raises(UserError, match="1 of 2 images have no row"):
        table_of(tmp_path, both[0], images=both)


def test_empty_rows_at_the_end_are_no_rows_and_a_subject_without_an_image_is_told(tmp_path: Path) -> None:
    table = tmp_path / "who.csv"
    rows = "image,subject\n" + "".join(f"{image},P\n" for image in IMAGES)
    table.write_text(f"{rows},\n , \n")
    assert read_subjects(table, IMAGES) == (dict.fromkeys(IMAGES, "P"), [])
    table.write_text(f"{rows},P7\n")
    with pytest.raises(UserError, match=r"row 6: the subject 'P7' has no image"):
        read_subjects(table, IMAGES)


# --------------------------------------------------------------------------------------------- tables of other programs

ROWS = "".join(f"{image},P{i}\n" for i, image in enumerate(IMAGES))
OTHER_PROGRAMS = {
    "capitals": (f"Image,Subject\n{ROWS}".encode(), "found Image, Subject. Rename 'Image' to 'image' and 'Subject' to"),
    "other words": (
        f"filename,patient_id\n{ROWS}".encode(),
        "Rename 'filename' to 'image' and 'patient_id' to 'subject'",
    ),
    "id": (f"img_path,ID\n{ROWS}".encode(), "Rename 'img_path' to 'image' and 'ID' to 'subject'"),
    "misspelt": (f"image,sujbect\n{ROWS}".encode(), r"column\(s\) subject missing; .* Rename 'sujbect' to 'subject'"),
    "spaces": (f"image, subject\n{ROWS}".encode(), "Rename ' subject' to 'subject'"),
    "no header": (ROWS.encode(), r"found blast/a1\.jpg, P0\. Its first line must name the columns"),
    "empty line": (f"\nimage,subject\n{ROWS}".encode(), "found an empty first line"),
    "twice": (f"image,subject,subject\n{ROWS}".encode(), "the column subject is there 2 times"),
    "semicolons": (
        f"image,subject\n{ROWS}".replace(",", ";").encode(),
        "have semicolons between them; save it with commas",
    ),
    "tabs": (f"image,subject\n{ROWS}".replace(",", "\t").encode(), "have tabs between them; save it with commas"),
    "quoted": (b'"image";"subject"\n"blast/a1.jpg";"P1"\n', "have semicolons between them"),
    "excel": (f"sep=,\nimage,subject\n{ROWS}".encode(), "Remove the line 'sep="),
    "utf-16": (f"image,subject\n{ROWS}".encode("utf-16"), "UTF-16 text.*save it again as 'CSV UTF-8'"),
    "utf-16 without a mark": (f"image,subject\n{ROWS}".encode("utf-16-le"), "UTF-16 text"),
    "latin-1": (
        f"image,subject\n{ROWS}M\xfcller.jpg,P9\n".encode("latin-1"),
        "is not UTF-8.*save it again as 'CSV UTF-8'",
    ),
    "workbook": (b"PK\x03\x04\x14\0\x06\0", "a spreadsheet's workbook"),
    "web page": (b"<html><table>", "it is HTML or XML"),
    "nothing": (b"", "it is empty"),
}


@pytest.mark.parametrize("kind", OTHER_PROGRAMS)
def test_a_table_of_another_program_is_told_with_what_was_found(tmp_path: Path, kind: str) -> None:
    text, message = OTHER_PROGRAMS[kind]
    (tmp_path / "who.csv").write_bytes(text)
    with pytest.raises(UserError, match=rf"who\.csv: .*{message}"):
        read_subjects(tmp_path / "who.csv", IMAGES)


@pytest.mark.parametrize("text", ["\ufeffsubject,image\r\n{}", '"subject","image"\n{}'])
def test_marks_quotes_and_line_ends_of_other_programs_do_not_matter(tmp_path: Path, text: str) -> None:
    rows = "".join(f'"P{i}","{image}"\r\n' for i, image in enumerate(IMAGES))
    (tmp_path / "who.csv").write_bytes(text.format(rows).encode())
    assert read_subjects(tmp_path / "who.csv", IMAGES)[0] == {image: f"P{i}" for i, image in enumerate(IMAGES)}


# ------------------------------------------------------------------------------------------------- on the command line


def scan(*words: str) -> Result:
    return CliRunner().invoke(app, ["data", "scan", "--images", "images", "--output", "manifest.csv", *words])


def test_a_scan_says_whose_images_are_nobodys_and_which_ids_look_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "images", *IMAGES)
    (tmp_path / "who.csv").write_text("image,subject\na1.jpg,P1\na2.jpg,p01\nn1.jpg,NA\nn2.jpg,NA\n")
    refused = scan("--subjects-csv", "who.csv")
    assert refused.exit_code == 2
    assert '`--missing-subject "NA"`' in refused.output
    assert not Path("manifest.csv").exists()
    done = scan("--subjects-csv", "who.csv", "--missing-subject", "NA")
    assert done.exit_code == 0, done.output
    assert "2 of 4 images have no known subject ('NA')" in done.output
    assert "look like one another" in done.output
    assert pd.read_csv("manifest.csv", keep_default_na=False)["subject_id"].tolist() == ["P1", "p01", "", ""]
    lost = scan("--missing-subject", "NA")
    assert lost.exit_code == 2
    assert "--missing-subject: goes with one of --subjects-csv, --subject-regex, --subject-level" in lost.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing_subjects: [NA]\n", "missing_subjects: given without subjects"),
        ("subjects: {regex: (p.)}\nmissing_subjects: [NA, null]\n", r"must be a list of texts, in quotation marks"),
        ("subjects: {regex: (p.)}\nmissing_subjects: NA\n", r"given NA; must be a list of texts"),
        ("subjects: {regex: (p.)}\nmissing_subjects: [-1]\n", r"must be a list of texts, in quotation marks"),
    ],
)
def test_faults_of_missing_subjects_are_told(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"adapter: image_folder\nimages: images\n{text}")
    with pytest.raises(UserError, match=message):
        load_dataset(file)
