"""A new study from its skeleton: what is missing is said until its two files alone make a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project_data import ROOT, make_project, write_yaml
from typer.testing import CliRunner, Result

from leukorepro.audits.lacking import lacking
from leukorepro.cli.app import app
from leukorepro.config.files import study_path
from leukorepro.config.study.skeleton import BLANK
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError

STUDY, PRINTED = Path("config/studies/doe2026.yaml"), Path("config/published/doe2026.csv")
FILLED = {
    "authors": "J. Doe",
    "title": "Folds",
    "journal": "Examples",
    "year": "2026",
    "doi": "10.1/x",
    "published_dataset": "allidb",
    "unit": "view",
    "scope": "train",
    "backbone": "mobilenet_v2",
    "kind": "knn",
    "n_splits": "5",
    "item": "Proposed",
    "headline": "1/Proposed",
}
"""What is written for the blank of every key."""
NUMBER = '1,Proposed,accuracy,0.987,"abstract"\n'


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one study of its own."""
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["study", *words])


def fill_in(**others: str) -> None:
    """Write something for every blank of the skeleton's study, line by line, so that its comments stay."""
    lines = []
    for line in STUDY.read_text().splitlines():
        key = next((key for key in FILLED if f"{key}: {BLANK}" in line or f"{key}: 1/{BLANK}" in line), "")
        if key:
            line = line.replace(f"1/{BLANK}", BLANK).replace(f": {BLANK}", f": {(FILLED | others)[key]}")
        lines.append(line)
    STUDY.write_text("\n".join(lines) + "\n")


def test_a_skeleton_says_what_is_missing_until_it_is_filled_in() -> None:
    done = call("new", "doe2026")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:2] == [f"wrote {STUDY}", f"wrote {PRINTED}"]
    checked = call("check", "doe2026")
    assert checked.exit_code == 1
    lines = checked.output.splitlines()
    assert f"{STUDY}: citation.year is not filled in." in lines
    assert f"{STUDY}: tables.1.items[0].item is not filled in." in lines
    assert lines[-1] == f"{PRINTED}: row 2: item, value, note not filled in."
    assert len(lines) == STUDY.read_text().replace(f"# Wherever {BLANK}", "").count(BLANK) + 1
    table = PRINTED.read_text()
    PRINTED.write_text(table.replace("\n", "\n\n", 1))
    assert call("check", "doe2026").output.splitlines()[-1] == f"{PRINTED}: row 3: item, value, note not filled in."
    PRINTED.write_text(table)
    fill_in()
    assert call("check", "doe2026").output == lines[-1] + "\n"
    PRINTED.write_text("table,item,metric,value,note\n" + NUMBER)
    checked = call("check", "doe2026")
    assert (checked.exit_code, checked.output) == (0, "Nothing is missing in the files of doe2026.\n")


def test_a_filled_in_skeleton_is_a_study_by_its_two_files_alone(place: Path) -> None:
    call("new", "doe2026")
    fill_in()
    PRINTED.write_text("table,item,metric,value,note\n" + NUMBER)
    chosen = {"study": "doe2026", "dataset": "allidb_simulated"}
    write_yaml(
        place / "config/runs/doe.yaml", {"name": "doe", "budget": "demo", "weights": "random", "studies": [chosen]}
    )
    done = CliRunner().invoke(app, ["config", "resolve", "--run", "doe", "--output", "resolved.json"])
    assert done.exit_code == 0, done.output
    (study,) = json.loads(Path("resolved.json").read_text())["studies"]
    assert study["study"]["citation"]["authors"] == "J. Doe"
    assert study["protocols"]["as_published"] == {
        "rung": "as_published",
        "unit": "view",
        "scope": "train",
        "held_out": False,
    }


@pytest.mark.parametrize(
    ("changed", "printed", "message"),
    [
        ({"kind": "kmn"}, NUMBER, f"{STUDY}: classifiers.classifier.kind: given 'kmn'; must be one of"),
        ({"headline": "1/Other"}, NUMBER, f"{STUDY}: headline: unknown item 'Other'. Known: Proposed."),
        ({}, NUMBER.replace("0.987", "98.7"), f"{PRINTED}: row 2 (1, Proposed, accuracy): value 98.7 is not"),
        ({}, "", f"{PRINTED}: has no number of the headline, the item 'Proposed' of the table '1'; add its rows."),
        ({}, NUMBER + "1,Other,accuracy,0.95,\n", f"{PRINTED}: the accuracy of 1/Other is answered by nothing"),
    ],
)
def test_what_two_filled_in_files_lack_is_told(changed: dict[str, str], printed: str, message: str) -> None:
    call("new", "doe2026")
    fill_in(**changed)
    PRINTED.write_text("table,item,metric,value,note\n" + printed)
    (line,) = lacking("doe2026")
    assert line.startswith(message)


def test_a_key_that_is_not_the_files_name_is_told() -> None:
    call("new", "doe2026")
    fill_in()
    STUDY.write_text(STUDY.read_text().replace("key: doe2026", "key: roe2026"))
    PRINTED.write_text("table,item,metric,value,note\n" + NUMBER)
    assert lacking("doe2026") == [f"{STUDY}: key is 'roe2026'; must be 'doe2026', as the file is called."]


@pytest.mark.parametrize("there", [STUDY, PRINTED])
def test_nothing_is_written_where_a_file_exists(there: Path) -> None:
    there.parent.mkdir(exist_ok=True)
    there.write_text("mine")
    done = call("new", "doe2026")
    assert done.exit_code == 2
    assert f"{there}: exists already; choose another key" in done.output
    assert there.read_text() == "mine"
    assert sum(file.exists() for file in (STUDY, PRINTED)) == 1


def test_no_skeleton_is_written_by_a_wrong_key_or_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "must be letters, digits" in call("new", "../doe").output
    monkeypatch.chdir(tmp_path / "config")
    assert "run the command in the project's folder" in call("new", "doe2026").output
    with pytest.raises(UserError, match="no such file"):
        lacking("doe2026")
    assert not list(tmp_path.rglob("doe*"))


@pytest.mark.parametrize(("key", "held_out"), [("acevedo2019", False), ("albzour2026", True)])
def test_papers_of_two_files_lack_nothing(monkeypatch: pytest.MonkeyPatch, key: str, held_out: bool) -> None:
    """The honest one tested the held-out part of its dataset."""
    monkeypatch.chdir(ROOT)
    assert lacking(key) == []
    assert load_study(study_path(key)).published_protocol.held_out == held_out
