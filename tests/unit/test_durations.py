"""Seconds per epoch that a paper prints, beside ours: ratios in closed form, and when they are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.config.study.study import load_study
from leukorepro.report.sections.training.durations import durations
from leukorepro.run.plan import NetworkFit
from leukorepro.run.resolved import ResolvedStudy

STUDY = load_study(Path("config/studies/rezayi2021.yaml"))
PRINTED = pd.DataFrame(
    {
        "item": ["ResNet-50", "VGG-16", "CNN", "ResNet-50"],
        "metric": ["epoch_seconds", "epoch_seconds", "epoch_seconds", "train_accuracy"],
        "published": [28, 22, 14, 0.9576],
    }
)


def told(budget, **seconds):
    resolved = ResolvedStudy.model_construct(study=STUDY)
    networks = {
        NetworkFit("eighty_twenty_once", "images", None, name.replace("_", "-")): pd.DataFrame(
            {"protocol": ["as_published"] * 50 + ["source_disjoint"] * 50, "machine": "X, float32"}
        ).assign(seconds=np.r_[of_one, np.full(50, 1e9)])
        for name, of_one in seconds.items()
    }
    return {row.network: row for row in durations(resolved, budget, PRINTED, networks)}


def test_ratios_are_judged_where_the_networks_are_the_papers():
    """Epochs of 2 s and of 4 to 6 s: 2 to 3 times as long. Printed, 27.5 / 14.5 to 28.5 / 13.5 = 1.9 to 2.1."""
    slow = np.linspace(4, 6, 50)
    rows = told("published", CNN=np.full(50, 2.0), ResNet_50=slow, VGG_16=slow)
    resnet, vgg, cnn = rows["ResNet-50"], rows["VGG-16"], rows["CNN"]
    assert (resnet.printed, resnet.printed_ratio, resnet.seconds, resnet.ratio) == ("28", "2.0", "5.00", "2.5")
    assert resnet.ratio_span == "2.1\N{EN DASH}2.9"  # the tenth and the ninetieth percentile
    assert (resnet.alike, vgg.alike) == ("yes", "no")  # 22 / 14 is 1.6
    assert (cnn.printed, cnn.printed_ratio, cnn.ratio, cnn.alike) == ("14", "1", "1", "")
    assert resnet.machine == "X, float32"


def test_a_demonstration_is_not_judged():
    assert told("demo", CNN=np.ones(50), VGG_16=np.ones(50))["VGG-16"].alike == "not judged in a demonstration"
    assert told("demo") == {}
