"""An item of a finished run as a model: fitted, described by what the run measured of it, and written."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

from leukorepro.core.store import hdf5_reader
from leukorepro.core.words import Device
from leukorepro.features.fusion import read_headers
from leukorepro.inference.bundle.folder import check_place
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.card import Card
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.exporting.described import caveats, in_words, origin, training_data
from leukorepro.inference.exporting.fitting import fit_system
from leukorepro.inference.exporting.measured import calibrate, choose_threshold, out_of_fold, performance
from leukorepro.inference.exporting.rows import TrainingRows, training_rows
from leukorepro.inference.exporting.sources import find_sources
from leukorepro.inference.model import Model
from leukorepro.inference.other_datasets import other_datasets
from leukorepro.inference.training_images import image_digests
from leukorepro.inference.unlike import MOST_ROWS, MOST_VALUES, Unlike, fit_unlike, spread_rows

RESAMPLED = "groups of images that share a subject or a source"


def export(
    choice: Choice,
    folder: Path,
    *,
    sensitivity: float | None = None,
    device: Device = "auto",
    threads: int = 1,
    force: bool = False,
) -> Model:
    """Fit the system of an item and write it with all that is needed to use it and to judge it.

    Parameters
    ----------
    choice : Choice
    folder : Path
        See `leukorepro.inference.bundle.folder.write_folder`. Trainings that were interrupted go on where they were.
    sensitivity : float, optional
        Asks for the threshold with this sensitivity.
    device : {'auto', 'cpu', 'cuda'}
        Where networks are trained and applied.
    threads : int
        That read images and fit; no number depends on them.
    force : bool
        Replace another model.

    Returns
    -------
    Model
        As it was written.

    Raises
    ------
    UserError
        If the run is not finished, its files are not what it made, or the folder cannot be written to.
    """
    check_place(folder, force=force)
    rungs = performance(choice)
    data = training_rows(choice)
    tested = out_of_fold(choice)
    threshold = None if sensitivity is None else choose_threshold(tested, sensitivity, choice.rung)
    calibration = calibrate(tested)
    found = list(find_sources(choice, threads))
    work = folder.with_name(f".{folder.name}.work")
    system = fit_system(choice, data, device=device, threads=threads, work=work)
    fitted_on = training_data(choice, data)
    unlike, features = _unlike(choice, data), choice.results.features(choice.study.dataset_id)
    model = Model(
        folder=folder,
        system=system,
        sources=tuple(source for source, _ in found),
        calibration=calibration,
        threshold=threshold,
        card=Card(
            name=choice.name,
            origin=origin(choice),
            system=in_words(choice, system, flagged=unlike is not None),
            caveats=caveats(choice),
            classes=system.classes,
            positive_class=system.positive_class,
            training=fitted_on,
            resampled=RESAMPLED,
            average=choice.study.study.tables[choice.table].average,
            rungs=rungs,
            calibration=calibration,
            threshold=threshold,
            told_apart={} if unlike is None else other_datasets(unlike, choice.parts, features),
            versions={name: version(name) for name in ("leukorepro", "numpy", "scikit-learn", "torch")},
        ),
        unlike=unlike,
        label_set=choice.label_set,
        trained_on=np.unique(image_digests(data.sha256, fitted_on)),
    )
    stored = {source.stored: content for source, content in found if content is not None}
    write_model(model, folder, stored, force=force)
    shutil.rmtree(work, ignore_errors=True)
    return model


def _unlike(choice: Choice, data: TrainingRows) -> Unlike | None:
    """What flags images that are unlike the original training images; None where these are of one group."""
    matrix, originals = data.features.matrix, data.originals
    most = min(MOST_ROWS, MOST_VALUES * np.dtype(np.float32).itemsize // (matrix.shape[1] * matrix.dtype.itemsize))
    kept = originals[spread_rows(len(originals), most)]
    group = data.group[kept]
    if len(np.unique(group)) < 2:
        return None
    return fit_unlike(matrix[data.train[kept]], group, _columns(choice.features))


def _columns(features: Path) -> list[int]:
    """Number of columns of each part of a feature file."""
    columns = []
    for file, _ in read_headers(features):
        with hdf5_reader(file) as opened:
            matrix: h5py.Dataset = opened["features"]
            columns.append(int(matrix.shape[1]))
    return columns
