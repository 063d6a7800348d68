"""A small model that tells bright images from dark ones by their pixels; made in milliseconds, without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from leukorepro.core.store import sha256_file
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.inference.bundle.description import Source
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.card import Card, ClassCount, Origin, TrainingData
from leukorepro.inference.model import Model
from leukorepro.inference.operating import PlattCalibration
from leukorepro.inference.performance import Measured, RungPerformance
from leukorepro.inference.system import FittedSystem
from leukorepro.inference.training_images import image_digests
from leukorepro.inference.unlike import Unlike, fit_unlike

SIZE = 8
"""Side of the images that it sees, in pixels."""

PIXELS = ResolvedDescriptor(id=f"pixels-{SIZE}", descriptor="pixels", input_size=SIZE)


def small_system(classes: tuple[str, ...] = ("all", "healthy"), seed: int = 0) -> FittedSystem:
    """A classifier of grey images by their brightness: of n classes, class k is about (k + 1) / (n + 1) bright."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(classes)), 20)
    brightness = (truth + 1) / (len(classes) + 1) + random.normal(0, 0.05, len(truth))
    rows = (brightness[:, None] + random.normal(0, 0.05, (len(truth), 3 * SIZE**2))).astype(np.float32)
    scaler = StandardScaler().fit(rows)
    fitted = LogisticRegression(C=0.01).fit(scaler.transform(rows), np.array(classes)[truth])
    positive = classes[0] if len(classes) == 2 else None
    return FittedSystem((PIXELS,), list(classes), positive, "log_odds", "scikit-learn", fitted, scaler)


def small_unlike(seed: int = 0) -> Unlike:
    """What flags images that are not of one grey, from 0.2 to 0.8."""
    random = np.random.default_rng(seed)
    rows = random.uniform(0.2, 0.8, (40, 1)) + random.normal(0, 0.05, (40, 3 * SIZE**2))
    return fit_unlike(rows.astype(np.float32), np.arange(40) // 5, [3 * SIZE**2])


def small_model(system: FittedSystem | None = None) -> Model:
    """A model of the system, with a card of invented numbers."""
    system = system or small_system()
    binary = len(system.classes) == 2
    calibration = PlattCalibration(slope=1.0, intercept=0.0, n_images=40, measured=[]) if binary else None
    metrics = [Measured(metric="accuracy", value=0.8, low=0.7, high=0.9)]
    card = Card(
        name="bright-1-Grey-subject_disjoint",
        origin=Origin(
            run="small",
            study="bright",
            paper="N. N. (2026)",
            dataset="grey",
            dataset_title="Grey images",
            table="1",
            item="Grey",
            rung="subject_disjoint",
            fold=None,
            images="simulated",
        ),
        system=["Features: pixels at 8 pixels.", "Classifier: logistic regression."],
        caveats=["Simulated images: no number here says anything about patients."],
        classes=system.classes,
        positive_class=system.positive_class,
        training=TrainingData(
            manifest_sha256="0" * 64,
            rows_sha256="1" * 64,
            n_rows=40,
            classes={name: ClassCount(images=20, subjects=4) for name in system.classes},
        ),
        resampled="groups of images that share a subject or a source",
        average="positive",
        rungs=[RungPerformance(rung="subject_disjoint", honest=True, n_images=40, n_subjects=8, metrics=metrics)],
        calibration=calibration,
        threshold=None,
        versions={"leukorepro": "0"},
    )
    sources = tuple(Source(part=part, engine="NumPy") for part in system.parts)
    known = image_digests((f"{number:064x}" for number in range(40)), card.training)
    return Model(None, system, sources, calibration, None, card, small_unlike(), trained_on=known)


def write_small_model(folder: Path, classes: tuple[str, ...] = ("all", "healthy")) -> Path:
    """The folder of a small model."""
    write_model(small_model(small_system(classes)), folder)
    return folder


def write_model_fitted_on(images: Iterable[Path] | None, folder: Path) -> Path:
    """The folder of a model that was fitted on these image files, as its digests say; None: that has no digests."""
    made = small_model()
    known = None if images is None else image_digests(map(sha256_file, images), made.card.training)
    write_model(replace(made, trained_on=known), folder)
    return folder


def grey(brightness: float, size: int = SIZE) -> np.ndarray:
    """An image of one brightness, from 0 to 1, as bytes (size, size, 3)."""
    return np.full((size, size, 3), round(255 * brightness), dtype=np.uint8)
