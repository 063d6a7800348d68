"""Metrics of networks: losses, correlations of reconstructions, and tables in which every epoch counts."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judged import evaluate
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from leukorepro.config.study.study import Study
from leukorepro.core.tables.predictions import RECONSTRUCTION
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.evaluation.curves import confusion_matrices, last_epochs
from leukorepro.evaluation.outcome_metrics import Measuring, outcome_metrics
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.metrics.registry import OF_PREDICTIONS
from leukorepro.run.resolved import ResolvedStudy

TABLE = {
    "title": "T",
    "split": "twice",
    "metrics": ["train_accuracy", "test_accuracy", "train_loss", "test_loss"],
    "items": [
        {"item": "network", "features": "images", "classifier": "network"},
        {"item": "knn", "features": "f", "classifier": "knn"},
    ],
}
STUDY = Study.model_validate(
    {
        "key": "networks",
        "citation": {"authors": "A. Bee", "title": "T", "journal": "J", "year": 2024},
        "published_dataset": "allidb",
        "published_protocol": {"unit": "view", "scope": "train"},
        "extractors": {"f": {"backbone": "vgg16"}},
        "descriptors": {"images": {"descriptor": "images"}},
        "feature_sets": {"f": ["f"], "images": ["images"]},
        "classifiers": {
            "knn": {"kind": "knn"},
            "network": {
                "kind": "network",
                "architecture": "ten_convolutions",
                "epochs": {"demo": 4, "published": 100},
                "batch_size": 16,
                "learning_rate": 0.001,
            },
        },
        "splits": {"twice": {"kind": "hold_out", "test_share": 0.2, "repeats": 2}},
        "tables": {"all": {**TABLE, "epochs": "all"}, "last": {**TABLE, "metrics": ["test_loss"]}},
        "headline": "all/network",
    }
)
RESOLVED = ResolvedStudy(
    study=STUDY,
    dataset_id="d",
    dataset=AllIdbDataset(adapter="allidb", images=Path("images"), positive_class="all"),
    images=Path("images"),
    extractors={},
    descriptors={},
    protocols={},
    left_out={},
    left_out_tables={},
)


def predictions(
    n_repeats, table="all", item="network", role="test", n_images=60, n_subjects=25, classes=("all", "hem")
):
    """Predictions of probabilities, in every repeat of the same images, better and better."""
    rng = np.random.default_rng(len(role))
    image, repeat = np.tile(np.arange(n_images), n_repeats), np.repeat(np.arange(n_repeats), n_images)
    names = np.array(classes)
    true = names[rng.integers(len(names), size=n_images)][image]
    powers = (true[:, None] == names) * 1.5 + rng.normal(size=(len(image), len(names))) / (1 + 0.1 * repeat)[:, None]
    scores = np.exp(powers) / np.exp(powers).sum(axis=1, keepdims=True)
    source = np.array([f"{role}{i:05d}" for i in range(n_images)])[image]
    frame = pd.DataFrame(
        {
            "study": "networks",
            "dataset": "d",
            "table": table,
            "item": item,
            "protocol": "as_published",
            "repeat": repeat,
            "fold": 0,
            "image_id": source,
            "view": "identity",
            "subject_id": np.char.add("s", (image % n_subjects).astype(str)),
            "source_id": source,
            **({} if role == "test" else {"role": role}),
            "y_true": true,
            "y_pred": names[scores.argmax(axis=1)],
        }
    )
    if len(names) == 2:
        return frame.assign(score=scores[:, 0])
    return frame.assign(**{f"score_{name}": scores[:, number] for number, name in enumerate(names)})


def evaluated(tested, fitted, n_resamples=200):
    empty = pd.DataFrame(columns=["table", "item", "metric", "value", "half_unit"])
    how = {"budget": "published", "dataset_complete": True, "seed": 0, "n_resamples": n_resamples}
    return evaluate([tested], RESOLVED, empty, {}, fitting=[fitted], **how).metrics


def test_a_network_in_a_table_of_all_epochs_has_the_means_over_them():
    """Two repeats of four epochs; each epoch's accuracy and loss by scikit-learn."""
    tested, fitted = predictions(8), predictions(8, role="train", n_images=90)
    found = evaluated(tested, fitted).set_index("metric")
    for name, rows in (("test", tested), ("train", fitted)):
        epochs = [epoch for _, epoch in rows.groupby("repeat")]
        losses = [log_loss(epoch["y_true"] == "all", epoch["score"]) for epoch in epochs]
        accuracies = [accuracy_score(epoch["y_true"], epoch["y_pred"]) for epoch in epochs]
        assert len(set(losses)) == len(epochs) == 8
        for metric, values in (("loss", losses), ("accuracy", accuracies)):
            row = found.loc[f"{name}_{metric}"]
            assert row["value"] == pytest.approx(np.mean(values), abs=1e-12)
            assert row["ci_low"] < row["value"] < row["ci_high"]
            assert row["n_images"] == len(epochs[0])


def test_the_training_loss_has_the_weights_of_classes_that_the_network_was_trained_with():
    """scikit-learn's weights and losses of each epoch; without them beside it, and tested rows never have any."""
    tested, fitted = predictions(3), predictions(3, role="train", n_images=90)
    fitted = fitted[(fitted["y_true"] == "all") | (fitted["image_id"].str[-1] > "5")]
    printed = ["train_loss", "train_unweighted_loss", "test_loss"]
    found = {
        weighed: outcome_metrics(
            tested, fitted, Measuring(printed, "macro", "all", {}, 200, 0, class_weights=weighed)
        ).set_index("metric")["value"]
        for weighed in (True, False)
    }
    weighted, plain = (
        np.mean(
            [log_loss(e["y_true"] == "all", e["score"], sample_weight=weights(e)) for _, e in fitted.groupby("repeat")]
        )
        for weights in (lambda epoch: compute_sample_weight("balanced", epoch["y_true"]), lambda _: None)
    )
    assert abs(weighted - plain) > 0.001
    assert found[True]["train_loss"] == pytest.approx(weighted, abs=1e-12)
    for value in (found[True]["train_unweighted_loss"], *found[False][["train_loss", "train_unweighted_loss"]]):
        assert value == pytest.approx(plain, abs=1e-12)
    assert found[True]["test_loss"] == found[False]["test_loss"]
    study = STUDY.model_dump()
    study["classifiers"]["network"]["class_weights"] = True
    resolved = RESOLVED.model_copy(update={"study": Study.model_validate(study)})
    asked = [
        Outcomes(r, [tested], [fitted]).measuring("all", i, 9, 0).class_weights
        for r, i in ((resolved, "network"), (resolved, "knn"), (RESOLVED, "network"))
    ]
    assert asked == [True, False, False]


def measuring(*printed, average="macro"):
    return Measuring(printed, average, "all", {}, n_resamples=200, seed=0)


@pytest.mark.parametrize("average", ["macro", "positive"])
@pytest.mark.parametrize("positive_class", ["all", "hem"])
def test_the_loss_does_not_depend_on_which_class_is_positive(average, positive_class):
    rows = predictions(1)
    how = Measuring(["test_loss"], average, positive_class, {}, n_resamples=200, seed=0)
    if positive_class == "hem":
        rows = rows.assign(score=1 - rows["score"])
    value = outcome_metrics(rows, None, how).set_index("metric").loc["test_loss", "value"]
    assert value == pytest.approx(log_loss(predictions(1)["y_true"] == "all", predictions(1)["score"]), abs=1e-12)


def test_several_classes_have_a_loss():
    rows = predictions(1, classes=("L1", "L2", "M2", "M3", "M5"))
    found = outcome_metrics(rows, None, measuring("test_loss")).set_index("metric")
    expected = log_loss(rows["y_true"], rows.filter(like="score_"))
    assert found.loc["test_loss", "value"] == pytest.approx(expected, abs=1e-12)


def test_scores_that_are_no_probabilities_have_no_loss():
    rows, fitted = predictions(2), predictions(2, role="train")
    how = measuring("train_loss", "test_loss")
    spoilt = rows.assign(score=[1.5, *rows["score"][1:]])
    found = outcome_metrics(spoilt, fitted, how).set_index("metric")
    assert found.loc["test_loss", ["value", "ci_low", "ci_high"]].isna().all()
    assert found.loc[["train_loss", "accuracy"], ["value", "ci_low", "ci_high"]].notna().all(axis=None)


def test_losses_and_correlations_are_measured_where_the_table_prints_them():
    rows, fitted = predictions(2), predictions(2, role="train")
    correlation = np.random.default_rng(1).uniform(0.9, 1, size=len(rows))
    rows = rows.assign(**{RECONSTRUCTION: correlation})
    phases = [*OF_PREDICTIONS, "test_accuracy", "train_accuracy"]
    assert sorted(outcome_metrics(rows, fitted, measuring("f1"))["metric"]) == sorted(phases)
    found = outcome_metrics(rows, None, measuring(RECONSTRUCTION)).set_index("metric").loc[RECONSTRUCTION]
    assert found["value"] == pytest.approx((correlation[:60].mean() + correlation[60:].mean()) / 2, abs=1e-12)
    assert found["ci_low"] < found["value"] < found["ci_high"]
    without = outcome_metrics(predictions(2), None, measuring(RECONSTRUCTION)).set_index("metric").loc[RECONSTRUCTION]
    assert without[["value", "ci_low", "ci_high"]].isna().all()


def test_a_table_can_print_any_metric_of_a_phase():
    """A paper's recall on its training images is no recall of a class called train."""
    tested, fitted = predictions(1), predictions(1, role="train", n_images=90)
    fitted = pd.concat([fitted, predictions(1, role="validation", n_images=40)])
    printed = ["train_precision", "train_recall", "val_f1", "test_recall", "train_auroc"]
    found = outcome_metrics(tested, fitted, measuring(*printed, average="positive")).set_index("metric")["value"]
    phases = [f"{phase}_accuracy" for phase in ("train", "val", "test")]
    assert sorted(found.index) == sorted([*OF_PREDICTIONS, *phases, *printed])
    for phase, role in (("train", "train"), ("val", "validation")):
        rows = fitted[fitted["role"] == role]
        options = {"average": "binary", "pos_label": "all"}
        theirs = precision_recall_fscore_support(rows["y_true"], rows["y_pred"], **options)
        for metric, value in zip(("precision", "recall", "f1"), theirs, strict=False):
            assert found.get(f"{phase}_{metric}", value) == pytest.approx(value, abs=1e-12)
    assert found["test_recall"] == found["recall"]
    train = fitted[fitted["role"] == "train"]
    assert found["train_auroc"] == pytest.approx(roc_auc_score(train["y_true"] == "all", train["score"]), abs=1e-12)


def test_curves_and_matrices_are_those_of_the_last_epoch():
    """Of every repeat, and of networks only: a classifier without epochs keeps both of its repeats."""
    network = predictions(8)
    rows = pd.concat([network, predictions(2, item="knn"), predictions(2, table="last")], ignore_index=True)
    last = last_epochs(rows, STUDY)
    kept = {outcome: set(part["repeat"]) for outcome, part in last.groupby(["table", "item"])}
    assert kept == {("all", "network"): {3, 7}, ("all", "knn"): {0, 1}, ("last", "network"): {0, 1}}
    counts = confusion_matrices(last).set_index(["table", "item"])["count"]
    final = network[network["repeat"].isin([3, 7])]
    expected = confusion_matrix(final["y_true"], final["y_pred"])
    np.testing.assert_array_equal(counts["all", "network"].to_numpy().reshape(2, 2), expected)
    assert counts.groupby(level=["table", "item"]).sum().tolist() == [120, 120, 120]


def test_a_hundred_epochs_are_evaluated_in_seconds():
    """A quarter of the rows that a paper's network has, which the time is proportional to."""
    tested = predictions(100, n_images=625, n_subjects=73)
    fitted = predictions(100, n_images=2505, n_subjects=73, role="train")
    start = time.process_time()
    evaluated(tested, fitted, n_resamples=2000)
    assert time.process_time() - start < 10
