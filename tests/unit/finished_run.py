"""A finished run of a very small study with a system of every kind, on drawn images: all that an export reads."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from project_data import write_yaml

from leukorepro.cli.models.classify import classify
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.core.tables.results import METRICS_TABLE
from leukorepro.data.manifest import read_manifest, write_manifest
from leukorepro.data.split_tables import read_splits, write_splits
from leukorepro.evaluation.measure import measure
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import collect, read_part, write_fitting, write_predictions
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.extract import extract
from leukorepro.features.fusion import fuse
from leukorepro.features.parts import Part, ResolvedExtractor
from leukorepro.features.stream import Request
from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.specify import Specifications, fits_of
from leukorepro.run.splitting import splits_of
from leukorepro.systems.fits.registry import fit_all

EPOCHS = {"demo": 1, "published": 1}
NETWORK = {"epochs": EPOCHS, "batch_size": 8, "learning_rate": 0.001}
N_SUBJECTS, IMAGES_OF_ONE = 4, 2
"""Of each class."""

CLASSIFIERS: dict[str, dict[str, Any]] = {
    "cubic": {"kind": "svm", "kernel": "poly", "coef0": 1.0, "gamma": "median"},
    "rbf": {"kind": "svm", "kernel": "rbf"},
    "knn": {"kind": "knn", "n_neighbors": 3},
    "logistic": {"kind": "logistic_regression", "standardize": True},
    "sgd": {"kind": "sgd", "standardize": True},
    "forest": {"kind": "random_forest", "n_estimators": 5},
    "trees": {"kind": "sklearn", "estimator": "ExtraTreesClassifier", "parameters": {"n_estimators": 5}},
    "mlp": {"kind": "mlp", "hidden": [5], "epochs": EPOCHS},
    "softmax": {"kind": "softmax", "epochs": EPOCHS, "batch_size": 8, "learning_rate": 0.01, "standardize": True},
    "cnn": {"kind": "network", "architecture": "two_convolutions", **NETWORK, "zero_center": "channel"},
    "coded": {"kind": "network", "architecture": "code_channels", **NETWORK, "width": {"demo": 0.1, "published": 0.1}},
    "tuned": {"kind": "fine_tuned", "train_from": "block", **NETWORK},
    "flipped": {"kind": "fine_tuned", "train_from": "block", **NETWORK, "augment": {"flips": ["horizontal"]}},
}

STUDY: dict[str, Any] = {
    "key": "tiny",
    "citation": {"authors": "N. N.", "title": "Everything", "journal": "Tests", "year": 2026},
    "published_dataset": "image_folder",
    "published_protocol": {"unit": "view", "scope": "all"},
    "extractors": {"net": {"backbone": "timm:test_resnet", "input_size": 32}},
    "descriptors": {
        "pixels": {"descriptor": "pixels", "input_size": 8},
        "colour": {"descriptor": "lab_segments", "input_size": 16},
        "images": {"descriptor": "images", "input_size": 36},
    },
    "feature_sets": {"both": ["pixels", "colour"], "pixels": ["pixels"], "images": ["images"], "net": ["net"]},
    "reducers": {
        "codes": {"kind": "sparse_autoencoder", "hidden_fraction": 0.05, "max_epochs": EPOCHS},
        "conv": {"kind": "conv_autoencoder", "epochs": EPOCHS},
        "seen": {"kind": "trained_features", "network": "cnn"},
    },
    "classifiers": CLASSIFIERS,
    "label_sets": {"two": {"classes": {"sick": ["L1", "L2"], "well": ["M2"]}, "positive_class": "sick"}},
    "splits": {
        "two": {"kind": "k_fold", "n_splits": 2, "labels": "two", "views": ["identity", "hflip"]},
        "three": {"kind": "k_fold", "n_splits": 2, "augment": "training", "views": ["identity", "hflip"]},
        "held": {"kind": "hold_out", "test_share": 0.34, "labels": "two"},
    },
    "tables": {
        "1": {
            "title": "Two classes",
            "split": "two",
            "metrics": ["accuracy"],
            "items": [
                *({"item": name, "features": "both", "classifier": name} for name in list(CLASSIFIERS)[:9]),
                {"item": "reduced", "features": "both", "reducer": "codes", "classifier": "cubic"},
                {"item": "seen", "features": "images", "reducer": "seen", "classifier": "rbf"},
                {"item": "cnn", "features": "images", "classifier": "cnn"},
                {"item": "coded", "features": "images", "reducer": "conv", "classifier": "coded"},
                {"item": "extracted", "features": "net", "classifier": "rbf"},
                {"item": "tuned", "features": "net", "classifier": "tuned"},
                {"item": "flipped", "features": "net", "classifier": "flipped"},
            ],
        },
        "2": {
            "title": "Three classes",
            "split": "three",
            "metrics": ["accuracy"],
            "items": [
                {"item": name, "features": "pixels", "classifier": name} for name in ("rbf", "mlp", "softmax", "knn")
            ],
        },
        "3": {
            "title": "Held out",
            "split": "held",
            "metrics": ["accuracy"],
            "items": [{"item": "logistic held", "features": "pixels", "classifier": "logistic"}],
        },
    },
    "headline": "1/cubic",
}

RUN = {
    "name": "done",
    "budget": "demo",
    "weights": "random",
    "studies": [{"study": "tiny", "dataset": "drawn", "rungs": ["as_published", "subject_disjoint"]}],
}


def make_finished_run(folder: Path) -> ResolvedRun:
    """Configuration, images and results of the run; the folder is the project's."""
    write_yaml(folder / "config/studies/tiny.yaml", STUDY)
    subjects = {"regex": "(?P<subject>[LM]\\d-\\d+)_"}
    dataset = {"title": "Drawn", "adapter": "image_folder", "images": "images", "subjects": subjects}
    write_yaml(folder / "config/datasets/drawn.yaml", dataset)
    write_yaml(folder / "config/runs/done.yaml", RUN)
    with contextlib.chdir(folder):
        manifest = _draw()
        run = resolve(Path("config/runs/done.yaml"))
        (study,) = run.studies
        specifications = Specifications(run)
        specifications.write()
        _features(run, study, manifest)
        for split in splits_of(specifications["splits", "tiny"], read_manifest(manifest)):  # type: ignore[arg-type]
            write_splits(split.table, Results().study("done", "tiny").splits(split.rung, split.name))
        for rung in study.protocols:
            fit_all(specifications["fits", "tiny", rung], 1, "cpu")  # type: ignore[arg-type]
        _classify_and_measure(run, study, specifications)
    return run


def _draw() -> Path:
    """Images of three classes, brighter from class to class; the manifest of them."""
    rows = []
    for number, label in enumerate(("L1", "L2", "M2")):
        for image in range(N_SUBJECTS * IMAGES_OF_ONE):
            random = np.random.default_rng([number, image])
            pixels = random.normal(70 + 60 * number, 30, (40, 44, 3)).clip(0, 255).astype(np.uint8)
            subject = f"{label}-{image // IMAGES_OF_ONE}"
            path = Path("images") / label / f"{subject}_{image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            about = {"label": label, "subject_id": subject, "official_split": "", "width": 44, "height": 40}
            name = path.relative_to("images")
            sha = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append(
                {
                    "image_id": str(name),
                    "path": str(name),
                    "source_id": str(name),
                    "sha256": sha,
                    "status": "ok",
                    **about,
                }
            )
    manifest = Results().manifest("drawn")
    write_manifest(pd.DataFrame(rows)[list(MANIFEST_TABLE.columns)], manifest)
    return manifest


def _features(run: ResolvedRun, study: ResolvedStudy, manifest: Path) -> None:
    for part in study.parts.values():
        _compute(part, run, manifest)
    for feature_set in study.study.feature_sets:
        file = Results().features("drawn") / plan.feature_file(study, feature_set)
        ids = plan.parts_of_feature_set(study, feature_set)
        if len(ids) > 1:
            fuse([Results().features("drawn") / f"{name}.h5" for name in ids], file)


def _compute(part: Part, run: ResolvedRun, manifest: Path) -> None:
    extractor = isinstance(part, ResolvedExtractor)
    request = Request(
        dataset="drawn",
        manifest=read_manifest(manifest),
        manifest_sha256=sha256_file(manifest),
        images=Path("images"),
        views=plan.views_of(run, "drawn", part.id),
        size=part.input_size,
        max_pixels=10_000,
        interpolation=find_backbone(part.backbone).interpolation if extractor else part.interpolation,
    )
    output = Results().features("drawn") / f"{part.id}.h5"
    if extractor:
        extract(request, part.model_copy(update={"engine": "torch"}), output, device="cpu", threads=1)
    else:
        describe(request, output, part, threads=1)


def _classify_and_measure(run: ResolvedRun, study: ResolvedStudy, specifications: Specifications) -> None:
    folder = Results().study("done", "tiny")
    parts = [fit.folder / "predictions.parquet" for rung in study.protocols for fit in _trainings(run, study, rung)]
    for feature_set in plan.classified_feature_sets(study):
        places = [(rung, split) for rung in study.protocols for split in plan.splits_of(study, feature_set)]
        reducers = []
        for rung, split in places:
            for name in plan.reducers_of(study, split, feature_set):
                at = plan.reducer_rung(study, split, feature_set, name, rung)
                reducers.append(f"{rung}/{split}/{name}={folder.reducer(at, split, feature_set, name)}")
        classify(
            Path(specifications.path("classification", "tiny", feature_set)),
            Results().features("drawn") / plan.feature_file(study, feature_set),
            [f"{rung}/{split}={folder.splits(rung, split)}" for rung, split in places],
            Results().manifest("drawn"),
            folder.part(feature_set),
            reducers,
        )
        parts.append(folder.part(feature_set))
    rows = [read_part(part) for part in parts]
    tested = []
    for rung in study.protocols:
        collected = collect([part[part["protocol"] == rung] for part in rows])
        write_predictions(collected.predictions, folder.predictions(rung))
        write_fitting(collected.fitting, folder.fitting(rung))
        tested.append(collected.predictions)
    splits = {f"{r}/{s}": read_splits(folder.splits(r, s)) for r in study.protocols for s in plan.used_splits(study)}
    measured = measure(Outcomes(study, tested, splits=splits), run.seed, n_resamples=20)
    METRICS_TABLE.write(measured.assign(published=np.nan, verdict="not tested"), folder.table("metrics"))


def _trainings(run: ResolvedRun, study: ResolvedStudy, rung: str) -> list[Any]:
    return [fit for fit in fits_of(run, study, rung).values() if hasattr(fit, "folder")]
