"""Trained networks as reducers and classifiers: built by an outline, filled with weights, applied to rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from leukorepro.core.words import Device
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.tunable import TunableNetwork, build_tunable
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.inference.outlines import (
    ConvEncoderOutline,
    NetworkEncoderOutline,
    NetworkOutline,
    TunedOutline,
)
from leukorepro.systems.classifiers.tasks import Answers
from leukorepro.systems.networks.layers import ScalePixels, without_last_layer
from leukorepro.systems.networks.registry import outline_autoencoder, outline_network
from leukorepro.systems.training.network_fits import answer_of, pixels
from leukorepro.systems.training.training import Hardware, predict

BATCH_ROWS = 8
"""Rows that are computed together; no output depends on the others of a batch."""

Outline = ConvEncoderOutline | NetworkEncoderOutline | NetworkOutline | TunedOutline
State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class NetworkEncoder:
    """A network whose outputs are codes.

    Attributes
    ----------
    outline : ConvEncoderOutline or NetworkEncoderOutline
    module : Module
        In evaluation mode, on the CPU: rows as networks take them to codes (n, n_codes).
    device : {'auto', 'cpu', 'cuda'}
        Where it is computed.
    """

    outline: ConvEncoderOutline | NetworkEncoderOutline
    module: nn.Module = field(repr=False)
    device: Device = "auto"

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Codes (N, n_codes) of images, uint8 (N, 3 * size * size)."""
        return outputs(self.module, X, self.device)


@dataclass(frozen=True, eq=False)
class NetworkClassifier:
    """A network whose outputs are logits of classes.

    Attributes
    ----------
    outline : NetworkOutline or TunedOutline
    module : Module
        In evaluation mode, on the CPU: rows as networks take them to logits (n, n_classes).
    classes : list of str
        In the order of the logits.
    device : {'auto', 'cpu', 'cuda'}
        Where it is computed.
    """

    outline: NetworkOutline | TunedOutline
    module: nn.Module = field(repr=False)
    classes: list[str]
    device: Device = "auto"

    def answers(self, rows: NDArray[Any], positive_class: str | None, engine: str) -> Answers:
        """What it says of rows.

        Parameters
        ----------
        rows : ndarray, shape (N, D)
            Images as uint8, codes or feature maps as float32.
        positive_class : str or None
            The class whose probability is the score; None where there are more than two.
        engine : str
            What computes it, with its version, as answers name it.
        """
        return answer_of(outputs(self.module, rows, self.device), self.classes, positive_class, engine)


def outputs(module: nn.Module, rows: NDArray[Any], device: Device) -> NDArray[np.float32]:
    """Outputs of a network for rows of a feature file.

    Parameters
    ----------
    module : Module
        From images or codes to outputs.
    rows : ndarray, shape (N, D)
        Images as uint8, codes or feature maps as float32.
    device : {'auto', 'cpu', 'cuda'}
        Where it is computed.

    Returns
    -------
    ndarray of float32, shape (N, n)
    """
    taken = pixels(rows) if rows.dtype == np.uint8 else rows
    return predict(module, taken, np.arange(len(taken)), BATCH_ROWS, Hardware(device))


def build(outline: Outline, state: State) -> nn.Module:
    """The network of an outline with its weights.

    Parameters
    ----------
    outline : Outline
        Kind, shapes and settings of the network.
    state : mapping of str to Tensor
        All its weights, as `state_of` gives them.

    Returns
    -------
    Module
        In evaluation mode.

    Raises
    ------
    RuntimeError
        If the weights are those of another network; torch says which are missing, unexpected or of another shape.
    """
    if isinstance(outline, TunedOutline):
        return _tuned(outline, state)
    module = _empty(outline)
    for name, layer in module.named_modules():
        if isinstance(layer, ScalePixels) and (mean := state.get(f"{name}.mean")) is not None:
            layer.mean = mean
    module.load_state_dict(state, assign=True)
    return module.eval()


def state_of(outline: Outline, module: nn.Module) -> dict[str, Tensor]:
    """All weights of a network, by which `build` makes it again.

    Parameters
    ----------
    outline : Outline
        Kind, shapes and settings of the network; it says whether a frozen half belongs to it.
    module : Module
        The network.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    if isinstance(module, TunableNetwork) and module.frozen is not None and _sees_images(outline):
        state |= {f"{FROZEN}{name}": value.contiguous() for name, value in module.frozen.state_dict().items()}
    return state


FROZEN = "frozen."
"""What the names begin with of the weights that a further training left as they were."""


def _sees_images(outline: Outline) -> bool:
    """Whether a tuned network computes its frozen half, too; otherwise an extractor does."""
    return isinstance(outline, TunedOutline) and isinstance(outline.tuning.input, ResolvedDescriptor)


def _tuned(outline: TunedOutline, state: State) -> nn.Module:
    network = outline.tuning.network
    module = build_tunable(
        find_backbone(network.backbone),
        outline.tuning.start,
        None,
        outline.n_classes,
        network.input_size,
        preprocessing=network.preprocessing,
    )
    own = {name: value for name, value in state.items() if not name.startswith(FROZEN)}
    module.load_state_dict(own)
    if module.frozen is not None and _sees_images(outline):
        module.frozen.load_state_dict(
            {name.removeprefix(FROZEN): value for name, value in state.items() if name not in own}
        )
    return module


def _empty(outline: ConvEncoderOutline | NetworkEncoderOutline | NetworkOutline) -> nn.Module:
    if isinstance(outline, ConvEncoderOutline):
        return outline_autoencoder(outline.pooling).encoder
    network = outline if isinstance(outline, NetworkOutline) else outline.network
    module = outline_network(network.architecture, tuple(network.input_shape), network.n_classes, network.width)
    return module if outline is network else without_last_layer(module)
