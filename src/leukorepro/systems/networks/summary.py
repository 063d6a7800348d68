"""The networks that a study trains: layers, shapes and learnables at full size, beside the counts of its paper.

No weights are made and nothing is computed: torch's meta device works out shapes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd
import torch
from rich.table import Table
from rich.text import Text
from torch import Tensor, nn

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.items import Item
from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import ConvAutoencoderSpec, NetworkSpec
from leukorepro.core.errors import UserError
from leukorepro.core.words import Budget
from leukorepro.features.lookup import resolve_descriptor
from leukorepro.systems.networks.convolutional_autoencoder import code_size
from leukorepro.systems.networks.layers import count_learnables
from leukorepro.systems.networks.registry import outline_autoencoder, outline_network

FULL: Budget = "published"

OF_LAYER, OF_NETWORK = "learnables", "learnables_total"
"""Metrics of `config/published`. A network has its name there as its item; in a table that gives its total, the rows
with `learnables` are its layers, in order."""

YES_NO = {True: Text("yes", style="green"), False: Text("no", style="bold red"), None: Text("")}


@dataclass(frozen=True)
class Layer:
    """One use of a layer."""

    name: str
    kind: str
    """Class of torch or of `leukorepro.systems.networks`."""
    output_shape: tuple[int, ...]
    """Without the batch; maps as (channels, height, width)."""
    learnables: int
    """Weights and biases."""
    published: int | None = None
    """As the paper prints them, where it does."""


@dataclass(frozen=True)
class NetworkSummary:
    """A network from its input to its output."""

    architecture: str
    input_shape: tuple[int, ...]
    layers: list[Layer]
    learnables: int
    published: int | None
    """Learnables as the paper prints them, where it does."""
    equal: bool | None
    """Whether ours agree with the printed ones in every digit that is printed, layer by layer where layers are listed;
    None where nothing is printed."""


class _Wanted(NamedTuple):
    """A network that a study trains; two with one input and the same number of classes are the same network."""

    name: str
    architecture: str
    input_shape: tuple[int, ...]
    n_classes: int | None
    """None of an autoencoder."""

    @property
    def long_name(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        return f"{self.name}, {shape}" if self.n_classes is None else f"{self.name}, {shape}, {self.n_classes} classes"


def summarise(study: Study) -> dict[str, NetworkSummary]:
    """Every network and convolutional autoencoder of a study, at its published size.

    Parameters
    ----------
    study : Study

    Returns
    -------
    dict of str to NetworkSummary
        By the name of the classifier or reducer, in the order of the tables; what one is trained on follows the name
        where there are several inputs or numbers of classes. Empty if the study trains no network.

    Raises
    ------
    UserError
        If images are too small or their side does not suit the autoencoder, if the classes of the published dataset are
        not known, or if the table of published numbers is wrong.
    """
    outlines = {wanted: network for item, split in _trained(study) for wanted, network in _outlines(study, item, split)}
    names = [wanted.name for wanted in outlines]
    file = published_path(study.key)
    published = read_published(file) if outlines and file.is_file() else None
    return {
        wanted.name if names.count(wanted.name) == 1 else wanted.long_name: _summary(wanted, network, published)
        for wanted, network in outlines.items()
    }


def render(name: str, summary: NetworkSummary) -> Table:
    """A network as a table for the terminal.

    Parameters
    ----------
    name : str
        What the study calls the network.
    summary : NetworkSummary
        Its layers, with the learnables that the paper prints where it does.
    """
    title = f"{name} ({summary.architecture}), input {_shape(summary.input_shape)}"
    table = Table(title=title, title_justify="left", header_style="bold", show_footer=True)
    table.add_column("layer", "total")
    table.add_column("kind")
    table.add_column("output")
    table.add_column("learnables", f"{summary.learnables:,}", justify="right")
    if summary.equal is not None:
        rounded = summary.equal and summary.published != summary.learnables
        table.add_column("published", f"{'about ' if rounded else ''}{_count(summary.published)}", justify="right")
        table.add_column("equal", YES_NO[summary.equal])
    for layer in summary.layers:
        equal = None if layer.published is None else layer.published == layer.learnables
        compared: list[str | Text] = [] if summary.equal is None else [_count(layer.published), YES_NO[equal]]
        table.add_row(layer.name, layer.kind, _shape(layer.output_shape), f"{layer.learnables:,}", *compared)
    return table


def _trained(study: Study) -> Iterator[tuple[Item, str]]:
    """Items whose classifier is a network, each with its split."""
    for table in study.tables.values():
        for item in table.items:
            if isinstance(study.classifiers[item.classifier], NetworkSpec):
                yield item, table.split_of(item)


def _outlines(study: Study, item: Item, split: str) -> Iterator[tuple[_Wanted, nn.Module]]:
    """An item's autoencoder, if it has one, and its network, on the meta device."""
    (part,) = study.feature_sets[item.features]
    where = study_path(study.key)
    size = resolve_descriptor(study.descriptors[part], f"{where}: descriptors.{part}", FULL).input_size
    shape: tuple[int, ...] = (size, size, 3)
    network = study.classifiers[item.classifier]
    assert isinstance(network, NetworkSpec)
    n_classes = _n_classes(study, split)
    try:
        if item.reducer is not None:
            reducer = study.reducers[item.reducer]
            assert isinstance(reducer, ConvAutoencoderSpec)
            yield _Wanted(item.reducer, reducer.kind, shape, None), outline_autoencoder(reducer.pooling)
            shape = (code_size(size),)
        wanted = _Wanted(item.classifier, network.architecture, shape, n_classes)
        yield wanted, outline_network(network.architecture, shape, n_classes, network.width[FULL])
    except UserError as error:
        raise UserError(f"{where}: descriptors.{part}: {error}") from None


def _n_classes(study: Study, split: str) -> int:
    labels = study.splits[split].labels
    if labels is not None:
        return len(study.label_sets[labels].classes)
    known = {name: entry.classes for name, entry in ADAPTERS.items() if entry.classes}
    if study.published_dataset not in known:
        raise UserError(
            f"{study_path(study.key)}: splits.{split}: the classes of the dataset '{study.published_dataset}' are not "
            f"known before its images are; name a label set under `labels`. Known: {', '.join(known)}."
        )
    return len(known[study.published_dataset])


def _summary(wanted: _Wanted, network: nn.Module, published: pd.DataFrame | None) -> NetworkSummary:
    layers, total = _layers(network, wanted.input_shape), count_learnables(network)
    printed, equal = None, None
    if published is not None:
        totals = published[(published["metric"] == OF_NETWORK) & (published["item"] == wanted.name)]
        if len(totals):
            best = totals.sort_values("half_unit").iloc[0]  # the one that is printed with most digits
            printed, equal = round(best["value"]), bool(abs(total - best["value"]) <= best["half_unit"])
            listed = published[(published["metric"] == OF_LAYER) & (published["table"] == best["table"])]
            counts = [round(value) for value in listed["value"]]
            if len(counts) == len(layers):
                layers = [replace(layer, published=count) for layer, count in zip(layers, counts, strict=True)]
            if counts:
                equal = equal and counts == [layer.learnables for layer in layers]
    return NetworkSummary(wanted.architecture, wanted.input_shape, layers, total, printed, equal)


def _layers(network: nn.Module, input_shape: tuple[int, ...]) -> list[Layer]:
    """Layers in the order of their use; a rectifier that is used several times is there every time."""
    layers: list[Layer] = []

    def note(name: str, module: nn.Module, output: Tensor) -> None:
        layers.append(Layer(name, type(module).__name__, tuple(output.shape[1:]), count_learnables(module)))

    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, _, output, name=name: note(name, m, output))
    dtype = torch.uint8 if len(input_shape) == 3 else torch.float32
    network.eval()(torch.empty((1, *input_shape), dtype=dtype, device="meta"))
    return layers


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
