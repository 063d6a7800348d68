"""Which network's features of images are written."""

from __future__ import annotations

from leukorepro.config.systems import NetworkSpec
from leukorepro.core.words import Budget
from leukorepro.run.specifications.specification import Specification


class EncodingSpecification(Specification):
    """A trained network, whose layer before the last gives the features."""

    network: NetworkSpec
    budget: Budget
