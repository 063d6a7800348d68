"""Networks trained over the folds of a split table: on images, on an autoencoder's code of them, or on feature maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.device import choose_device, device_name
from leukorepro.core.store import hdf5_reader
from leukorepro.core.tables.predictions import EPOCHS_TABLE, RECONSTRUCTED
from leukorepro.core.words import Budget, Precision
from leukorepro.features.fusion import CODES, map_dataset, read_features
from leukorepro.run.digests import at_budget, digest
from leukorepro.systems.classifiers.tasks import (
    Answers,
    Model,
    Task,
    about_rows,
    asked_rows,
    check_classes,
    check_learnable,
    items_of,
    labelled,
)
from leukorepro.systems.fitted import check_fitted_on, rows_digest
from leukorepro.systems.folds import Fold, fit_in_words, folds
from leukorepro.systems.networks.layers import center_inputs, set_norm_momentum
from leukorepro.systems.training.training import (
    TRAINER_VERSION,
    Hardware,
    Keep,
    Schedule,
    Trained,
    predict,
    train,
    training_mean,
)

TRAINED_ON = "trained_on"
"""Beside weights: JSON, the SHA-256 of the feature file that a network was trained on, and of its rows in each fold; in
one value, because several would be written in any order."""

Build = Callable[[NDArray[Any], int, int], nn.Module]
"""From the rows that a network is trained on, and the number of classes, to the network with its initial weights."""


@dataclass(frozen=True)
class NetworkJob:
    """A network of a study on one rung.

    Attributes
    ----------
    task : Task
        Its items are those of this model.
    model : Model
    spec : ClassifierTrainingSpec
    build : callable
        See `Build`.
    all_epochs : frozenset of str
        Tables whose metrics are means over the predictions after every epoch; in the others the last one counts.
    seed : int
        Of weights and of the order of rows; alike for all folds of one of the run's seeds.
    budget : {'demo', 'published'}
    hardware : Hardware
    """

    task: Task
    model: Model
    spec: ClassifierTrainingSpec
    build: Build
    all_epochs: frozenset[str]
    seed: int
    budget: Budget
    hardware: Hardware

    @property
    def schedule(self) -> Schedule:
        """How it is trained."""
        return Schedule.of(self.spec, self.budget)

    def engine(self, precision: Precision) -> str:
        """What trains it with that precision, as it is recorded."""
        device = choose_device(self.hardware.device)
        return f"torch {version('torch')} on {device_name(device)}, {precision}"


class NetworkFits(NamedTuple):
    """What the training of a network over the folds of a split comes to."""

    predictions: pd.DataFrame
    """Rows of the contract of parts."""
    epochs: pd.DataFrame
    """Rows of an `EPOCHS_TABLE`."""
    weights: dict[str, Tensor]
    """Parameters and buffers of every fold's network, as `r<repeat>f<fold>.<name>`."""
    engines: list[str]
    """What trained them."""
    rows: dict[str, str]
    """`rows_digest` of the rows that every fold's network was trained on, as `r<repeat>f<fold>`."""


def fit_network(
    job: NetworkJob, features: Path, splits: pd.DataFrame, manifest: pd.DataFrame, codes: Path | None, work: Path
) -> NetworkFits:
    """Train a network in every fold and predict the tested rows.

    Parameters
    ----------
    job : NetworkJob
    features : Path
        Feature file of the descriptor `images`, or of a layer of a backbone.
    splits, manifest : DataFrame
        Split table and manifest of the dataset.
    codes : Path or None
        Fitted autoencoder with its codes, where the model has a reducer.
    work : Path
        Folder of unfinished trainings: a killed job continues there. The caller removes it.

    Returns
    -------
    NetworkFits
        Predictions, epochs and weights of every fold.

    Raises
    ------
    UserError
        If a training part lacks a class, a loss is not finite, or the autoencoder was fitted on other images
        or rows.
    """
    images = read_features(features, mapped=True)
    if codes is not None:
        check_fitted_on(codes, images, splits, job.task.protocol)
    splits = splits[splits["role"] != "excluded"]
    used = np.unique(images.row_numbers(splits))
    all_folds = list(folds(splits, images))
    about = about_rows(images.rows, manifest, job.task.label_set)
    labels = about["y_true"].to_numpy(dtype=object)
    check_classes(job.task, labels[used])
    for fold in all_folds:
        check_learnable(job.task, fold, labels)
    classes = sorted(set(labels[used]))
    targets = np.array([classes.index(label) if label in classes else -1 for label in labels])
    started_from = [
        *(_stamp(file) for file in (features, codes) if file is not None),
        TRAINER_VERSION,
        version("torch"),
    ]
    parts: list[pd.DataFrame] = []
    epochs: list[pd.DataFrame] = []
    weights: dict[str, Tensor] = {}
    engines: set[str] = set()
    for fold in all_folds:
        name = fold.name
        rows: NDArray[Any] = pixels(images.matrix) if images.matrix.dtype == np.uint8 else images.matrix
        seen = about
        if codes is not None:
            rows, reconstructed = _read_codes(codes, fold.fit_name(job.task.protocol))
            seen = about.assign(**reconstructed)
        seed = fold.drawn_from(job.seed)
        shown = [at_budget(job.spec, job.budget), job.task.protocol, seed, job.hardware.used_precision]
        identity = digest(shown, started_from, [part.tolist() for part in fold.roles.values()])
        trained = train_network(job, rows, targets, len(classes), fold, work / name, identity)
        epochs.append(_history(trained, targets, fold))
        weights |= {f"{name}.{key}": value.cpu() for key, value in trained.network.state_dict().items()}
        engines.add(job.engine(trained.precision))
        parts += _predictions(job, trained, rows, seen, classes, fold)
    predictions = pd.concat(parts, ignore_index=True)
    rows_of = {fold.name: rows_digest(fold.train) for fold in all_folds}
    return NetworkFits(predictions, pd.concat(epochs, ignore_index=True), weights, sorted(engines), rows_of)


def train_network(
    job: NetworkJob,
    rows: NDArray[Any],
    targets: NDArray[np.int64],
    n_classes: int,
    fold: Fold,
    checkpoint: Path,
    identity: str,
    keep: Keep = "all",
) -> Trained:
    """The network of a fold.

    Parameters
    ----------
    job : NetworkJob
    rows : ndarray
        As networks take them: images (N, size, size, 3), codes or feature maps (N, D).
    targets : ndarray of int, shape (N,)
        Class of each row; of rows that are in no part of the fold, anything.
    n_classes : int
        Outputs.
    fold : Fold
        Its training rows are learnt, its test rows only watched.
    checkpoint : Path
        Folder of the unfinished training, whose name is that of the fit.
    identity : str
        All that the training depends on; see `leukorepro.systems.training.training.train`.
    keep : {'none', 'last', 'all'}
        Epochs whose outputs are kept.
    """
    seed = fold.drawn_from(job.seed)
    network = job.build(rows, n_classes, seed)
    set_norm_momentum(network, job.spec.norm_momentum[job.budget])
    if job.spec.zero_center is not None:
        center_inputs(network, training_mean(rows, fold.train, job.spec.zero_center))
    truth = torch.from_numpy(targets)

    def loss(outputs: Tensor, _: Tensor, positions: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), truth[positions.cpu()].to(outputs.device), reduction="none")

    weights = None
    if job.spec.class_weights:
        counts = np.bincount(targets[fold.train], minlength=n_classes)
        weights = (len(fold.train) / (n_classes * counts))[targets[fold.train]].astype(np.float32)
    return train(
        network,
        rows,
        fold.train,
        fold.roles["test"],
        loss,
        job.schedule,
        seed=seed,
        checkpoint=checkpoint,
        identity=identity,
        hardware=job.hardware,
        weights=weights,
        augment=job.spec.augment,
        keep=keep,
        label=f"{job.model.classifier}, {fit_in_words(checkpoint.name)}",
    )


def _history(trained: Trained, targets: NDArray[np.int64], fold: Fold) -> pd.DataFrame:
    """Loss and accuracy after every epoch, those of training rows as they were when each was trained on."""
    assert trained.running is not None
    assert trained.watched is not None
    told: pd.DataFrame = trained.epochs.rename(columns={"watched_loss": "test_loss"})
    return told.assign(
        repeat=fold.repeat,
        fold=fold.fold,
        train_accuracy=(trained.running.argmax(2) == targets[fold.train]).mean(1),
        test_accuracy=(trained.watched.argmax(2) == targets[fold.roles["test"]]).mean(1),
    )[list(EPOCHS_TABLE.columns)]


def _predictions(
    job: NetworkJob, trained: Trained, rows: NDArray[Any], about: pd.DataFrame, classes: list[str], fold: Fold
) -> Iterator[pd.DataFrame]:
    """Rows of every item: after the last epoch, or after each where the table's metrics are means over them."""
    assert trained.running is not None
    assert trained.watched is not None
    items = items_of(job.task, job.model)
    asked = asked_rows(job.task, fold, job.model)
    if last := [(table, item) for table, item in items if table not in job.all_epochs]:
        outputs = [trained.watched[-1]]
        if rest := [asked[role] for role in asked if role != "test"]:
            hardware = replace(job.hardware, precision=trained.precision)
            outputs.append(predict(trained.network, rows, np.concatenate(rest), job.spec.batch_size, hardware))
        answer = answer_of(np.concatenate(outputs), classes, job.task.positive_class, job.engine(trained.precision))
        yield from labelled(job.task, last, about, asked, answer, fold)
    every = [(table, item) for table, item in items if table in job.all_epochs]
    asked = {role: fold.roles[role] for role in ("test", "train")}
    n_epochs = len(trained.watched)
    for epoch in range(n_epochs) if every else ():
        outputs = [trained.watched[epoch], trained.running[epoch]]
        answer = answer_of(np.concatenate(outputs), classes, job.task.positive_class, job.engine(trained.precision))
        of_epoch = replace(fold, repeat=fold.repeat * n_epochs + epoch)
        yield from labelled(job.task, every, about, asked, answer, of_epoch)


def answer_of(logits: NDArray[np.float32], classes: list[str], positive_class: str | None, engine: str) -> Answers:
    """Classes and their probabilities, of logits.

    Parameters
    ----------
    logits : ndarray of float32, shape (N, n_classes)
        In the order of the classes.
    classes : list of str
        Sorted.
    positive_class : str or None
        With two classes, the one whose probability is the score; not looked at with more.
    engine : str
        What computed them, with its version.
    """
    probabilities = torch.from_numpy(logits).double().softmax(1).numpy()
    predicted = np.array(classes, dtype=object)[logits.argmax(1)]
    if len(classes) == 2:
        probabilities = probabilities[:, [classes.index(str(positive_class))]]
    return Answers(classes, predicted, probabilities, engine)


def pixels(matrix: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images of a feature matrix, shape (N, size, size, 3)."""
    size = isqrt(matrix.shape[1] // 3)
    return matrix.reshape(len(matrix), size, size, 3)


def _read_codes(path: Path, fit: str) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """An autoencoder's code of every row, left in the file, and what is known of each image's reconstruction."""
    with hdf5_reader(path) as file:
        return map_dataset(path, file[fit][CODES]), {name: file[fit][name][:] for name in RECONSTRUCTED}


def _stamp(path: Path) -> tuple[str, int, int]:
    """What changes when a file is made anew."""
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns
