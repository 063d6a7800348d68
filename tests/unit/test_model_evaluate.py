"""A model on another laboratory's labelled images: numbers against scikit-learn, classes by other names, faults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_data import SIZE, grey, small_model, write_model_fitted_on, write_small_model
from PIL import Image
from sklearn import metrics as sk
from sklearn.metrics import roc_auc_score

from leukorepro.cli.dataset_options import describe_dataset
from leukorepro.cli.model.evaluate import evaluate as evaluate_command
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import EVALUATED_TABLE, METRICS_TABLE, SHIFT_TABLE
from leukorepro.data.scan import scan
from leukorepro.evaluation.predictions import read_predictions
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.evaluating.evaluation import Evaluated, evaluate
from leukorepro.inference.evaluating.labels import own_names
from leukorepro.inference.evaluating.laboratory import evaluate_folder
from leukorepro.inference.evaluating.shift import shift
from leukorepro.inference.model import decide
from leukorepro.inference.performance import Measured
from leukorepro.inference.predicting.ready import ready

N = 60
TRAINING = np.random.default_rng(6).gamma(9, 0.06, 500)


def evaluated(classes: list[str], *, calibrated: bool = False) -> Evaluated:
    positive = classes[0] if len(classes) == 2 else None
    shares = np.full(len(classes), 1 / len(classes))
    return Evaluated(
        "doe2026", "2", "Proposed", "lab", classes, positive, "positive", "margin", calibrated, TRAINING, shares
    )


def scored(classes: list[str]) -> pd.DataFrame:
    """Three images of each of twenty patients; every image of a patient is of one class."""
    rng = np.random.default_rng(7)
    truth = np.repeat(rng.choice(classes, N // 3), 3)
    scores = (truth[:, None] == np.array(classes)) + rng.normal(size=(N, len(classes)))
    if len(classes) == 2:
        score = scores[:, 0] - scores[:, 1]
        columns = {"score": score}
        called = np.where(score >= 0, classes[0], classes[1])
    else:
        columns = {f"score_{name}": column for name, column in zip(classes, scores.T, strict=True)}
        called = np.array(classes)[scores.argmax(axis=1)]
    images = [f"{label}/{number:02d}.png" for number, label in enumerate(truth)]
    return pd.DataFrame(
        {
            "image_id": images,
            "subject_id": np.repeat([f"p{number}" for number in range(N // 3)], 3),
            "source_id": images,
            "y_true": truth,
            "y_pred": called,
            "probability": 1 / (1 + np.exp(-columns.get("score", np.zeros(N)))),
            "distance": rng.gamma(9, 0.09, N),
            **columns,
        }
    )


@pytest.mark.parametrize("classes", [["all", "healthy"], ["L1", "L2", "M3"]], ids=["two", "three"])
def test_metrics_are_those_of_scikit_learn(classes: list[str]) -> None:
    rows = scored(classes)
    found = evaluate(rows, evaluated(classes), n_resamples=200).metrics.set_index("metric")
    y, called = rows["y_true"], rows["y_pred"]
    how = {"pos_label": "all"} if len(classes) == 2 else {"average": "macro"}
    scores = rows.filter(like="score")
    expected = {
        "accuracy": sk.accuracy_score(y, called),
        "sensitivity": sk.recall_score(y, called, **how),
        "precision": sk.precision_score(y, called, **how),
        "f1": sk.f1_score(y, called, **how),
        "auroc": np.mean(
            [roc_auc_score(y == name, scores.iloc[:, k]) for k, name in enumerate(classes[: scores.shape[1]])]
        ),
    }
    assert {name: found["value"][name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert (found["n_images"] == N).all()
    assert (found["n_subjects"] == N // 3).all()
    inside = found.loc[list(expected)]
    assert ((inside["ci_low"] < inside["value"]) & (inside["value"] < inside["ci_high"])).all()


def test_intervals_are_wider_where_patients_are_known() -> None:
    """Images of a patient that are right or wrong together tell less."""
    rows = scored(["all", "healthy"])
    together = rows.assign(score=rows["score"].groupby(rows["subject_id"]).transform("first"))
    together["y_pred"] = np.where(together["score"] >= 0, "all", "healthy")
    width = {}
    for name, subject in (("patients", together["subject_id"]), ("images", "")):
        found = evaluate(together.assign(subject_id=subject), evaluated(["all", "healthy"]), n_resamples=500).metrics
        row = found[found["metric"] == "accuracy"].iloc[0]
        width[name] = row["ci_high"] - row["ci_low"]
    assert width["patients"] > 1.4 * width["images"]  # sqrt(3) with as many patients as one could wish


def test_a_calibrated_model_is_judged_by_its_probabilities() -> None:
    rows = scored(["all", "healthy"])
    tables = evaluate(rows, evaluated(["all", "healthy"], calibrated=True), n_resamples=200).patients
    brier = tables.calibration.set_index("metric")["value"]["brier"]
    assert brier == pytest.approx(sk.brier_score_loss(rows["y_true"] == "all", rows["probability"]), abs=1e-12)
    assert len(tables.subjects) == N // 3
    names = ["a", "b", "c"]
    stated = np.random.default_rng(0).dirichlet(np.ones(3), N)
    several = scored(names).assign(**{f"probability_{name}": stated[:, k] for k, name in enumerate(names)})
    tables = evaluate(several, evaluated(names, calibrated=True), n_resamples=200).patients
    squares = np.square(stated - (several["y_true"].to_numpy()[:, None] == np.array(names))).sum(axis=1)
    assert tables.calibration.set_index("metric")["value"]["brier"] == pytest.approx(squares.mean(), abs=1e-12)
    without = evaluate(rows, evaluated(["all", "healthy"]), n_resamples=200).patients.calibration
    assert without["value"].isna().all()
    assert set(without["note"]) == {"scores are margins, not probabilities"}


def test_shift_is_what_a_judge_of_distances_sees() -> None:
    rows = scored(["all", "healthy"])
    table = shift(rows, np.repeat(np.arange(20), 3), ["all", "healthy"], TRAINING, [0.7, 0.3], 200, 0)
    found = table.set_index(["measure", "class"])
    distances = np.r_[TRAINING, rows["distance"]]
    assert found["value"]["told_apart", ""] == pytest.approx(
        roc_auc_score(np.arange(len(distances)) >= len(TRAINING), distances), abs=1e-12
    )
    assert found["value"]["unlike", ""] == pytest.approx((rows["distance"] > 1).mean(), abs=1e-12)
    assert found["value"]["share", "all"] == pytest.approx((rows["y_true"] == "all").mean(), abs=1e-12)
    assert found["value"]["share_called", "healthy"] == pytest.approx((rows["y_pred"] == "healthy").mean(), abs=1e-12)
    assert list(found["training"]) == pytest.approx([(TRAINING > 1).mean(), 0.5, 0.7, 0.7, 0.3, 0.3])
    assert ((table["ci_low"] < table["value"]) & (table["value"] < table["ci_high"])).all()


def test_what_is_written_keeps_to_the_contracts(tmp_path: Path) -> None:
    found = evaluate(scored(["all", "healthy"]), evaluated(["all", "healthy"]), n_resamples=50)
    found.write(tmp_path)
    again = read_predictions(tmp_path / "predictions.parquet")
    assert again.astype({"y_true": "str"})["y_true"].tolist() == found.predictions["y_true"].tolist()
    assert set(again["protocol"]) == {"external"}
    metrics = METRICS_TABLE.read(tmp_path / "metrics.csv")
    assert metrics["published"].isna().all()
    assert set(metrics["verdict"]) == {"not tested"}
    pd.testing.assert_frame_equal(SHIFT_TABLE.read(tmp_path / "shift.csv"), found.shift)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey images of two classes: four of each of six patients, a seventh without a patient's number in its name."""
    folder = tmp_path_factory.mktemp("laboratory") / "<b>lab"
    rng = np.random.default_rng(3)
    for number, brightness in enumerate(rng.normal([[0.42], [0.58]], 0.1, (2, 12)).ravel()):
        label = ("blast", "Healthy")[number // 12]
        file = folder / label / f"P{number // 4}_<i>{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey(min(max(brightness, 0), 1), 20 + number)).save(file)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def written(folder: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation."""
    output = tmp_path_factory.mktemp("written")
    evaluate_command(model, folder, output, classes=["blast=all"], subject_regex=r"(P\d+)_")
    return output


def test_a_labelled_folder_comes_to_what_scikit_learn_says(folder: Path, model: Path, written: Path) -> None:
    opened = read_model(model)
    files = sorted(folder.rglob("*.png"))
    rows = np.stack([np.asarray(Image.open(file))[:SIZE, :SIZE].ravel() / 255 for file in files])  # of one grey each
    said = decide(opened, opened.system.answers(rows.astype(np.float32)))
    truth = np.array([{"blast": "all", "Healthy": "healthy"}[file.parent.name] for file in files])
    found = METRICS_TABLE.read(written / "metrics.csv").set_index("metric")
    assert 0.5 < sk.accuracy_score(truth, said.prediction) < 1
    assert found["value"]["accuracy"] == pytest.approx(sk.accuracy_score(truth, said.prediction), abs=1e-12)
    assert found["value"]["auroc"] == pytest.approx(roc_auc_score(truth == "all", said.probability), abs=1e-12)
    assert set(found["n_subjects"]) == {6}
    images = EVALUATED_TABLE.read(written / "images.csv")
    np.testing.assert_allclose(images["probability"], said.probability, atol=1e-6)
    subjects = pd.read_csv(written / "subjects.csv")
    assert list(subjects["subject_id"]) == [f"P{number}" for number in range(6)]


def test_the_page_says_it_beside_the_honest_estimate_and_runs_nobodys_script(written: Path) -> None:
    text = (written / "index.html").read_text("utf-8")
    accuracy = METRICS_TABLE.read(written / "metrics.csv").set_index("metric").loc["accuracy"]
    numbers = re.findall(r'<dd><data value="([0-9.]+)">', text)
    assert [float(number) for number in numbers] == [accuracy["value"], 0.8]
    assert "subject-disjoint (the honest measurement)" in text
    assert "40 images of 8 subjects" in text
    assert "Simulated images" in text
    assert "Healthy is healthy; blast is all" in text
    assert "&lt;b&gt;lab" in text
    assert "<b>lab" not in text
    assert "_<i>" not in text
    linked = set(re.findall(r'(?:href|src)="([^"#]+)"', text))
    assert {"metrics.csv", "predictions.parquet", "shift.csv", "images.csv", "assets/site.js"} <= linked
    assert not [address for address in linked if not (written / address).is_file()]
    mistakes = EVALUATED_TABLE.read(written / "images.csv").query("y_true != y_pred")
    assert len(list(written.glob("figures/mistake-*.jpg"))) == len(mistakes)


def test_without_patients_the_unit_is_an_image_and_said_to_be(folder: Path, model: Path, tmp_path: Path) -> None:
    evaluate_command(model, folder, tmp_path, classes=["blast=all"])
    text = (tmp_path / "index.html").read_text("utf-8")
    assert "No subject is known" in text
    assert "No subject is diagnosed: the dataset has no subject ids" in text


def test_two_classes_are_averaged_as_in_the_models_run(folder: Path, tmp_path: Path) -> None:
    """Papers print precision and its like of the positive class, as above, or as means over both, as scikit-learn."""
    made = small_model()
    write_model(replace(made, card=made.card.model_copy(update={"average": "macro"})), tmp_path / "model")
    model = read_model(tmp_path / "model")
    dataset = describe_dataset(folder, OWN_IMAGES, None, None)
    with ready(model) as readied:
        found = evaluate_folder(readied, dataset, scan(dataset, folder), {"blast": "all"}).evaluation
    value, said = found.metrics.set_index("metric")["value"], found.images
    assert value["f1"] == pytest.approx(sk.f1_score(said["y_true"], said["y_pred"], average="macro"))
    assert "means over the 2 classes" in model.card.averaged
    assert "those of the class all" in made.card.averaged


def test_images_that_trained_the_model_are_told_and_left_out_of_every_number(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By their bytes, whatever they are called."""
    files = sorted(folder.rglob("*.png"))
    copy = tmp_path / "other_names"
    for number, file in enumerate(files):
        place = copy / file.parent.name / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    seen, left = files[::3], [file for file in files if file not in files[::3]]
    evaluate_command(write_model_fitted_on(seen, tmp_path / "model"), copy, tmp_path / "page", classes=["blast=all"])
    told = capsys.readouterr().err
    assert "8 of 24 images trained the model (Healthy/0.png, Healthy/3.png and 6 more): they are left out here" in told
    text = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "8 of 24 images trained the model" in text
    assert "16 labelled images" in text
    images = EVALUATED_TABLE.read(tmp_path / "page" / "images.csv")
    assert set(images["path"]) == {f"{file.parent.name}/{files.index(file)}.png" for file in left}
    assert set(METRICS_TABLE.read(tmp_path / "page" / "metrics.csv")["n_images"]) == {16}


def test_what_is_known_of_training_images_is_told_where_there_are_none_and_where_it_is_not_known(
    folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write_model_fitted_on(None, tmp_path / "before")
    for opened, sentence in (
        (model, "None of these image files trained the model."),
        (before, "Whether some of these images trained the model cannot be checked"),
    ):
        evaluate_command(opened, folder, tmp_path / "page", classes=["blast=all"])
        assert sentence in capsys.readouterr().err
        assert sentence in (tmp_path / "page" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("none", "24 of 24 images trained the model, such as 'Healthy/.*', and the others are none; give images"),
        ("blast", "12 of 24 images trained the model, such as 'Healthy/.*', and the others are all of the class all;"),
    ],
)
def test_where_too_few_images_are_new_to_the_model_nothing_is_measured(
    folder: Path, tmp_path: Path, kept: str, told: str
) -> None:
    seen = [file for file in folder.rglob("*.png") if file.parent.name != kept]
    model = write_model_fitted_on(seen, tmp_path / "model")
    with pytest.raises(UserError, match=told):
        evaluate_command(model, folder, tmp_path / "page", classes=["blast=all"])
    assert not (tmp_path / "page").exists()


def test_a_better_accuracy_than_the_honest_one_asks_whether_the_model_has_seen_the_images(
    folder: Path, tmp_path: Path
) -> None:
    made = small_model()
    measured = Measured(metric="accuracy", value=0.1, low=0.05, high=0.2)
    worse = made.card.rungs[0].model_copy(update={"metrics": [measured]})
    write_model(replace(made, card=made.card.model_copy(update={"rungs": [worse]})), tmp_path / "model")
    evaluate_command(tmp_path / "model", folder, tmp_path / "page", classes=["blast=all"])
    text = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "lies above that of the rung subject-disjoint of the run: other images, another accuracy. Make sure" in text


def test_a_patient_that_is_not_found_is_told(folder: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="finds none in 24 of 24 images"):
        evaluate_command(model, folder, tmp_path, classes=["blast=all"], subject_regex="patient(.)")
    assert not list(tmp_path.iterdir())


def test_classes_are_known_by_their_names_or_by_what_is_said() -> None:
    model = ["all", "healthy"]
    assert own_names(["ALL", "healthy"], model, {}) == {"ALL": "all", "healthy": "healthy"}
    assert own_names(["blast", "hem"], model, {"blast": "all", "hem": "healthy"}) == {"blast": "all", "hem": "healthy"}
    given = {"L1": "all", "L2": "all"}
    assert own_names(["l1", "healthy"], model, {}, {"L1": "all", "L2": "all"}) == {"l1": "all", "healthy": "healthy"}
    assert own_names(["L1", "L2", "healthy"], model, given) == {"L1": "all", "L2": "all", "healthy": "healthy"}


@pytest.mark.parametrize(
    ("theirs", "given", "message"),
    [
        (
            ["all", "hem"],
            {},
            "no class hem; its classes are all, healthy. Say which of them it is with `--class hem=all`",
        ),
        (["all", "hem"], {"hem": "normal"}, "--class: unknown class 'normal'. Known: all, healthy"),
        (["all", "hem"], {"ham": "healthy"}, "--class: unknown folder 'ham'. Known: all, hem. Did you mean 'hem'"),
        (["all"], {}, "all images are of the class all; a model is evaluated on images of two classes or more"),
        (["all", "ALL"], {}, "all images are of the class all"),
        ([""], {}, "images lie in no folder of a class; put those of each class into a folder of their own"),
    ],
)
def test_classes_that_do_not_fit_are_told(theirs: list[str], given: Mapping[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        own_names(theirs, ["all", "healthy"], given)
