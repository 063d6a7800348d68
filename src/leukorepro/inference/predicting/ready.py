"""A model made ready on this machine: from decoded images to decisions.

Images pass what they passed when the model's features were extracted: the same resizing, the same engines. torch is
imported only where something is computed with it: a network whose conversion is in the cache needs none.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.device import choose_device, full_precision, keep_freed_memory, may_have_gpu
from leukorepro.core.words import Device, Normalisation
from leukorepro.data.decoding.rgb import Pixels
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.specification import Interpolation
from leukorepro.features.engines.computer import Computer
from leukorepro.features.normalisation import normalised
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.features.preprocessing import resize
from leukorepro.inference.model import Model, decide
from leukorepro.inference.operating import Decisions
from leukorepro.systems.classifiers.tasks import Answers

BATCH = 32
"""Images per pass through a network, with torch, where nobody says how many."""

Inputs = tuple[NDArray[np.uint8], ...]
"""An image as each part of a system gets it, of shape (size, size, 3)."""


@dataclass(frozen=True, eq=False)
class Decided:
    """What a model says of some images.

    Attributes
    ----------
    inputs : tuple of ndarray of uint8, each of shape (n, size, size, 3)
        The images as each part of the system got them.
    rows : ndarray, shape (n, D)
        The system's input rows.
    answers : Answers
        Classes and scores.
    decisions : Decisions
        Predictions and probabilities.
    distances : ndarray of float64, shape (n,)
        How far each lies from the training images; more than 1 is unlike them. NaN where the model cannot tell.
    """

    inputs: Inputs
    rows: NDArray[Any]
    answers: Answers
    decisions: Decisions
    distances: NDArray[np.float64]


class ReadyModel:
    """A model with all that computes its rows, which several threads may ask at once.

    Parameters
    ----------
    model : Model
    computers : sequence of Computer
        One for each of its parts.
    batch : int or None
        Images that should be decided together; default: what suits the engines.
    """

    def __init__(self, model: Model, computers: Sequence[Computer], batch: int | None = None) -> None:
        self.model = model
        self.batch = batch or max(computer.block_rows for computer in computers)
        self._computers = computers
        self._forms = [_form(part) for part in model.system.parts]

    @property
    def workers(self) -> int:
        """Threads that should ask."""
        return max(computer.workers for computer in self._computers)

    @property
    def computed_by(self) -> list[str]:
        """Engine, device and precision of each part."""
        return [computer.description for computer in self._computers]

    def inputs(self, image: Pixels) -> Inputs:
        """An image, uint8 (height, width, 3), as each part of the system gets it."""
        made = {form: _as_wanted(image, form) for form in set(self._forms)}
        return tuple(made[form] for form in self._forms)

    def decide(self, images: Sequence[Inputs]) -> Decided:
        """What the model says of one image or more."""
        inputs = tuple(np.stack(of_part) for of_part in zip(*images, strict=True))
        parts = [computer.compute(block) for computer, block in zip(self._computers, inputs, strict=True)]
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        answers = self.model.system.answers(rows)
        unlike = self.model.unlike
        distances = np.full(len(rows), np.nan) if unlike is None else unlike.distances(rows)
        return Decided(inputs, rows, answers, decide(self.model, answers), distances)


@contextmanager
def ready(model: Model, *, device: Device = "auto", threads: int = 2, batch: int | None = None) -> Iterator[ReadyModel]:
    """Make a model ready.

    Parameters
    ----------
    model : Model
        Read from a folder.
    device : {'auto', 'cpu', 'cuda'}
        Where networks compute features.
    threads : int
        Workers; on a CPU each reads and computes.
    batch : int, optional
        Images that are decided together, in one pass through a network with torch; default: what suits the engines.

    Yields
    ------
    ReadyModel
        With its networks loaded, which are let go when the block ends.

    Raises
    ------
    UserError
        If the weights of a network are not to be had, or are not those that the model was fitted with; or if engine,
        device and precision do not go together.
    """
    if device == "cuda":
        choose_device(device)  # whatever computes the features: what was asked for is there, or it is said
    keep_freed_memory()
    with ExitStack() as stack:
        engine = _Engine(device, threads, batch or BATCH, stack)
        computers = [engine.computer(model, number) for number in range(len(model.system.parts))]
        yield ReadyModel(model, computers, batch)


class _Form(NamedTuple):
    """How a part gets its input."""

    size: int
    interpolation: Interpolation
    normalise: Normalisation | None


def _form(part: Part) -> _Form:
    own = part.interpolation if isinstance(part, ResolvedDescriptor) else find_backbone(part.backbone).interpolation
    return _Form(part.input_size, own, part.normalise)


def _as_wanted(image: Pixels, form: _Form) -> Pixels:
    coloured = image if form.normalise is None else normalised(image, form.normalise)
    return resize(coloured, form.size, form.interpolation)


@dataclass(frozen=True)
class _Engine:
    """What computes parts on this machine."""

    device: Device
    threads: int
    batch: int
    stack: ExitStack

    def computer(self, model: Model, number: int) -> Computer:
        """The computer of one of a model's parts."""
        part = model.system.parts[number]
        if isinstance(part, ResolvedDescriptor):
            from leukorepro.features.descriptors.describe import descriptor_computer

            return descriptor_computer(part, self.threads)
        if self._on_openvino(part):
            from leukorepro.features.engines.openvino_engine import kept_computer

            weights = model.sources[number].weights_sha256
            kept = kept_computer(part.id, weights, part.input_size, 1, self.threads, part.precision)
            if kept is not None:
                return kept
        return self._with_torch(part, model, number)

    def _on_openvino(self, part: ResolvedExtractor) -> bool:
        """Whether `choose_engine` takes OpenVINO, as far as that can be known without torch."""
        on_cpu = self.device == "cpu" or part.engine == "openvino" or not may_have_gpu()
        installed = importlib.util.find_spec("openvino") is not None
        return installed and on_cpu and self.device != "cuda" and part.engine != "torch"

    def _with_torch(self, part: ResolvedExtractor, model: Model, number: int) -> Computer:
        import torch

        from leukorepro.features.engines.choice import choose_engine, torch_computer
        from leukorepro.inference.extractors import feature_network

        chosen, target = choose_engine(part.engine, self.device, part.precision)
        torch.set_num_threads(self.threads)
        self.stack.enter_context(full_precision())
        network = feature_network(model, number)
        if chosen == "torch":
            return torch_computer(network, target, part.precision, self.threads, self.batch)
        from leukorepro.features.engines.openvino_engine import openvino_computer

        return openvino_computer(network, part.id, part.input_size, 1, self.threads, part.precision)
