"""A system fitted on its rows: that of a fold as the run has it, or one on all rows that the rung allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler

from leukorepro.core.errors import UserError
from leukorepro.core.words import Device
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.exporting.reducers import fit_reducer
from leukorepro.inference.exporting.rows import TrainingRows
from leukorepro.inference.system import FittedSystem, Reducer
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kernels import Rows, StoredRows


def fit_system(
    choice: Choice, data: TrainingRows, *, device: Device = "auto", threads: int = 1, work: Path
) -> FittedSystem:
    """Fit the system of an item.

    Of a fold, reducers and networks are those that the run fitted, and the classifier is fitted on the same rows: what
    it says of the fold's tested rows is what the run says of them. Only trees that the run left to scikit-learn's
    extension (`fast_trees`) are others, for they cannot be kept.

    Parameters
    ----------
    choice : Choice
    data : TrainingRows
        Of the choice.
    device : {'auto', 'cpu', 'cuda'}
        Where autoencoders and networks are fitted and computed.
    threads : int
        No number depends on them.
    work : Path
        Folder of unfinished trainings; the caller removes it.

    Returns
    -------
    FittedSystem
        From the rows that its parts compute of images to classes and scores.

    Raises
    ------
    UserError
        If the classifier refuses the rows, or what the run fitted is not there or was fitted on other rows.
    """
    reducer = None if choice.item.reducer is None else fit_reducer(choice, data, device, work)
    spec = choice.classifier
    if isinstance(spec, Classifier):
        return _with_classifier(choice, data, spec, reducer, threads)
    from leukorepro.inference.exporting.trained_networks import network_classifier

    network, engine = network_classifier(choice, data, reducer, device, work)
    return FittedSystem(
        choice.parts, data.classes, choice.positive_class, "probability", engine, network, None, reducer
    )


def _with_classifier(
    choice: Choice, data: TrainingRows, spec: Classifier, reducer: Reducer | None, threads: int
) -> FittedSystem:
    rows: Rows = StoredRows(data.features.matrix, data.train)
    if reducer is not None:
        codes = reducer.transform(rows.matrix)
        rows = Rows(lambda: codes)
    scaler = StandardScaler().fit(rows.matrix) if spec.standardize else None
    if scaler is not None:
        scaled = scaler.transform(rows.matrix)
        rows = Rows(lambda: scaled)
    everything = np.arange(len(rows))
    settings = Settings(choice.run.seed, choice.run.budget, threads)
    way = spec.fitting(rows, everything, settings).kept(settings)
    try:
        fitted = way.unfitted().fit(way.given(rows, everything, everything), data.labels)
    except ValueError as error:
        raise UserError(f"{spec.title}: refuses the training rows: {error}") from error
    positive = choice.positive_class if len(data.classes) == 2 else None
    return FittedSystem(choice.parts, data.classes, positive, spec.scores, way.engine, fitted, scaler, reducer)
