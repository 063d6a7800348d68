"""`leukorepro models fit-reducer`: autoencoders over the folds of a split."""

from __future__ import annotations

from typing import Annotated

import typer

from leukorepro.cli.options import DeviceOption, FeaturesOption, OutputOption, SpecOption, SplitsOption


def fit_reducer(
    spec: SpecOption,
    features: FeaturesOption,
    splits: SplitsOption,
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
) -> None:
    """Fit an autoencoder in every fold, on the rows that the rung allows; one of images continues after a kill.

    Example: `leukorepro models fit-reducer --spec results/demo/specs/reducer/atteia2022-as_published-RSet25-1f0c.json
    --features ESet.h5 --splits five_folds.csv --output RSet25.h5`
    """
    import torch

    from leukorepro.config.systems import ConvAutoencoderSpec
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.run.specifications.reducer import ReducerSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.autoencoders.reducers import fit_reducer as run

    torch.set_num_threads(threads)
    told = read_specification(ReducerSpecification, spec)
    run(
        told.reducer,
        read_features(features, mapped=isinstance(told.reducer, ConvAutoencoderSpec)),
        read_splits(splits),
        told.protocol,
        told.budget,
        told.seed,
        device,
        output,
        told.precision,
        workers=threads,
    )
