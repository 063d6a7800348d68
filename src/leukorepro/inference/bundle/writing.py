"""Models to folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leukorepro.inference.bundle import estimators
from leukorepro.inference.bundle.description import (
    CARD,
    CARD_TEXT,
    CLASSIFIER,
    NETWORK,
    REDUCER,
    TRAINED_ON,
    UNLIKE,
    Description,
    ReducerOutline,
    SparseEncoderOutline,
)
from leukorepro.inference.bundle.folder import describe_files, write_folder
from leukorepro.inference.card import to_markdown
from leukorepro.inference.model import Model
from leukorepro.inference.outlines import ClassifierOutline
from leukorepro.inference.system import FittedSystem
from leukorepro.systems.autoencoders.encoder import Encoder


def write_model(model: Model, folder: Path, weights: Mapping[str, bytes] | None = None, *, force: bool = False) -> None:
    """Write a model to a folder of its own, whole or not at all.

    Parameters
    ----------
    model : Model
    folder : Path
        See `leukorepro.inference.bundle.folder.write_folder`.
    weights : mapping of str to bytes, optional
        Files that its sources have `stored`.
    force : bool
        Replace another model.

    Raises
    ------
    UserError
        If the folder cannot be written to, or the classifier has parts that would be refused when it is read.
    """
    files = dict(weights or {})
    reducer = _reducer(model.system, files)
    network = _classifier(model.system, files)
    if model.unlike is not None:
        files[UNLIKE] = _arrays(model.unlike.tensors())
    if model.trained_on is not None:
        files[TRAINED_ON] = _arrays({"digests": model.trained_on})
    files[CARD] = (model.card.model_dump_json(indent=2) + "\n").encode()
    listed = {name: (stored.sha256, stored.size) for name, stored in describe_files(files).items()}
    files[CARD_TEXT] = to_markdown(model.card, listed).encode()
    description = Description(
        sources=list(model.sources),
        classes=model.system.classes,
        positive_class=model.system.positive_class,
        label_set=model.label_set,
        scores=model.system.scores,
        engine=model.system.engine,
        reducer=reducer,
        network=network,
        calibration=model.calibration,
        threshold=model.threshold,
        files=describe_files(files),
    )
    write_folder(folder, files, description, force=force)


def _reducer(system: FittedSystem, files: dict[str, bytes]) -> ReducerOutline | None:
    """What the reducer is; its file is added to the others."""
    if system.reducer is None:
        return None
    if isinstance(system.reducer, Encoder):
        values = {field.name: getattr(system.reducer, field.name) for field in fields(Encoder)}
        files[REDUCER] = _arrays({name: value for name, value in values.items() if name != "stopped_by"})
        return SparseEncoderOutline(stopped_by=system.reducer.stopped_by)
    from safetensors.torch import save as save_tensors

    from leukorepro.inference.networks import NetworkEncoder, state_of

    assert isinstance(system.reducer, NetworkEncoder)
    files[REDUCER] = save_tensors(state_of(system.reducer.outline, system.reducer.module))
    return system.reducer.outline


def _classifier(system: FittedSystem, files: dict[str, bytes]) -> ClassifierOutline | None:
    """What the classifier is, if it is a network; its file is added to the others."""
    if hasattr(system.classifier, "predict"):
        files[CLASSIFIER] = estimators.to_bytes(system.classifier, system.scaler)
        return None
    from safetensors.torch import save as save_tensors

    from leukorepro.inference.networks import NetworkClassifier, state_of

    assert isinstance(system.classifier, NetworkClassifier)
    files[NETWORK] = save_tensors(state_of(system.classifier.outline, system.classifier.module))
    return system.classifier.outline


def _arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A file of tensors."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
