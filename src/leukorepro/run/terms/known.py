"""Licence and citation of every dataset and of all weights that have a name here: one table, from their registries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.datasets import DatasetBase
from leukorepro.features.backbones.registry import BACKBONES, title_of
from leukorepro.features.backbones.specification import NOT_STATED, TimmWeights

IMAGENET = (
    "All of these weights were trained on ImageNet, whose images were released for research that is not commercial; "
    "what follows for the weights is not settled."
)
"""As timm's description says (Pretrained Weights)."""


class Terms(NamedTuple):
    """Terms of one dataset, or of one network's weights."""

    kind: Literal["dataset", "weights"]
    name: str
    """As a configuration names it: the adapter, or the backbone."""
    title: str
    licence: str
    citation: str


def known_terms() -> Iterator[Terms]:
    """Of every published dataset that has an adapter, and of every backbone in the registry."""
    for name, entry in ADAPTERS.items():
        if (terms := terms_of_dataset(name, entry)) is not None:
            yield terms
    yield from map(terms_of_weights, BACKBONES)


def terms_of_dataset(name: str, dataset: DatasetBase | type[DatasetBase]) -> Terms | None:
    """Of a dataset; None of images of one's own, and of simulated ones.

    Parameters
    ----------
    name : str
        Its adapter.
    dataset : DatasetBase, or a class of it
        As a configuration describes it, or the adapter's entry.
    """
    if (publication := dataset.publication) is not None:
        citation = f"{publication.citation}, doi {publication.doi}"
        return Terms("dataset", name, publication.title, publication.licence, citation)
    how_to_get = getattr(dataset, "how_to_get", "") if dataset.classes else ""
    return Terms("dataset", name, name, NOT_STATED, f"none known; {how_to_get}") if how_to_get else None


def terms_of_weights(backbone: str) -> Terms:
    """Of a backbone's ImageNet weights; of any network of timm without importing it."""
    entry = BACKBONES.get(backbone)
    if entry is None:
        return Terms("weights", backbone, title_of(backbone), TimmWeights.licence, "as timm's page of the network says")
    return Terms("weights", backbone, entry.title, entry.weights.licence, entry.paper)
