"""A model on another laboratory's labelled images: numbers against scikit-learn, classes by other names, faults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.metrics import roc_auc_score

from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import METRICS_TABLE, SHIFT_TABLE
from leukorepro.evaluation.predictions import read_predictions
from leukorepro.inference.evaluating.evaluation import Evaluated, evaluate
from leukorepro.inference.evaluating.labels import own_names
from leukorepro.inference.evaluating.shift import shift

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


def test_classes_are_known_by_their_names_or_by_what_is_said() -> None:
    model = ["all", "healthy"]
    assert own_names(["ALL", "healthy"], model, {}) == {"ALL": "all", "healthy": "healthy"}
    assert own_names(["blast", "hem"], model, {"blast": "all", "hem": "healthy"}) == {"blast": "all", "hem": "healthy"}
    given = {"L1": "all", "L2": "all"}
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
