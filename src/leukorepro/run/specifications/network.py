"""What a network is trained by, and whose predictions it gives."""

from __future__ import annotations

from leukorepro.config.items import Item
from leukorepro.config.schemes import LabelSet, Protocol
from leukorepro.config.systems import NetworkSpec
from leukorepro.core.words import Budget, Precision
from leukorepro.ladder.rungs import Rung
from leukorepro.run.specifications.specification import Specification


class NetworkSpecification(Specification):
    """A network of a study, trained on one rung."""

    study: str
    dataset: str
    protocol: Protocol
    served_rungs: list[Rung]
    """Rungs that this training serves."""
    items: list[tuple[str, Item]]
    """Items of the network, each with its table."""
    label_set: LabelSet | None
    positive_class: str | None
    fitted_tables: list[str]
    """Tables whose items are also asked about the rows that the network was trained on."""
    all_epochs: list[str]
    """Tables whose metrics are means over the predictions after every epoch."""
    reducer: str | None
    """Autoencoder whose code the network sees; None where it sees images."""
    classifier: str
    network: NetworkSpec
    budget: Budget
    seed: int
    precision: Precision
