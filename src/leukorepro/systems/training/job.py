"""The job of a network: trained in every fold of a split, and its files written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd

from leukorepro.core.store import sha256_once, write_tensors
from leukorepro.core.tables.predictions import ENGINES, EPOCHS_TABLE, PARTS_TABLE
from leukorepro.core.words import Device
from leukorepro.data.copies.ties import tied_by
from leukorepro.data.manifest import read_manifest
from leukorepro.data.split_tables import read_splits_of
from leukorepro.features.fusion import FITTED_ON
from leukorepro.features.identity import check_features
from leukorepro.run.paths import NetworkFolder
from leukorepro.run.specifications.fits import TrainingFit
from leukorepro.systems.classifiers.tasks import Model, Task
from leukorepro.systems.fitted import ROWS
from leukorepro.systems.training.network_fits import TRAINED_ON, Build, NetworkJob, fit_network
from leukorepro.systems.training.training import Hardware


def train_in_folds(told: TrainingFit, build: Build, threads: int, device: Device, codes: Path | None = None) -> None:
    """Train a network in every fold of a split, and write what it predicts; continues if it was killed.

    Parameters
    ----------
    told : TrainingFit
    build : callable
        See `Build`.
    threads : int
        That read rows ahead.
    device : {'auto', 'cpu', 'cuda'}
        Where it is trained.
    codes : Path, optional
        Fitted autoencoder whose code the network sees.
    """
    task = Task(
        study=told.study,
        dataset=told.dataset,
        protocol=told.protocol,
        positive_class=told.positive_class,
        items=told.items,
        label_set=told.label_set,
        fitted_tables=frozenset(told.fitted_tables),
    )
    job = NetworkJob(
        task,
        Model(told.reducer, told.classifier),
        told.network,
        build,
        all_epochs=frozenset(told.all_epochs),
        seed=told.seed,
        budget=told.budget,
        hardware=Hardware(device, told.precision, threads),
    )
    check_features(told.features, told.parts, told.manifest)
    work = told.folder.with_name(f".{told.folder.name}.work")
    manifest = read_manifest(told.manifest)
    splits = read_splits_of(manifest, told.splits, told.protocol)
    done = fit_network(job, told.features, splits, tied_by(manifest, told.duplicates), codes, work)
    folder = NetworkFolder(told.folder)
    EPOCHS_TABLE.write(done.epochs, folder.epochs)
    weights = {name: value.contiguous() for name, value in done.weights.items()}
    trained_on = {FITTED_ON: sha256_once(told.features), ROWS: done.rows}
    write_tensors(weights, {TRAINED_ON: json.dumps(trained_on)}, folder.weights)
    parts = pd.concat([done.predictions.assign(protocol=rung) for rung in told.served_rungs], ignore_index=True)
    engines = {ENGINES: json.dumps({told.classifier: done.engines})}
    PARTS_TABLE.write(parts, folder.predictions, engines)
    shutil.rmtree(work)
