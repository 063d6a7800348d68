"""Trained networks of a system: a fold's as the run trained it, or trained again on all rows, by the study's recipe."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from leukorepro.config.run_files import how_to_finish
from leukorepro.config.study.systems import FineTunedSpec, NetworkSpec
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.errors import UserError
from leukorepro.core.tables.predictions import EPOCHS_TABLE
from leukorepro.core.words import Device
from leukorepro.features.fusion import FITTED_ON
from leukorepro.features.parts import Part, ResolvedExtractor, Tuning
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.exporting.rows import TrainingRows
from leukorepro.inference.networks import NetworkClassifier, NetworkEncoder, build
from leukorepro.inference.outlines import NetworkEncoderOutline, NetworkOutline, TunedOutline
from leukorepro.inference.system import Reducer
from leukorepro.run import plan
from leukorepro.run.digests import at_budget, digest
from leukorepro.run.paths import NetworkFolder
from leukorepro.systems.classifiers.tasks import Model, Task
from leukorepro.systems.fits import fine_tuned, network
from leukorepro.systems.fitted import ROWS, rows_digest
from leukorepro.systems.folds import Fold, Positions
from leukorepro.systems.training.network_features import CLASSES, read_weights, trained_on
from leukorepro.systems.training.network_fits import Build, NetworkJob, pixels, train_network
from leukorepro.systems.training.training import TRAINER_VERSION, Hardware

ENCODED_ROWS = 64
"""Images that are encoded at a time before a network is trained on their codes."""

NOTHING = np.empty(0, dtype=np.int64)


def network_classifier(
    choice: Choice, data: TrainingRows, reducer: Reducer | None, device: Device, work: Path
) -> tuple[NetworkClassifier, str]:
    """The network of an item, and what trained it.

    Parameters
    ----------
    choice : Choice
        Of an item whose classifier is a network.
    data : TrainingRows
    reducer : Reducer or None
        Whose codes the network sees.
    device : {'auto', 'cpu', 'cuda'}
        Where it is trained and applied.
    work : Path
        Folder of unfinished trainings: an export that was killed goes on there.

    Raises
    ------
    UserError
        If the network of a fold is wanted, and it is not there or was trained on other rows.
    """
    fitted = _Fitted(choice, data, choice.item.reducer, choice.item.classifier, device)
    rows, train = _images(data), data.train
    if reducer is not None:
        rows, train = _codes(reducer, data, work / "codes.npy")
    module = fitted.module(rows, train, work)
    return NetworkClassifier(fitted.outline(rows), module, data.classes, device), fitted.engine


def network_encoder(choice: Choice, data: TrainingRows, classifier: str, device: Device, work: Path) -> NetworkEncoder:
    """What a network of the study sees of images, whose features an item's reducer gives; see `network_classifier`.

    Parameters
    ----------
    choice : Choice
        Of an item whose reducer gives the features of a network.
    data : TrainingRows
        Rows that the system is fitted on.
    classifier : str
        Name of the network among the study's classifiers.
    device : {'auto', 'cpu', 'cuda'}
        Where it is trained and applied.
    work : Path
        Folder of unfinished trainings: an export that was killed goes on there.
    """
    fitted = _Fitted(choice, data, None, classifier, device)
    rows = _images(data)
    module = fitted.module(rows, data.train, work)
    outline = fitted.outline(rows)
    assert isinstance(outline, NetworkOutline)  # only networks of the registry give features
    last = CLASSES.removesuffix("bias")
    kept = {name: value for name, value in module.state_dict().items() if not name.startswith(last)}
    encoder = NetworkEncoderOutline(network=outline)
    return NetworkEncoder(encoder, build(encoder, kept), device)


@dataclass(frozen=True)
class _Fitted:
    """A network of a study, and what it is fitted on."""

    choice: Choice
    data: TrainingRows
    reducer: str | None
    classifier: str
    device: Device

    @property
    def spec(self) -> ClassifierTrainingSpec:
        spec = self.choice.study.study.classifiers[self.classifier]
        assert isinstance(spec, ClassifierTrainingSpec)
        return spec

    @property
    def hardware(self) -> Hardware:
        return Hardware(self.device, self.choice.run.precision)

    @property
    def engine(self) -> str:
        """What trains it."""
        return self.job.engine(self.hardware.used_precision)

    @property
    def folder(self) -> NetworkFolder:
        """What the run left of it."""
        choice = self.choice
        fit = plan.NetworkFit(choice.split, choice.item.features, self.reducer, self.classifier)
        return choice.folder.network(plan.training_rung(choice.study, fit, choice.rung), fit.id)

    @property
    def build(self) -> Build:
        """What builds it with its initial weights."""
        spec, run = self.spec, self.choice.run
        if isinstance(spec, NetworkSpec):
            return network.builder(spec, run.budget)
        tuning = self.choice.tuning
        assert tuning is not None
        return fine_tuned.builder(tuning, self.data.features.rows)

    @property
    def job(self) -> NetworkJob:
        choice = self.choice
        task = Task(
            study=choice.study.study.key,
            dataset=choice.study.dataset_id,
            protocol=choice.protocol,
            positive_class=choice.positive_class,
            items=[],
            label_set=choice.label_set,
        )
        model = Model(self.reducer, self.classifier)
        run = choice.run
        return NetworkJob(task, model, self.spec, self.build, frozenset(), run.seed, run.budget, self.hardware)

    def outline(self, rows: NDArray[Any]) -> NetworkOutline | TunedOutline:
        """What it is, on such rows."""
        spec, n_classes = self.spec, len(self.data.classes)
        if isinstance(spec, NetworkSpec):
            width = spec.width[self.choice.run.budget]
            shape = list(rows.shape[1:])
            return NetworkOutline(architecture=spec.architecture, input_shape=shape, n_classes=n_classes, width=width)
        assert self.choice.tuning is not None
        return TunedOutline(tuning=without_folders(self.choice.tuning), n_classes=n_classes)

    def module(self, rows: NDArray[Any], train: Positions, work: Path) -> nn.Module:
        """The network itself, in evaluation mode, on the CPU."""
        return self._trained(rows, train, work) if self.data.fold is None else self._of_the_run(rows, self.data.fold)

    def _of_the_run(self, rows: NDArray[Any], fold: Fold) -> nn.Module:
        weights, again = self.folder.weights, how_to_finish(self.choice.run.name)
        if not weights.is_file():
            raise UserError(f"{weights}: no such file; {again}.")
        told = trained_on(weights)
        if (told[FITTED_ON], told[ROWS].get(fold.name)) != (self.data.features.sha256, rows_digest(fold.train)):
            raise UserError(f"{weights}: the network of fold {fold.fold} was trained on other rows; {again}.")
        state = read_weights(weights, fold.name)
        if isinstance(self.spec, FineTunedSpec):
            module = self.build(rows, len(self.data.classes), self.choice.run.seed)
            module.load_state_dict(state)
            return module.eval()
        outline = self.outline(rows)
        return build(outline, state)

    def _trained(self, rows: NDArray[Any], train: Positions, work: Path) -> nn.Module:
        run, data = self.choice.run, self.data
        self._tell(len(train))
        targets = np.full(len(rows), -1)
        targets[train] = np.searchsorted(data.classes, data.labels)
        whole = Fold(0, 0, {"train": train, "validation": NOTHING, "test": NOTHING})
        told = [at_budget(self.spec, run.budget), run.seed, self.hardware.used_precision, TRAINER_VERSION]
        identity = digest(told, version("torch"), data.features.sha256, rows_digest(data.train), self.reducer)
        job = self.job
        checkpoint = work / self.classifier / "all"
        return train_network(job, rows, targets, len(data.classes), whole, checkpoint, identity, keep="none").network

    def _tell(self, n_rows: int) -> None:
        """Say what is trained and, by what a fold took, for about how long."""
        line = f"{self.classifier}: trained on all {n_rows:,} rows, {self.spec.epochs[self.choice.run.budget]} epochs"
        if self.folder.epochs.is_file():
            epochs = EPOCHS_TABLE.read(self.folder.epochs)
            first = epochs[(epochs["repeat"] == 0) & (epochs["fold"] == epochs["fold"].min())]
            line += f"; a fold took the run {first['seconds'].sum():,.0f} s on {first['machine'].iloc[0]}"
        print(line, flush=True)


def without_folders(tuning: Tuning) -> Tuning:
    """A tuning that names a user's own file of weights without the folder that it lies in."""

    def alone(part: Part) -> Part:
        if not isinstance(part, ResolvedExtractor) or not part.weights.startswith("file:"):
            return part
        return part.model_copy(update={"weights": f"file:{Path(part.weights.removeprefix('file:')).name}"})

    return tuning.model_copy(update={"network": alone(tuning.network), "input": alone(tuning.input)})


def _images(data: TrainingRows) -> NDArray[Any]:
    """Rows of the feature file as networks take them."""
    matrix = data.features.matrix
    return pixels(matrix) if matrix.dtype == np.uint8 else matrix


def _codes(reducer: Reducer, data: TrainingRows, path: Path) -> tuple[NDArray[np.float32], Positions]:
    """Codes of the training rows, in a file, since they may be more than memory holds; of a fold, of one row alone."""
    matrix, train = data.features.matrix, data.train
    if data.fold is not None:
        return reducer.transform(matrix[train[:1]]), NOTHING
    first = reducer.transform(matrix[train[:1]])
    path.parent.mkdir(parents=True, exist_ok=True)
    codes = np.lib.format.open_memmap(path, "w+", np.float32, (len(train), *first.shape[1:]))
    for start in range(0, len(train), ENCODED_ROWS):
        codes[start : start + ENCODED_ROWS] = reducer.transform(matrix[train[start : start + ENCODED_ROWS]])
    return codes, np.arange(len(train))
