"""Names of metrics: what stands in front of one, and what each is called on a page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from leukorepro.metrics import names
from leukorepro.metrics.names import Name, parse
from leukorepro.metrics.registry import METRICS, Source
from leukorepro.report.numbers import wording


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("accuracy", Name("", "", "accuracy")),
        ("val_accuracy", Name("val", "", "accuracy")),
        ("train_loss", Name("train", "", "loss")),
        ("healthy_precision", Name("", "healthy", "precision")),
        ("blast_cell_f1", Name("", "blast_cell", "f1")),
        ("train_healthy_recall", Name("train", "healthy", "recall")),
        ("reconstruction_correlation", Name("", "", "reconstruction_correlation")),
        ("learnables_total", Name("", "", "learnables_total")),
        ("val_mcc", Name("val", "", "mcc")),
        ("macro_f1", Name("", "", "macro_f1")),
        ("healthy_npv", Name("", "healthy", "npv")),
        ("loss", None),
        ("healthy_loss", None),
        ("healthy_size", None),
        ("train_reconstruction_correlation", Name("train", "", "reconstruction_correlation")),
        ("all_pixel_correlation", Name("", "all", "pixel_correlation")),
        ("healthy_tp", Name("", "healthy", "tp")),
        ("healthyprecision", None),
        ("_accuracy", None),
        ("acuracy", None),
    ],
)
def test_a_name_says_part_class_and_metric(name: str, said: Name | None) -> None:
    assert parse(name) == said


def test_of_two_metrics_that_end_alike_the_longer_name_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "balanced_accuracy", METRICS["accuracy"])
    assert parse("healthy_balanced_accuracy") == Name("", "healthy", "balanced_accuracy")
    parse.cache_clear()


@pytest.mark.parametrize(
    ("name", "sentence", "heading", "shown"),
    [
        ("accuracy", "accuracy", "Accuracy (%)", "12.3"),
        ("train_f1", "training F1", "Training F1 (%)", "12.3"),
        ("healthy_auroc", "healthy AUROC", "Healthy AUROC", "0.123"),
        ("test_loss", "test loss", "Test loss", "0.1234"),
        ("reconstruction_correlation", "reconstruction correlation", "Reconstruction correlation", "0.123"),
        ("ece_by_chance", "ECE by chance", "ECE by chance", "0.123"),
        ("n_features", "features", "Features", "0"),
        ("healthy_tp", "healthy TP", "Healthy TP", "0"),
    ],
)
def test_what_a_metric_is_called_and_how_it_is_shown(name: str, sentence: str, heading: str, shown: str) -> None:
    assert wording.in_a_sentence(name) == sentence
    assert wording.metric_heading(name) == heading
    assert wording.number(name, 0.1234) == shown


def test_a_difference_that_rounds_to_0_has_no_sign() -> None:
    assert wording.number("calibration_in_the_large", -0.0001) == "0.000"
    assert wording.number("calibration_in_the_large", -0.04) == "\N{MINUS SIGN}0.040"


def test_the_pattern_of_configurations_allows_what_can_be_measured() -> None:
    allowed = {key for key in METRICS for name in names.spelled(key) if re.match(names.PATTERN, name)}
    assert allowed == {key for key, metric in METRICS.items() if metric.of_predictions or metric.is_mean}


@pytest.mark.parametrize("key", METRICS)
def test_an_entry_is_whole(key: str) -> None:
    metric = METRICS[key]
    assert (metric.formula is not None) == (metric.source in (Source.SUMS, Source.COUNTS))
    assert bool(metric.others) == (metric.source is Source.COUNTS)
    assert not metric.others or METRICS[metric.others].others == key
    assert metric.source is Source.PAPER or not metric.no_result
    assert bool(metric.columns) == metric.is_mean
    assert (metric.of_means is not None) == (len(metric.columns) > 1)


def test_names_of_metrics_are_known_without_numpy() -> None:
    code = "import sys, leukorepro.metrics.names; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
