"""Predictions of images by a model folder: what is asked, what is answered, and what survives a kill."""

from __future__ import annotations

import csv
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_data import (
    PIXELS,
    SIZE,
    grey,
    small_model,
    small_system,
    write_model_fitted_on,
    write_small_model,
)
from PIL import Image
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.datasets import SubjectsFromRegex
from leukorepro.core.errors import UserError
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.images import read_rgb
from leukorepro.features.preprocessing import resize
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.operating import Calibration, MultinomialCalibration, PlattCalibration
from leukorepro.inference.predicting import predict as module
from leukorepro.inference.predicting.inputs import Asked, find_images
from leukorepro.inference.predicting.patients import of_patients
from leukorepro.inference.predicting.predict import predict
from leukorepro.inference.predicting.ready import Decided, Inputs, ready
from leukorepro.inference.predicting.table import read
from leukorepro.inference.system import FittedSystem


def paint(file: Path, brightness: float, size: int = 30) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey(brightness, size)).save(file)
    return file


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Of images of one third brightness, which are called `all`, and of two thirds, called `healthy`."""
    return write_small_model(tmp_path / "model")


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["predict", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


# -------------------------------------------------------------------------------------------------------------- answers


def test_a_line_says_what_the_system_says_of_the_resized_image(tmp_path: Path, model: Path) -> None:
    files = [paint(tmp_path / f"{number}.png", 0.3 + 0.1 * number) for number in range(5)]
    code, _, _ = run("--model", model, "--out", tmp_path / "p.csv", "--batch", "2", *files)
    assert code == 0
    rows = rows_of(tmp_path / "p.csv")
    assert list(rows[0])[:4] == ["path", "status", "prediction", "probability"]
    assert [row["path"] for row in rows] == [str(file) for file in files]
    opened = read_model(model)
    small = np.stack([resize(np.asarray(Image.open(file)), 8).reshape(-1) / np.float32(255) for file in files])
    answers = opened.system.answers(small)
    assert [row["prediction"] for row in rows] == list(answers.predicted)
    assert {"all", "healthy"} == set(answers.predicted)
    scores = np.array([float(row["score"]) for row in rows])
    np.testing.assert_allclose(scores, answers.scores[:, 0], rtol=1e-6)
    assert opened.calibration is not None
    calibrated = opened.calibration.probabilities(answers.scores, "log_odds")[:, 0]
    np.testing.assert_allclose([float(row["probability"]) for row in rows], calibrated, rtol=1e-6)
    assert opened.unlike is not None
    np.testing.assert_allclose([float(row["distance"]) for row in rows], opened.unlike.distances(small), rtol=1e-3)
    assert {row["model"] for row in rows} == {rows[0]["model"]}
    assert rows[0]["model"].startswith("bright-1-Grey-subject_disjoint ")


def test_of_several_classes_each_has_its_columns(tmp_path: Path) -> None:
    folder = write_small_model(tmp_path / "model", ("dark", "middle", "white"))
    file = paint(tmp_path / "a.png", 0.52)
    assert run("--model", folder, "--out", tmp_path / "p.csv", file)[0] == 0
    (row,) = rows_of(tmp_path / "p.csv")
    assert row["prediction"] == "middle"
    of_classes = [float(row[f"probability_{name}"]) for name in ("dark", "middle", "white")]
    assert sum(of_classes) == pytest.approx(1, abs=1e-12)
    assert float(row["probability"]) == of_classes[1] == max(of_classes)
    assert row["score"] == row["score_middle"]


@pytest.mark.parametrize(
    ("classes", "calibration", "brightness", "predicted", "likelier"),
    [
        (
            ("dark", "middle", "white"),
            MultinomialCalibration(n_images=40, measured=[], slopes=np.eye(3).tolist(), intercepts=[9, 0, 0]),
            0.52,
            "middle",
            "probability_dark",
        ),
        (
            ("all", "healthy"),
            PlattCalibration(n_images=40, measured=[], slope=1, intercept=9),
            0.7,
            "healthy",
            "probability",  # of the positive class, all
        ),
    ],
    ids=["several", "two"],
)
def test_a_calibration_decides_nothing(
    tmp_path: Path,
    classes: tuple[str, ...],
    calibration: Calibration,
    brightness: float,
    predicted: str,
    likelier: str,
) -> None:
    """The class is the classifier's own, even where the calibrated probability of another one is larger."""
    write_model(replace(small_model(small_system(classes)), calibration=calibration), tmp_path / "model")
    file = paint(tmp_path / "a.png", brightness)
    assert run("--model", tmp_path / "model", "--out", tmp_path / "p.csv", file)[0] == 0
    (row,) = rows_of(tmp_path / "p.csv")
    assert row["prediction"] == predicted
    assert float(row[likelier]) > 0.5


def test_several_parts_are_fed_from_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fusion of two sizes, of which the classifier sees the columns side by side."""
    from sklearn.linear_model import LogisticRegression

    from leukorepro.features.parts import ResolvedDescriptor

    parts = tuple(ResolvedDescriptor(id=f"pixels-{n}", descriptor="pixels", input_size=n) for n in (8, 4))
    training = np.repeat(np.linspace(0.2, 0.8, 20), 240).reshape(20, 240).astype(np.float32)
    classifier = LogisticRegression().fit(training, np.repeat(["all", "healthy"], 10))
    system = FittedSystem(parts, ["all", "healthy"], "all", "log_odds", "scikit-learn", classifier)
    write_model(replace(small_model(system), unlike=None), tmp_path / "model")
    file = paint(tmp_path / "a.png", 0.3)
    reads = []

    def noting(path: Path, max_pixels: int) -> np.ndarray:
        reads.append(path)
        return read_rgb(path, max_pixels)

    monkeypatch.setattr(module, "read_rgb", noting)
    opened = read_model(tmp_path / "model")
    seen = []
    with ready(opened) as readied:
        decide = readied.decide
        monkeypatch.setattr(readied, "decide", lambda images: seen.append(decide(images)) or seen[-1])
        predict(readied, [Asked(str(file), "a.png")], tmp_path / "p.csv", max_pixels=10**6)
    assert reads == [file]
    assert [part.shape for part in seen[0].inputs] == [(1, 8, 8, 3), (1, 4, 4, 3)]
    assert seen[0].rows.shape == (1, 240)
    (row,) = rows_of(tmp_path / "p.csv")
    assert (row["prediction"], row["out_of_distribution"], row["distance"]) == ("all", "", "")


def test_images_unlike_the_training_images_are_flagged(tmp_path: Path, model: Path) -> None:
    like = paint(tmp_path / "like.png", 0.5)
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    code, out, _ = run("--model", model, "--out", tmp_path / "p.csv", like, tmp_path / "noise.png")
    assert code == 0
    assert [row["out_of_distribution"] for row in rows_of(tmp_path / "p.csv")] == ["false", "true"]
    assert "Unlike the training images (out_of_distribution), and not to be relied on: 1." in out


def test_files_that_the_model_was_fitted_on_are_told(tmp_path: Path) -> None:
    """By their bytes, beside one that cannot be read, and with nothing said where the model keeps no digests."""
    seen, new = paint(tmp_path / "seen.png", 0.3), paint(tmp_path / "new.png", 0.6)
    (tmp_path / "broken.png").write_bytes(b"")
    (tmp_path / "copy.png").write_bytes(seen.read_bytes())
    asked = [tmp_path / "broken.png", new, tmp_path / "copy.png"]
    for images, flags, told in ((None, ["", "", ""], False), ([seen], ["", "false", "true"], True)):
        model = write_model_fitted_on(images, tmp_path / f"model_{told}")
        code, out, _ = run("--model", model, "--out", tmp_path / "p.csv", *asked)
        assert code == 0
        assert [row["training_image"] for row in rows_of(tmp_path / "p.csv")] == flags
        assert ("Fitted on by the model (training_image), and so no test of it: 1." in out) is told


def test_a_file_that_goes_after_it_was_read_is_a_line_and_stops_nothing(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def going(path: Path, max_pixels: int) -> np.ndarray:
        pixels = read_rgb(path, max_pixels)
        if path.name == "gone.png":
            path.unlink()
        return pixels

    monkeypatch.setattr(module, "read_rgb", going)
    asked = [paint(tmp_path / name, 0.3) for name in ("gone.png", "here.png")]
    code, _, _ = run("--model", model, "--out", tmp_path / "p.csv", *asked)
    assert code == 0
    rows = rows_of(tmp_path / "p.csv")
    assert [(row["status"], row["prediction"] != "") for row in rows] == [("unreadable", False), ("ok", True)]
    assert rows[0]["note"] == "No such file or directory"


def test_what_needs_no_torch_does_not_import_it(tmp_path: Path, model: Path) -> None:
    """It takes longer than everything else about one image together."""
    words = ["predict", "--model", str(model), "--out", str(tmp_path / "p.csv"), str(paint(tmp_path / "a.png", 0.3))]
    code = "import sys; from leukorepro.cli.app import app; app(sys.argv[1:], standalone_mode=False)"
    check = f"{code}; assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", check, *words], check=True, capture_output=True)
    assert (tmp_path / "p.csv").exists()


# --------------------------------------------------------------------------------------------------------------- images


def test_bad_images_are_lines_and_stop_nothing(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "smears"
    good = paint(folder / "good.png", 0.3)
    (folder / "text.png").write_text("no image")
    (folder / "empty.jpg").touch()
    whole = paint(tmp_path / "whole.jpg", 0.6, 300).read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    paint(folder / "huge.png", 0.6, 1200)
    (folder / "inner.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "Thumbs.db").touch()
    (folder / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    missing = tmp_path / "missing.png"
    given = [folder, folder / "pipe.png", tmp_path / "folder.png", missing]
    code, out, err = run("--model", model, "--out", tmp_path / "p.csv", "--max-pixels", str(10**6), *given)
    assert code == 0
    rows = {row["path"]: row for row in rows_of(tmp_path / "p.csv")}
    assert {Path(path).name: row["status"] for path, row in rows.items()} == {
        "empty.jpg": "empty",
        "good.png": "ok",
        "half.jpg": "truncated",
        "huge.png": "oversized",
        "text.png": "not_an_image",
        "pipe.png": "unreadable",
        "folder.png": "unreadable",
        "missing.png": "unreadable",
    }
    assert rows[str(good)]["prediction"] == "all"
    bad = [row for row in rows.values() if row["status"] != "ok"]
    assert all(row["note"] and not row["prediction"] and not row["out_of_distribution"] for row in bad)
    assert "1 of 8 images predicted: 1 all, 0 healthy." in out
    assert "1 oversized" in out
    assert "1 hidden" in out
    assert "1 not a file" in out
    assert "Simulated images" in err
    assert "not a medical device" in err


def test_the_status_is_one_where_no_image_could_be_predicted(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert run("--model", model, "--out", tmp_path / "p.csv", tmp_path / "empty.png")[0] == 1
    assert rows_of(tmp_path / "p.csv")[0]["status"] == "empty"


def test_where_there_is_no_image_that_is_said(tmp_path: Path, model: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none/readme.txt").touch()
    code, _, err = run("--model", model, "--out", tmp_path / "p.csv", tmp_path / "none")
    assert code == 2
    assert err.endswith(
        "/none: no image there (left out: 1 .txt); name image files, folders that hold some, or a manifest.\n"
    )
    assert not (tmp_path / "p.csv").exists()


def test_order_and_paths_are_as_given_and_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.png", "b/10.png", "b/deep/1.png", "a.png"):
        paint(tmp_path / name, 0.5)
    asking = find_images(["b", "a.png", "./b/2.png"])
    assert [image.path for image in asking.images] == ["b/10.png", "b/2.png", "b/deep/1.png", "a.png"]
    assert [image.note for image in asking.images] == ["", "given 2 times", "", ""]


def test_a_manifest_names_images_and_subjects(tmp_path: Path) -> None:
    paint(tmp_path / "images/x/1.png", 0.3)
    columns = "image_id,path,label,subject_id,source_id,official_split,sha256,width,height,status\n"
    table = tmp_path / "manifest.csv"
    table.write_text(columns + "1,x/1.png,x,P1,1,,,8,8,ok\n2,x/2.png,x,,2,,,0,0,empty\n")
    asking = find_images([str(table)], tmp_path / "images")
    assert asking.images == [
        Asked(str(tmp_path / "images/x/1.png"), "x/1.png", "P1"),
        Asked(str(tmp_path / "images/x/2.png"), "x/2.png", ""),
    ]
    assert find_images([str(table)]).images[0].path == str(tmp_path / "x/1.png")
    table.write_text("image,subject\n1,2\n")
    with pytest.raises(UserError, match=r"manifest.csv: no image, and no manifest \(no column image_id"):
        find_images([str(table)])


def test_subjects_are_found_as_in_a_scan(tmp_path: Path) -> None:
    paint(tmp_path / "smears/P1_a.png", 0.3)
    paint(tmp_path / "smears/P2_a.png", 0.3)
    by_name = FolderDataset(adapter="image_folder", images=Path(), subjects=SubjectsFromRegex(regex="^(P.)_"))
    assert [image.subject_id for image in find_images([str(tmp_path / "smears")], None, by_name).images] == ["P1", "P2"]


# ------------------------------------------------------------------------------------------------------------- patients


def test_a_patient_is_positive_where_half_of_the_images_are() -> None:
    rows = [
        ("a1", "ok", "all", 0.9, "false", "true"),
        ("a2", "ok", "healthy", 0.2, "true", "false"),
        ("a3", "empty", "", np.nan, "", ""),
        ("b1", "ok", "healthy", 0.1, "false", "false"),
        ("c1", "damaged", "", np.nan, "", ""),
        ("nobody", "ok", "all", 0.8, "false", "true"),
    ]
    names = ["path", "status", "prediction", "probability", "out_of_distribution", "training_image"]
    predictions = pd.DataFrame(rows, columns=names)
    found = of_patients(
        predictions.assign(model="m"), ["A", "A", "A", "B", "C", ""], ["all", "healthy"], "all"
    ).set_index("subject_id")
    assert found["diagnosis"].to_dict() == {"A": "all", "B": "healthy", "C": ""}
    assert found.loc["A", ["images", "unreadable", "out_of_distribution"]].tolist() == [2, 1, 1]
    assert found.loc["A", ["share", "probability"]].tolist() == [0.5, pytest.approx(0.55)]
    assert found["training_images"].to_dict() == {"A": 1, "B": 0, "C": None}
    assert np.isnan(found.loc["C", "share"])


def test_of_several_classes_a_tie_is_no_diagnosis() -> None:
    called = ["x", "y", "z", "z", "x"]
    predictions = pd.DataFrame(
        {"status": "ok", "prediction": called, "probability": 0.5, "out_of_distribution": "false"}
    ).assign(model="m", training_image="")
    found = of_patients(predictions, ["A", "A", "B", "B", "B"], ["x", "y", "z"], None)
    assert found["diagnosis"].tolist() == ["", "z"]
    assert found["share"].tolist() == [0.5, pytest.approx(2 / 3)]


def test_patients_have_a_table_of_their_own(tmp_path: Path) -> None:
    """Which counts the images that the model was fitted on, where it can tell."""
    for name, brightness in (("P1_a.png", 0.3), ("P1_b.png", 0.3), ("P2_a.png", 0.7)):
        paint(tmp_path / "smears" / name, brightness)
    for images, counts in ((None, ["", ""]), ([tmp_path / "smears" / "P2_a.png"], ["0", "1"])):
        model = write_model_fitted_on(images, tmp_path / f"model_{counts[0]}")
        words = ["--model", model, "--out", tmp_path / "p.csv", "--subject-regex", "^(P.)_", tmp_path / "smears"]
        assert run(*words)[0] == 0
        rows = rows_of(tmp_path / "p_patients.csv")
        assert [row["diagnosis"] for row in rows] == ["all", "healthy"]
        assert [row["training_images"] for row in rows] == counts


# ---------------------------------------------------------------------------------------------------------------- kills


def slowly(folder: Path) -> None:
    with ready(read_model(folder / "model"), batch=3) as readied:
        images = find_images([str(folder / "smears")]).images
        decide = readied.decide
        readied.decide = lambda images: time.sleep(0.2) or decide(images)  # type: ignore[method-assign]
        predict(readied, images, folder / "killed.csv", max_pixels=10**6)


def test_a_killed_prediction_continues_and_ends_in_the_same_bytes(tmp_path: Path, model: Path) -> None:
    for number in range(20):
        paint(tmp_path / "smears" / f"{number:02d}.png", number / 20)
    (tmp_path / "smears/04.png").write_text("x")
    words = ["--model", model, "--batch", "3", "--max-pixels", "1000000", tmp_path / "smears", "--out"]
    assert run(*words, tmp_path / "whole.csv")[0] == 0
    rows = tmp_path / ".killed.csv.partial" / "rows"
    job = multiprocessing.get_context("fork").Process(target=slowly, args=[tmp_path])
    job.start()
    deadline = time.monotonic() + 60
    while not (rows.is_file() and rows.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    job.kill()
    job.join()
    assert not (tmp_path / "killed.csv").exists()
    with rows.open("ab") as file:
        file.write(b"half of a li")
    code, out, _ = run(*words, tmp_path / "killed.csv")
    assert code == 0
    assert "continuing after" in out
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not rows.parent.exists()


@pytest.mark.parametrize("change", ["model", "image", "batch"])
def test_what_was_begun_otherwise_is_not_continued(
    tmp_path: Path, model: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [paint(tmp_path / f"{number}.png", 0.3) for number in range(4)]
    images = [Asked(str(file), file.name) for file in files]

    def fails(path: Path, max_pixels: int) -> np.ndarray:
        if path == files[3]:
            raise RuntimeError("pulled out")
        return read_rgb(path, max_pixels)

    def go(batch: int = 1) -> None:
        with ready(read_model(model), batch=batch) as readied:
            predict(readied, images, tmp_path / "p.csv", max_pixels=10**6)

    monkeypatch.setattr(module, "read_rgb", fails)
    with pytest.raises(RuntimeError):
        go()
    monkeypatch.undo()
    if change == "image":
        paint(files[0], 0.7)
    elif change == "model":
        write_model(small_model(small_system(seed=1)), model, force=True)
    go(2 if change == "batch" else 1)
    fresh = tmp_path / "fresh.csv"
    with ready(read_model(model)) as readied:
        predict(readied, images, fresh, max_pixels=10**6)
    assert read(tmp_path / "p.csv")["prediction"].tolist() == read(fresh)["prediction"].tolist()
    assert read(tmp_path / "p.csv")["model"].nunique() == 1


def test_images_in_memory_do_not_grow_with_their_number(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deciding runs ahead of writing by a fixed number of blocks."""
    file = paint(tmp_path / "a.png", 0.3)
    links = [tmp_path / f"{number:03d}.png" for number in range(120)]
    for link in links:
        link.symlink_to(file)
    ahead, rows = [0], tmp_path / ".p.csv.partial" / "rows"
    with ready(read_model(model), threads=2, batch=2) as readied:
        decided, decide = [0], readied.decide

        def counted(block: list[Inputs]) -> Decided:
            decided[0] += len(block)
            ahead[0] = max(ahead[0], decided[0] - rows.read_bytes().count(b"\n"))
            return decide(block)

        monkeypatch.setattr(readied, "decide", counted)
        images = [Asked(str(link), link.name) for link in links]
        predict(readied, images, tmp_path / "p.csv", max_pixels=10**6)
    assert len(read(tmp_path / "p.csv")) == 120
    assert ahead[0] <= 2 * (2 * 2 + 1) + 2 * 2


# --------------------------------------------------------------------------------------------------------- explanations


def test_every_predicted_image_has_a_picture_that_says_what_it_shows(tmp_path: Path) -> None:
    for name in ("one", "two"):
        paint(tmp_path / f"{name}/a b.png", 0.3)
    model = write_model_fitted_on([tmp_path / "one/a b.png"], tmp_path / "model")
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "two/a b.png")
    (tmp_path / "one/broken.png").write_bytes(b"")
    code, out, _ = run("--model", model, "--out", tmp_path / "p.csv", "--explain", tmp_path / "maps", tmp_path)
    assert code == 0
    pictures = sorted(file.name for file in (tmp_path / "maps").iterdir())
    assert pictures == ["00001-a_b.jpg", "00003-a_b.jpg"]
    assert f"2 explained: {tmp_path / 'maps'}" in out
    told, of_noise = (Image.open(tmp_path / "maps" / picture).getexif()[0x010E] for picture in pictures)
    assert ["Unlike the training images" in words for words in (told, of_noise)] == [False, True]
    assert ["The model was fitted on this image" in words for words in (told, of_noise)] == [True, False]
    for words in ("Red speaks for all", "exact", "imulated images", "not a medical device"):
        assert words in told
    assert [row["status"] == "ok" for row in rows_of(tmp_path / "p.csv")] == [True, False, True]


def test_a_model_without_a_gradient_predicts_and_says_why_it_is_not_explained(tmp_path: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    rows = np.repeat(np.linspace(0.2, 0.8, 20), 3 * SIZE**2).reshape(20, -1).astype(np.float32)
    fitted = KNeighborsClassifier().fit(rows, np.repeat(["all", "healthy"], 10))
    system = FittedSystem((PIXELS,), ["all", "healthy"], "all", "probability", "scikit-learn", fitted)
    write_model(replace(small_model(system), calibration=None), tmp_path / "model")
    file = paint(tmp_path / "a.png", 0.3)
    code, _, told = run("--model", tmp_path / "model", "--out", tmp_path / "p.csv", "--explain", tmp_path / "m", file)
    assert code == 2
    assert "KNeighborsClassifier: its decisions have no gradient" in told
    assert len(rows_of(tmp_path / "p.csv")) == 1
