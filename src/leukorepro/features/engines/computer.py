"""What an engine makes of a network: something that computes features, and how it wants to be asked."""

from __future__ import annotations

from dataclasses import dataclass

from leukorepro.features.stream import Compute


@dataclass(frozen=True)
class Computer:
    """A network on an engine, ready to compute.

    Attributes
    ----------
    compute : callable
        See `leukorepro.features.stream.Compute`.
    description : str
        Engine, device, precision and batches: all that features depend on beside the network and the images.
    workers : int
        Threads that should call `compute`.
    block_rows : int
        Rows that one call should get.
    library : str
        Distribution whose version goes into the record.
    """

    compute: Compute
    description: str
    workers: int
    block_rows: int
    library: str
