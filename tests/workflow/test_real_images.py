"""Real cells and real network weights, where they lie beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.config.study.systems import Extractor
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.scan import scan
from leukorepro.data.splits import make_splits
from leukorepro.features.extract import extract
from leukorepro.features.fusion import Features, read_features
from leukorepro.features.lookup import resolve_extractor
from leukorepro.features.stream import Request
from leukorepro.systems.classifiers.classify import classify
from leukorepro.systems.classifiers.kinds.svm import SvmSpec
from leukorepro.systems.classifiers.tasks import Task

VIEWS = ["identity", "hflip", "vflip"]
SCHEME = KFoldScheme(kind="k_fold", n_splits=5, views=VIEWS)
UNITS = {"as_published": "view", "source_disjoint": "source", "subject_disjoint": "subject", "external": "subject"}


@pytest.fixture(scope="module")
def cells(shared: Path) -> pd.DataFrame:
    """Manifest of 123 cells of C-NMC 2019."""
    folder = shared / "cnmc_sample"
    return scan(CnmcDataset(adapter="cnmc2019", images=folder), folder, workers=2, progress=False).manifest


@pytest.fixture(scope="module")
def features(shared: Path, cells: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Features:
    weights = f"file:{shared / 'weights' / 'mobilenet_v2_imagenet.pth'}"
    extractor = resolve_extractor(Extractor(backbone="mobilenet_v2"), weights, "test")
    request = Request("cnmc", cells, "0" * 64, shared / "cnmc_sample", VIEWS, extractor.input_size, 10**8)
    path = tmp_path_factory.mktemp("features") / "cells.h5"
    extract(request, extractor, path, device="cpu")
    return read_features(path)


def protocol(rung: str) -> Protocol:
    return Protocol.model_validate({"rung": rung, "unit": UNITS[rung], "scope": "train"})


@pytest.mark.parametrize("rung", ["subject_disjoint", "external"])
def test_no_subject_is_on_both_sides(cells: pd.DataFrame, rung: str) -> None:
    assert cells["subject_id"].nunique() == 57
    subject = dict(zip(cells["image_id"], cells["subject_id"], strict=True))
    splits = make_splits(cells, SCHEME, protocol(rung), 0, "prelim")
    for _, fold in splits.groupby("fold"):
        sides = fold.assign(subject=fold["image_id"].map(subject)).groupby("role")["subject"].agg(set)
        assert sides["train"]
        assert sides["test"]
        assert not sides["train"] & sides["test"]


@pytest.mark.long
def test_mirrored_copies_and_known_patients_flatter_a_real_classifier(cells: pd.DataFrame, features: Features) -> None:
    """The paper's folds over mirrored copies against folds over patients, same cells, same network, same classifier."""
    svm = SvmSpec(kind="svm", kernel="poly", degree=3, coef0=1.0)
    accuracy = {}
    for rung in ("as_published", "subject_disjoint"):
        rule = protocol(rung)
        task = Task("s", "cnmc", rule, "all", [("1", Item(item="i", features="f", classifier="svm"))])
        table = classify(
            task, features, make_splits(cells, SCHEME, rule, 0, "prelim"), cells, {"svm": svm}, {}
        ).predictions
        accuracy[rung] = (table["y_true"] == table["y_pred"]).mean()
    assert accuracy["as_published"] == pytest.approx(0.885, abs=0.03)
    assert accuracy["subject_disjoint"] == pytest.approx(0.673, abs=0.06)
