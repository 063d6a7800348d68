"""Synthetic trainings, as the stages before the report leave them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import ConvAutoencoderSpec, NetworkSpec, TrainedFeaturesSpec
from leukorepro.config.study.tables import Table
from leukorepro.core.tables.predictions import EPOCHS_TABLE, MOMENTS
from leukorepro.ladder.rungs import Rung
from leukorepro.run.plan import networks_of, training_rung
from leukorepro.run.resolved import ResolvedStudy

SIDE = 18
"""Of images that networks are trained on, in pixels."""
N_EPOCHS = 4
"""Of networks that are trained from images."""
N_SAMPLES = 8
FOLDS = (0, 1, 2)


def networks_study() -> Study:
    """Networks trained from images: epochs, an autoencoder's code, a new last layer; readings; training rows."""
    images = {"features": "images", "classifier": "CNN"}
    code = {"item": "CAE-CNN", "features": "images", "reducer": "CAE", "classifier": "code"}
    network = {"kind": "network", "batch_size": 16, "learning_rate": 0.0001}
    autoencoder = {"kind": "conv_autoencoder", "epochs": {"demo": 2, "published": 30}}
    return Study.model_validate(
        {
            "key": "networks",
            "citation": {"authors": "I. Jay", "title": "Networks", "journal": "J", "year": 2022},
            "published_dataset": "cnmc2019",
            "published_protocol": {"unit": "view", "scope": "all"},
            "extractors": {"vgg": {"backbone": "vgg16"}},
            "descriptors": {"images": {"descriptor": "images", "input_size": {"demo": SIDE, "published": 450}}},
            "feature_sets": {"images": ["images"], "vgg": ["vgg"]},
            "reducers": {
                "CAE": autoencoder,
                "CAE_max": {**autoencoder, "pooling": "max"},
                "CNN_features": {"kind": "trained_features", "network": "CNN"},
            },
            "classifiers": {
                "ResNet-50": {
                    **network,
                    "architecture": "resnet50_70",
                    "epochs": {"demo": N_EPOCHS, "published": 100},
                    "class_weights": True,
                    "width": {"demo": 0.125, "published": 1},
                },
                "CNN": {
                    **network,
                    "architecture": "ten_convolutions",
                    "epochs": {"demo": N_EPOCHS, "published": 100},
                    "width": {"demo": 0.5, "published": 1},
                },
                "code": {
                    **network,
                    "architecture": "code_channels",
                    "epochs": {"demo": N_EPOCHS, "published": N_EPOCHS},
                    "rate_drop": {"factor": 0.1, "every": 10},
                },
                "knn": {"kind": "knn"},
                "last": {
                    "kind": "softmax",
                    "epochs": {"demo": 20, "published": 20},
                    "batch_size": 30,
                    "learning_rate": 0.001,
                },
            },
            "splits": {"folds": {"kind": "k_fold", "n_splits": 3}},
            "tables": {
                "1": {
                    "title": "Means over epochs",
                    "split": "folds",
                    "metrics": ["test_accuracy", "train_accuracy", "test_loss", "train_loss"],
                    "epochs": "all",
                    "items": [{**images, "item": "CNN"}, {**images, "item": "ResNet", "classifier": "ResNet-50"}],
                },
                "2": {
                    "title": "Last epochs",
                    "split": "folds",
                    "metrics": ["accuracy", "train_f1"],
                    "items": [
                        {**images, "item": "CNN"},
                        {"item": "VGG-16", "features": "vgg", "classifier": "last"},
                        {"item": "CNN/knn", "features": "images", "reducer": "CNN_features", "classifier": "knn"},
                        code,
                    ],
                },
                "fig12": {
                    "title": "Training images",
                    "split": "folds",
                    "metrics": ["train_accuracy", "train_f1", "train_auroc"],
                    "items": [{**images, "item": "CNN"}, code],
                },
                "fig7": {
                    "title": "Reconstructions",
                    "split": "folds",
                    "metrics": [
                        "all_reconstruction_correlation",
                        "reconstruction_correlation",
                        "all_pixel_correlation",
                        *("all_tp", "all_fn", "all_fp", "all_tn"),
                    ],
                    "metric_readings": {"all_pixel_correlation": "all_reconstruction_correlation"},
                    "items": [
                        code,
                        {**code, "item": "CAE-CNN, max pooling", "reducer": "CAE_max", "reading_of": "CAE-CNN"},
                    ],
                },
            },
            "headline": "2/CAE-CNN",
        }
    )


def as_trained(
    part: pd.DataFrame, study: Study, table: Table, item: Item, generator: np.random.Generator
) -> pd.DataFrame:
    """Predictions of an item as its training writes them; those of other classifiers stay."""
    if not isinstance(study.classifiers[item.classifier], NetworkSpec):
        return part
    if item.reducer is not None:
        x, y = generator.uniform(0.2, 0.8, (2, len(part)))
        moments = dict(zip(MOMENTS, (x, y, x * x + 0.1, y * y + 0.1, x * y + 0.08), strict=True))
        part = part.assign(reconstruction_correlation=generator.uniform(0.8, 0.99, len(part)), **moments)
    if table.epochs == "all":
        return pd.concat([part.assign(repeat=epoch) for epoch in range(N_EPOCHS)], ignore_index=True)
    return part


def write_trainings(
    folder: Path, study: ResolvedStudy, rung: Rung, image_ids: list[str], generator: np.random.Generator
) -> None:
    """Write fitted reducers and logs of networks of one rung."""
    fits = ["all"] if rung == "as_published" else [f"r0f{fold}" for fold in FOLDS]
    for table in study.study.tables.values():
        for item in table.items:
            if item.reducer and not isinstance(study.study.reducers[item.reducer], TrainedFeaturesSpec):
                path = folder / rung / "reducers" / table.split / f"{item.features}-{item.reducer}.h5"
                path.parent.mkdir(parents=True, exist_ok=True)
                with h5py.File(path, "w") as file:
                    if isinstance(study.study.reducers[item.reducer], ConvAutoencoderSpec):
                        _write_autoencoder(file, fits, image_ids, generator)
                    else:
                        _write_sparse(file, fits, generator)
    for name, fit in networks_of(study).items():
        if training_rung(study, fit, rung) == rung:
            EPOCHS_TABLE.write(epochs(generator), folder / rung / "networks" / name / "epochs.csv")


def epochs(generator: np.random.Generator) -> pd.DataFrame:
    """A log of three folds that learn what they are shown, and less of what they are not."""
    epoch = np.arange(1, N_EPOCHS + 1)
    logs = []
    for fold in FOLDS:
        noise = generator.uniform(0.95, 1.05)
        logs.append(
            pd.DataFrame(
                {
                    "repeat": 0,
                    "fold": fold,
                    "epoch": epoch,
                    "learning_rate": 0.0001,
                    "seconds": 1.5 * noise + 0.01 * epoch,
                    "train_loss": 0.7 * noise * np.exp(-0.8 * epoch),
                    "test_loss": 0.6 * noise + 0.02 * epoch,
                    "train_accuracy": 1 - 0.4 * np.exp(-0.7 * epoch) * noise,
                    "test_accuracy": 0.72 * noise + 0.01 * epoch,
                    "machine": "CPU, 2 threads, float32",
                }
            )
        )
    return pd.concat(logs, ignore_index=True)


def _write_autoencoder(file: h5py.File, fits: list[str], image_ids: list[str], generator: np.random.Generator) -> None:
    file["image_id"], file["view"] = image_ids, ["identity"] * len(image_ids)
    for name in fits:
        group = file.create_group(name)
        originals = generator.integers(0, 255, (N_SAMPLES, SIDE, SIDE, 3))
        noisy = 0.8 * originals + 0.2 * generator.integers(0, 255, originals.shape)
        group["samples"] = np.stack([originals, noisy], axis=1).astype(np.uint8)
        group["samples_id"] = image_ids[:N_SAMPLES]
        group["loss"] = 0.02 * np.exp(-np.arange(2))
        group["reconstruction_correlation"] = generator.uniform(0.8, 0.99, len(image_ids)).astype(np.float32)
        group.attrs.update({"stopped_by": "epochs", "n_rows": len(image_ids) // (1 if name == "all" else 2)})


def _write_sparse(file: h5py.File, fits: list[str], generator: np.random.Generator) -> None:
    for name in fits:
        group = file.create_group(name)
        group["loss"] = 10 * np.exp(-np.linspace(0, 3, 13) * generator.uniform(0.9, 1.1))
        group["gradient_norm"] = np.linspace(1, 0.1, 13)
        group.attrs["stopped_by"] = "epochs"
