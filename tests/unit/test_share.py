"""A report for others: no file name, no subject and no path of this machine in any of its files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import report_data
import report_validity
from report_page import Page
from rocrate.rocrate import ROCrate
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, write_json
from leukorepro.data.folders import count_ignored
from leukorepro.report.shared.copies import copy_run, without_secrets
from leukorepro.report.shared.pseudonyms import WITHHELD, draw
from leukorepro.report.shared.share import share
from leukorepro.run.paths import StudyFolder
from leukorepro.run.resolved import load_resolved

NAMES = report_data.Names(file="Meier_{:03d}_smear.png", subject="Meier-1961-{}")
STRAY = ["x/Meier 1961-03-04", "Meier.1961-03-04", "list.Meier", "a/b.csv", "notes.TXT", "Meier.txt", "Meier/c.png"]
"""Files in the dataset's folder that are none of its images."""
RUNGS = ("as_published", "subject_disjoint")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hospital")
    study = report_data.resolve(
        report_data.three_class_study(), root, simulated=False, weights="imagenet", rungs=RUNGS, title="Own smears"
    )
    results = report_data.write_run(root, [study], names=NAMES, explain=True)
    scan = results.parent / "datasets" / "other-data" / "scan.json"
    left_out = [{"column": "patient", "value": NAMES.subject.format(99), "images": 2}]
    ignored = {"ignored": count_ignored(STRAY, ()) | {"hidden": 3}}
    write_json(read_json(scan) | {"sites": {"Meier's practice": {"blast": 4}}, "excluded": left_out} | ignored, scan)
    write_json(read_json(duplicates := scan.with_name("duplicates.json")) | ignored, duplicates)
    report_validity.write_summary(results.parent, "ours", "usual")
    (results.parent / "validity" / "usual.csv").write_text("image_id\nMeier's own notes\n")
    (results / "other" / "Meier.csv").write_text("image_id\nMeier's own notes\n")
    os.utime(results / "other" / "verdicts.csv", (1_700_000_000, 1_700_000_000))
    return results


@pytest.fixture(scope="module")
def shared(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("to send")
    share(results / "config.json", folder, workflow=report_data.ROOT / "Snakefile")
    return folder


@pytest.fixture(scope="module")
def with_pictures(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("to a friend")
    share(results / "config.json", folder, pictures=True, workflow=report_data.ROOT / "Snakefile")
    return folder


@pytest.fixture(params=["shared", "with_pictures"])
def sent(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_the_commands_end_with_the_address_of_the_page_that_they_wrote(results: Path, tmp_path: Path) -> None:
    for name, option in (("share", "--run"), ("build", "--config")):
        done = CliRunner().invoke(app, ["report", name, option, f"{results}/config.json", "-o", f"{tmp_path}/{name}"])
        assert done.exit_code == 0, done.output
        address = done.output.splitlines()[-1].removeprefix("Report: ")
        assert address == f"{tmp_path}/{name}/index.html"
        assert Path(address).is_file()


def test_a_run_that_was_not_made_here_is_told_with_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("config/runs/mine.yaml")
    own.parent.mkdir(parents=True)
    own.write_text("name: mine\n")
    for given in ("mine", str(own)):
        done = CliRunner().invoke(app, ["report", "share", "--run", given, "--output", "to_send"])
        assert done.exit_code == 2
        told = " ".join(done.output.split())
        assert "the run 'mine' has no results here (results/mine/config.json is missing); make them: `" in told
        assert f"--configfile {own}`" in told
        assert not Path("to_send").exists()


def test_no_file_tells_of_a_name_or_of_this_machine(results: Path, sent: Path) -> None:
    for file in (file for file in sent.rglob("*") if file.is_file()):
        content = file.read_bytes()
        for secret in ("Meier", "_smear", str(results.parents[1]), str(Path.cwd()), str(Path.home()), "/tmp"):
            assert secret.encode() not in content, f"{file.name}: {secret}"
            assert secret not in file.name
        year = re.compile(rb"(?<![0-9a-f])1961(?![0-9a-f])")  # a longer number, or a digest, has these by chance
        assert not year.search(content), file.name
        assert not year.search(file.name.encode())


def test_cells_are_shown_only_where_they_are_asked_for(shared: Path, with_pictures: Path) -> None:
    def pictures(folder: Path) -> set[str]:
        return {file.name.partition("-")[0] for file in folder.rglob("*.jpg")}

    assert pictures(shared) == set()
    assert pictures(with_pictures) == {"cells", "duplicate", "explained", "mistake"}
    for folder, told in ((shared, "picture left out"), (with_pictures, "image ")):
        assert told in Page((folder / "paper_other.html").read_text()).text


def test_explanations_go_by_the_numbers_of_their_images(with_pictures: Path) -> None:
    page = Page((with_pictures / "paper_other.html").read_text())
    described = [str(image["alt"]) for image in page.images if "explained-" in str(image["src"])]
    shares = pd.read_csv(with_pictures / "data" / "other" / "background-images.csv")
    assert shares["subject_id"].str.fullmatch(r"subject \d+").all()
    assert [text.partition(",")[0] for text in described] == [f"Image {name}" for name in shares["image_id"][:2]]


def test_why_nothing_is_explained_names_no_image_and_is_told(results: Path, tmp_path: Path) -> None:
    folder = StudyFolder(results / "other").explanations
    before = folder.told.read_text()
    try:
        write_json(read_json(folder.told) | {"reason": "KNeighborsClassifier: no."}, folder.told)
        copied = copy_run(
            load_resolved(results / "config.json"), results / "config.json", report_data.ROOT / "Snakefile", tmp_path
        )
    finally:
        folder.told.write_text(before)
    told = StudyFolder((tmp_path / copied).parent / "other").explanations.told
    assert read_json(told)["reason"] == "KNeighborsClassifier: no."


def test_images_and_subjects_belong_together_as_before(results: Path, shared: Path) -> None:
    (file,) = shared.rglob("manifest.csv")
    new = pd.read_csv(file).sort_values("sha256").reset_index(drop=True)
    old = pd.read_csv(results.parent / "datasets" / "other-data" / "manifest.csv")
    old = old.sort_values("sha256").reset_index(drop=True)
    assert new["subject_id"].str.fullmatch(r"subject \d+").all()
    assert len(set(zip(old["subject_id"], new["subject_id"], strict=True))) == old["subject_id"].nunique()
    assert new["subject_id"].nunique() == old["subject_id"].nunique()
    assert sorted(new["image_id"]) == sorted(f"image {n}" for n in range(1, len(old) + 1))
    assert (new["label"] == old["label"]).all()
    (diagnosed,) = (f for f in shared.rglob("subjects.csv") if "share_positive" in f.read_text())
    assert set(pd.read_csv(diagnosed)["subject_id"]) <= set(new["subject_id"])


def test_sites_and_values_that_are_left_out_are_told_by_numbers(shared: Path) -> None:
    text = Page((shared / "dataset_other-data.html").read_text()).text
    assert "site 1: 4 images of class blast" in text
    assert "leaves out 2 with patient 'value 1'" in text


def test_stray_files_are_counted_by_endings_that_name_nobody(shared: Path) -> None:
    counted = {".csv": 1, ".png": 1, ".txt": 2, "hidden": 3, "of other kinds": 3}
    assert sum(counted.values()) == len(STRAY) + 3
    for name in ("scan.json", "duplicates.json"):
        (file,) = shared.rglob(name)
        assert read_json(file)["ignored"] == counted
    text = Page((shared / "dataset_other-data.html").read_text()).text
    assert "Other files, ignored: 2 .txt" in text
    assert "Other files, ignored: 3 of other kinds" in text


def test_bias_and_coverage_go_along(results: Path, shared: Path) -> None:
    sent = pd.read_csv(shared / "data" / "validity" / "bias-and-coverage.csv")
    assert sent.equals(pd.read_csv(results.parent / "validity" / "summary.csv"))
    assert "Real patients: ours" in Page((shared / "validity.html").read_text()).text


def test_the_crate_tells_when_the_run_was(shared: Path) -> None:
    assert ROCrate(shared).get("#run")["endTime"] == "2023-11-14T22:13:20+00:00"


def test_pages_say_where_a_picture_was_left_out(shared: Path) -> None:
    page = Page((shared / "dataset_other-data.html").read_text())
    assert "picture left out" in page.text
    assert all((shared / str(image["src"])).is_file() for image in page.images)


def test_numbers_are_drawn_anew_each_time() -> None:
    manifest = pd.DataFrame(
        {name: [f"{name}{n}.png" for n in range(50)] for name in ("image_id", "path", "source_id", "subject_id")}
    )
    first, second = draw(manifest), draw(manifest)
    assert first.images != second.images
    assert first.subjects != second.subjects
    assert len(set(first.images.values())) == len(first.images)


def test_sites_and_values_that_are_left_out_go_by_numbers_in_a_scan_and_in_a_configuration() -> None:
    manifest = pd.DataFrame({name: ["a.png"] for name in ("image_id", "path", "source_id", "subject_id")})
    sites = {"St. Olav": {"all": 3}, "Ullevål": {"hem": 2}}
    left_out = [{"column": "patient", "value": name, "images": n} for name, n in (("Doe", 4), ("Roe", 1))]
    names = draw(manifest, sites)
    scan = names.value({"sites": sites, "excluded": left_out})
    assert {tuple(counts.items()) for counts in scan["sites"].values()} == {(("all", 3),), (("hem", 2),)}
    assert set(scan["sites"]) == {"site 1", "site 2"}
    assert [(one["column"], one["value"], one["images"]) for one in scan["excluded"]] == [
        ("patient", "value 1", 4),
        ("patient", "value 2", 1),
    ]
    dataset = {"adapter": "table", "table": "/srv/cells.csv", "exclude": {"patient": ["Doe"], "note": ["Roe", ""]}}
    assert without_secrets({"studies": [{"dataset": dataset}]})["studies"][0]["dataset"] == {
        "adapter": "table",
        "table": "table.csv",
        "exclude": {"patient": ["value 1"], "note": ["value 2", "value 3"]},
    }


def test_what_is_not_known_is_not_told() -> None:
    manifest = pd.DataFrame({"image_id": ["a.png"], "path": ["x/a.png"], "source_id": [""], "subject_id": ["Doe"]})
    names = draw(manifest)
    told = {"images": ["a.png", "b.png"], "reason": "a cut", "status": "ok", "labels": ["Doe"], "where": "in x/a.png"}
    assert names.value(told) == {
        "images": ["image 1", WITHHELD],
        "reason": WITHHELD,
        "status": "ok",
        "labels": ["Doe"],
        "where": WITHHELD,
    }
    assert names.frame(pd.DataFrame({"path": ["x/a.png"]}), "").to_dict("list") == {"path": ["image 1.png"]}
    with pytest.raises(UserError, match=r"^t: subject_id has 'Roe', which the manifest has not"):
        names.frame(pd.DataFrame({"subject_id": ["Roe"]}), "t")
