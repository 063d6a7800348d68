"""`leukorepro models fit`: autoencoders, networks that are trained from images, and what trained networks see."""

from __future__ import annotations

from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, DeviceOption, SpecOption


def fit(
    spec: SpecOption,
    threads: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="Threads on a CPU; workers that read images on a GPU.")
    ] = 1,
    device: DeviceOption = "auto",
) -> None:
    """Fit autoencoders and train networks in every fold, on the rows that the rung allows; continues after a kill.

    The specification names the files that are read and made.

    Example: `leukorepro models fit --spec results/demo/specs/fits/rezayi2021-subject_disjoint-1f0c.json --threads 2`
    """
    import torch

    from leukorepro.core.device import choose_device
    from leukorepro.run.specifications.fits import FitsSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.fits.registry import fit_all

    choose_device(device)  # before any work
    torch.set_num_threads(threads)
    fit_all(read_specification(FitsSpecification, spec), threads, device)
