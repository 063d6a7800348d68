"""Folders to models. Whatever a folder holds, reading it runs no code of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from leukorepro.core.errors import UserError
from leukorepro.core.validation import parse
from leukorepro.core.words import Device
from leukorepro.features.parts import Part, ResolvedExtractor
from leukorepro.inference.bundle import estimators
from leukorepro.inference.bundle.description import (
    CARD,
    CLASSIFIER,
    NETWORK,
    REDUCER,
    TRAINED_ON,
    UNLIKE,
    Description,
    SparseEncoderOutline,
)
from leukorepro.inference.bundle.estimators import AGAIN
from leukorepro.inference.bundle.folder import read_description, read_files
from leukorepro.inference.card import Card
from leukorepro.inference.model import Model
from leukorepro.inference.system import FittedSystem, Reducer
from leukorepro.inference.unlike import Unlike
from leukorepro.systems.autoencoders.encoder import Encoder

T = TypeVar("T")

ENCODER = {"x_min": "D", "x_range": "D", "weight": "KD", "bias": "K", "loss": "E", "gradient_norm": "E"}
DISTANCES = {"mean": "D", "scale": "D", "components": "KD", "variances": "K", "noise": "1", "held_out": "N"}
"""Arrays of a sparse encoder, and of what flags unlike images: axes of one letter are of one size."""


def read_model(folder: Path, device: Device = "auto") -> Model:
    """Read a model.

    Parameters
    ----------
    folder : Path
        As `write_folder` wrote it.
    device : {'auto', 'cpu', 'cuda'}
        Where its networks are computed.

    Returns
    -------
    Model
        With its weights in memory; nothing of it is computed yet.

    Raises
    ------
    UserError
        If a file is missing, changed, of a newer version or of another kind; it is named.
    """
    description = read_description(folder)
    files = read_files(folder, description.files)
    needed = [CARD, NETWORK if description.network else CLASSIFIER, *([REDUCER] if description.reducer else [])]
    needed += [source.stored for source in description.sources if source.stored]
    if lacking := [name for name in needed if name not in files]:
        raise UserError(f"{folder / lacking[0]}: not among the model's files; {AGAIN}.")
    if description.network is None:
        classifier, scaler = estimators.from_bytes(files[CLASSIFIER], folder / CLASSIFIER)
        if list(getattr(classifier, "classes_", ())) != description.classes:
            raise UserError(f"{folder / CLASSIFIER}: tells other classes apart than model.json names; {AGAIN}.")
    else:
        classifier, scaler = _network(description, files, folder, device), None
    system = FittedSystem(
        parts=tuple(_part(folder, source.part, source.stored, description) for source in description.sources),
        classes=description.classes,
        positive_class=description.positive_class,
        scores=description.scores,
        engine=description.engine,
        classifier=classifier,
        scaler=scaler,
        reducer=_reducer(description, files, folder, device),
    )
    return Model(
        folder=folder,
        system=system,
        sources=tuple(description.sources),
        calibration=description.calibration,
        threshold=description.threshold,
        card=_card(files[CARD], folder / CARD),
        unlike=_unlike(files, folder / UNLIKE),
        label_set=description.label_set,
        trained_on=_trained_on(files, folder / TRAINED_ON),
    )


def _part(folder: Path, part: Part, stored: str, description: Description) -> Part:
    """A part as it can be computed: a user's own weights are those in the folder."""
    if not isinstance(part, ResolvedExtractor) or not part.weights.startswith("file:"):
        return part
    update = {"weights": f"file:{folder / stored}", "file_sha256": description.files[stored].sha256}
    return part.model_copy(update=update)


def _reducer(description: Description, files: Mapping[str, bytes], folder: Path, device: Device) -> Reducer | None:
    outline, path = description.reducer, folder / REDUCER
    if outline is None:
        return None
    if isinstance(outline, SparseEncoderOutline):
        arrays = _tensors(load, files[REDUCER], path)
        return _made(lambda: Encoder(**_shaped(arrays, ENCODER), stopped_by=outline.stopped_by), path)
    from safetensors.torch import load as load_tensors

    from leukorepro.inference.networks import NetworkEncoder, build

    state = _tensors(load_tensors, files[REDUCER], path)
    return _made(lambda: NetworkEncoder(outline, build(outline, state), device), path)


def _unlike(files: Mapping[str, bytes], path: Path) -> Unlike | None:
    if UNLIKE not in files:
        return None
    arrays = _tensors(load, files[UNLIKE], path)
    return _made(lambda: Unlike.from_tensors(_shaped(arrays, DISTANCES)), path)


def _trained_on(files: Mapping[str, bytes], path: Path) -> NDArray[np.uint64] | None:
    if TRAINED_ON not in files:
        return None
    digests: NDArray[np.uint64] | None = _tensors(load, files[TRAINED_ON], path).get("digests")
    if digests is None or digests.dtype != np.uint64 or digests.ndim != 1:
        raise UserError(f"{path}: holds no digests of images; {AGAIN}.")
    return digests


def _network(description: Description, files: Mapping[str, bytes], folder: Path, device: Device) -> Any:
    from safetensors.torch import load as load_tensors

    from leukorepro.inference.networks import NetworkClassifier, build

    outline, path = description.network, folder / NETWORK
    assert outline is not None
    state = _tensors(load_tensors, files[NETWORK], path)
    return _made(lambda: NetworkClassifier(outline, build(outline, state), description.classes, device), path)


def _tensors(load: Callable[[bytes], dict[str, Any]], content: bytes, path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError

    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not a readable file of tensors ({error}); {AGAIN}.") from None


def _shaped(arrays: dict[str, Any], axes: Mapping[str, str]) -> dict[str, Any]:
    """The arrays, whose shapes go together.

    Raises
    ------
    KeyError
        If one is missing.
    ValueError
        If one is empty, or its shape does not go with the others.
    """
    sizes: dict[str, int] = {}
    for name, letters in axes.items():
        shape = arrays[name].shape
        fits = len(shape) == len(letters) and 0 not in shape
        if not fits or any(sizes.setdefault(*axis) != axis[1] for axis in zip(letters, shape, strict=True)):
            raise ValueError(f"{name} is of shape {shape}")
    return arrays


def _made(make: Callable[[], T], path: Path) -> T:
    """What is made of tensors, which must be those of what `model.json` describes."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"{path}: holds other weights than model.json describes ({told}); {AGAIN}.") from None


def _card(content: bytes, path: Path) -> Card:
    try:
        value = json.loads(content)
    except ValueError:
        raise UserError(f"{path}: not valid JSON; {AGAIN}.") from None
    return parse(Card, value, path)
