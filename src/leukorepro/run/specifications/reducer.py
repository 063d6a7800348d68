"""What a reducer is fitted by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leukorepro.config.schemes import Protocol
from leukorepro.config.systems import ConvAutoencoderSpec, SparseAutoencoderSpec
from leukorepro.core.words import Budget, Precision
from leukorepro.run.specifications.specification import Specification


class ReducerSpecification(Specification):
    """An autoencoder on one rung."""

    protocol: Protocol
    reducer: Annotated[SparseAutoencoderSpec | ConvAutoencoderSpec, Field(discriminator="kind")]
    budget: Budget
    seed: int
    precision: Precision
    """Of a convolutional autoencoder's training; sparse ones are always fitted in float32."""
