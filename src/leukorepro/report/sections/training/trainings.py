"""Reading what trainings left behind: losses of reducers, pictures of autoencoders, epochs of networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config.study.systems import ConvAutoencoderSpec, TrainedFeaturesSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader
from leukorepro.core.tables.predictions import EPOCHS_TABLE, RECONSTRUCTION
from leukorepro.ladder.rungs import Rung
from leukorepro.report.numbers.selection import shown_rungs
from leukorepro.run.paths import StudyFolder
from leukorepro.run.plan import NetworkFit, networks_of, training_rung
from leukorepro.run.resolved import ResolvedStudy

PARTS = ("train", "test")
MEASURES = ("loss", "accuracy")


class Reduction(NamedTuple):
    """A reducer, fitted on a feature set for a split."""

    split: str
    features: str
    reducer: str

    @property
    def title(self) -> str:
        """The reducer and what it reduces, in words."""
        return f"{self.reducer} of {self.features}"


@dataclass(frozen=True)
class Fit:
    """One training of a reducer."""

    rung: Rung
    name: str
    """`all`, or the repeat and fold."""
    loss: list[float]
    """After every epoch; of sparse autoencoders also at the start."""
    stopped_by: str
    first_epoch: int
    """Of the losses: 0 where the first is that at the start, else 1."""

    @property
    def n_epochs(self) -> int:
        """Epochs that were trained."""
        return len(self.loss) - 1 + self.first_epoch


@dataclass(frozen=True, eq=False)
class Samples:
    """Images and their reconstructions by one fit."""

    rung: Rung
    seen: bool
    """Whether the fit was trained on them."""
    images: NDArray[np.uint8]
    """Shape (k, 2, size, size, 3): original and reconstruction."""

    @property
    def correlation(self) -> list[float]:
        """Of each image and its reconstruction, over pixels and channels; NaN where one of the two is of one value."""
        pairs = self.images.reshape(len(self.images), 2, -1).astype(np.float64)
        first, second = np.moveaxis(pairs - pairs.mean(2, keepdims=True), 1, 0)
        with np.errstate(invalid="ignore"):
            shared = (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))
        return [float(value) for value in shared]


@dataclass(frozen=True)
class Trainings:
    """The trainings of one study."""

    reducers: dict[Reduction, list[Fit]]
    """Fits of every reducer, rungs in the ladder's order."""
    samples: dict[Reduction, list[Samples]]
    """Of every convolutional autoencoder, by the first fit of each rung that is drawn."""
    correlations: dict[Reduction, dict[Rung, pd.Series]]
    """Of every convolutional autoencoder and rung, one for every tested row, by its class in the paper's words."""
    networks: dict[NetworkFit, pd.DataFrame]
    """Column `protocol` and those of an `EPOCHS_TABLE`; rungs in the ladder's order, each under the rung whose training
    serves it."""


def network_titles(fits: Iterable[NetworkFit]) -> dict[NetworkFit, str]:
    """What each network is called: its classifier, and whatever else tells it from the others."""
    fits = list(fits)
    names: dict[NetworkFit, str] = {}
    for fit in fits:
        alike = [other for other in fits if other.classifier == fit.classifier]
        code = f" on the code of {fit.reducer}" if fit.reducer is not None else ""
        features = f" on {fit.features}" if len({other.features for other in alike}) > 1 else ""
        split = f", {fit.split}" if len({other.split for other in alike}) > 1 else ""
        names[fit] = f"{fit.classifier}{code}{features}{split}"
    return names


def read_trainings(study: ResolvedStudy, folder: StudyFolder, predictions: Mapping[Rung, pd.DataFrame]) -> Trainings:
    """Read what the trainings of a study left behind.

    Parameters
    ----------
    study : ResolvedStudy
    folder : StudyFolder
        The study's results.
    predictions : mapping from rung to DataFrame
        Of tested rows.

    Returns
    -------
    Trainings
        Losses, reconstructions and epochs, by reducer and network.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be.
    """
    systems: dict[Reduction, tuple[str, str]] = {}
    for number, table in study.study.tables.items():
        for item in table.items:
            # Features of a network have no training but the network's.
            if item.reducer is not None and not isinstance(study.study.reducers[item.reducer], TrainedFeaturesSpec):
                reduction = Reduction(table.split_of(item), item.features, item.reducer)
                systems.setdefault(reduction, (number, item.item))
    convolutional = [r for r in systems if isinstance(study.study.reducers[r.reducer], ConvAutoencoderSpec)]

    def file(reduction: Reduction, rung: Rung) -> Path:
        return folder.reducer(rung, reduction.split, reduction.features, reduction.reducer)

    return Trainings(
        reducers={
            reduction: [
                fit
                for rung in study.protocols
                for fit in _fits(file(reduction, rung), rung, reduction in convolutional)
            ]
            for reduction in systems
        },
        samples={r: [_samples(file(r, rung), rung) for rung in shown_rungs(study)] for r in convolutional},
        correlations={
            reduction: {rung: _correlations(frame, *systems[reduction], study) for rung, frame in predictions.items()}
            for reduction in convolutional
        },
        networks={fit: _epochs(study, folder, name, fit) for name, fit in networks_of(study).items()},
    )


def _fits(path: Path, rung: Rung, convolutional: bool) -> list[Fit]:
    with hdf5_reader(path) as file:
        return [
            Fit(rung, name, group["loss"][:].tolist(), str(group.attrs["stopped_by"]), int(convolutional))
            for name, group in _groups(file)
        ]


def _groups(file: h5py.File) -> list[tuple[str, Any]]:
    """The fits of a reducer; what lies beside them says what the rows of its codes are."""
    return [(name, group) for name, group in sorted(file.items()) if isinstance(group, h5py.Group)]


def _samples(path: Path, rung: Rung) -> Samples:
    with hdf5_reader(path) as file:
        _, group = _groups(file)[0]
        # Images that a fit was not trained on are shown, as long as there are any.
        return Samples(rung, int(group.attrs["n_rows"]) == len(file["image_id"]), group["samples"][:])


def _correlations(predictions: pd.DataFrame, table: str, item: str, study: ResolvedStudy) -> pd.Series:
    if RECONSTRUCTION not in predictions:
        raise UserError(
            f"predictions of {table}/{item}: no column {RECONSTRUCTION}; train the networks on its code again."
        )
    rows = predictions[(predictions["table"] == table) & (predictions["item"] == item)]
    called = [study.study.class_names.get(label, label) for label in rows["y_true"]]
    return rows[RECONSTRUCTION].astype(np.float64).set_axis(called)


def _epochs(study: ResolvedStudy, folder: StudyFolder, name: str, fit: NetworkFit) -> pd.DataFrame:
    rungs = dict.fromkeys(training_rung(study, fit, rung) for rung in study.protocols)
    logs = [EPOCHS_TABLE.read(folder.network(rung, name).epochs).assign(protocol=rung) for rung in rungs]
    return pd.concat(logs, ignore_index=True)[["protocol", *EPOCHS_TABLE.columns]]
