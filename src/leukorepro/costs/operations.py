"""What a network takes for one image: operations, values between its layers, parameters, length of its features.

torch counts them on its meta device, where nothing is computed. Those of the configurations of this project are kept in
`operations.csv`, so that a run can be estimated without an import of torch; `benchmarks/jobs.py` writes that table.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leukorepro.config.study.systems import ConvAutoencoderSpec, NetworkSpec
from leukorepro.core.words import Budget
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.specification import Backbone
from leukorepro.features.parts import ResolvedExtractor, Tuning

if TYPE_CHECKING:
    from torch import Tensor, nn

TABLE = Path(__file__).with_name("operations.csv")


class Network(NamedTuple):
    """What a network takes for one image."""

    gflop: float
    """Operations, in thousands of millions; a multiplication and an addition are two."""
    mvalues: float
    """Values that its layers put out, in millions."""
    mparameters: float
    """Learnables, in millions."""
    mkept: float
    """Those of them that are in memory, in millions: of a backbone, the ones up to the layer that is taken."""
    columns: int
    """Values that it ends in."""


class NotCounted(Exception):
    """A network that is not in the table, where torch is not to be imported."""


class Operations:
    """What networks take, by table or, where it has them not, by torch.

    Parameters
    ----------
    count : bool
        Whether torch may be imported for networks that the table does not have, which takes seconds.
    """

    def __init__(self, *, count: bool) -> None:
        self._count = count
        self.known = read_table()

    def of_extractor(self, part: ResolvedExtractor) -> Network:
        """A backbone as a whole, and the length of the layer that is taken.

        Raises
        ------
        NotCounted
            If it is not in the table and may not be counted.
        """
        name = f"{part.backbone}/{part.layer}@{part.input_size}"
        return self._find(name, lambda: _backbone(part.backbone, part.layer, part.input_size))

    def of_network(self, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int, budget: Budget) -> Network:
        """A network that is trained from random weights.

        Parameters
        ----------
        spec : NetworkSpec
            Its architecture, and its width at each budget.
        shape : tuple of int
            Of one image, (size, size, 3), or of one code, (dim,).
        n_classes : int
            Outputs.
        budget : {'demo', 'published'}
            Which width is taken.
        """
        width = spec.width[budget]
        size = "x".join(map(str, shape))
        name = f"{spec.architecture}@{size}, {n_classes} classes, width {width:g}"
        return self._find(name, lambda: _trained(spec, shape, n_classes, width))

    def of_autoencoder(self, spec: ConvAutoencoderSpec, size: int) -> Network:
        """An autoencoder of images.

        Parameters
        ----------
        spec : ConvAutoencoderSpec
            Its layers.
        size : int
            Side of the square images, pixels.
        """
        return self._find(f"{spec.kind}@{size}", lambda: _autoencoder(spec, size))

    def of_tuning(self, tuning: Tuning, n_classes: int) -> Network:
        """The part of a backbone that is trained further.

        Parameters
        ----------
        tuning : Tuning
            The backbone, its input size, and where the part that is trained begins.
        n_classes : int
            Outputs of its new last layer.
        """
        part = tuning.network
        name = f"{part.backbone} from {tuning.start}@{part.input_size}, {n_classes} classes"
        return self._find(name, lambda: _tuned(tuning, n_classes))

    def _find(self, name: str, count: Callable[[], Network]) -> Network:
        if name not in self.known:
            if not self._count:
                raise NotCounted(name)
            self.known[name] = count()
        return self.known[name]


def read_table() -> dict[str, Network]:
    """Networks by their names."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    amounts = [name for name in Network._fields if name != "columns"]
    return {
        row["network"]: Network(**{name: float(row[name]) for name in amounts}, columns=int(row["columns"]))
        for row in rows
    }


def known_columns(part: ResolvedExtractor) -> int | None:
    """Length of a layer that says it; None of a flattened map, whose length depends on the input."""
    return find_backbone(part.backbone).find_layer(part.layer).dim


def _backbone(name: str, layer: str, size: int) -> Network:
    """The complete network; what follows the layer that is taken is a small part of its operations."""
    from leukorepro.features.backbones.networks import count_features
    from leukorepro.features.backbones.tunable import outline

    backbone = find_backbone(name)
    complete = outline(backbone, 1000)
    counted = _counted(complete, (3, size, size))
    kept = _mparameters(_up_to(backbone, layer, complete))
    return counted._replace(mkept=kept, columns=count_features(backbone, layer, size))


def _up_to(backbone: Backbone, layer: str, complete: nn.Module) -> nn.Module:
    """What of a backbone is built where features of a layer are wanted."""
    from torchvision.models.feature_extraction import create_feature_extractor

    from leukorepro.features.backbones.cuts import cut, find_starts
    from leukorepro.features.backbones.tunable import steps_of

    taken = backbone.find_layer(layer)
    if taken.node is None:
        return complete
    if taken.before:
        steps = steps_of(backbone, complete)
        return cut(complete, steps, find_starts(complete, steps)[taken.node])[0]
    body: nn.Module = create_feature_extractor(complete, {taken.node: "features"}, suppress_diff_warning=True)
    return body


def _trained(spec: NetworkSpec, shape: tuple[int, ...], n_classes: int, width: float) -> Network:
    from leukorepro.systems.networks.registry import outline_network

    return _counted(outline_network(spec.architecture, shape, n_classes, width), shape, bytes_in=len(shape) == 3)


def _autoencoder(spec: ConvAutoencoderSpec, size: int) -> Network:
    from leukorepro.systems.networks.convolutional_autoencoder import code_size
    from leukorepro.systems.networks.registry import outline_autoencoder

    counted = _counted(outline_autoencoder(spec.pooling), (size, size, 3), bytes_in=True)
    return counted._replace(columns=code_size(size))


def _tuned(tuning: Tuning, n_classes: int) -> Network:
    from leukorepro.features.backbones.tunable import build_tunable, input_shape

    backbone, size = find_backbone(tuning.network.backbone), tuning.network.input_size
    network = build_tunable(backbone, tuning.start, None, n_classes, size).trained
    shape = tuple(input_shape(backbone, tuning.start, size))
    return _counted(network.to("meta"), shape)


def _counted(network: nn.Module, shape: tuple[int, ...], *, bytes_in: bool = False) -> Network:
    """What a network takes for one image of a shape; on the meta device."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    values = 0

    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal values
        values += output[0].numel() if isinstance(output, torch.Tensor) else 0

    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(note)
    image = torch.empty((1, *shape), dtype=torch.uint8 if bytes_in else torch.float32, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output: Tensor = network.eval()(image)
    parameters = _mparameters(network)
    return Network(counter.get_total_flops() / 1e9, values / 1e6, parameters, parameters, output[0].numel())


def _mparameters(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6
