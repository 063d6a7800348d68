"""`leukorepro models fit-reducer`: autoencoders over the folds of a split."""

from __future__ import annotations

from typing import Annotated

import typer

from leukorepro.cli.options import (
    DeviceOption,
    FeaturesOption,
    OutputOption,
    RungOption,
    RunOption,
    SetOption,
    SplitsOption,
    StudyOption,
    resolve_study,
)
from leukorepro.core.errors import UserError


def fit_reducer(
    run_file: RunOption,
    study: StudyOption,
    rung: RungOption,
    reducer: Annotated[str, typer.Option(help="Name of the reducer in the study's configuration.")],
    features: FeaturesOption,
    splits: SplitsOption,
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Fit an autoencoder on the rows that a rung allows, in every fold; one of images continues if it was killed.

    Example: `leukorepro models fit-reducer --run config/config.yaml --study atteia2022
    --rung source_disjoint --reducer RSet25 --features ESet.h5 --splits five_folds.csv --output RSet25.h5`
    """
    import torch

    from leukorepro.config.systems import ConvAutoencoderSpec, TrainedFeaturesSpec
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.systems.autoencoders.reducers import fit_reducer as run

    torch.set_num_threads(threads)
    resolved, chosen = resolve_study(run_file, override, study)
    spec = chosen.find_reducer(reducer)
    if isinstance(spec, TrainedFeaturesSpec):
        raise UserError(f"--reducer {reducer}: of kind '{spec.kind}'; `leukorepro models encode` makes its features.")
    run(
        spec,
        read_features(features, mapped=isinstance(spec, ConvAutoencoderSpec)),
        read_splits(splits),
        chosen.find_protocol(rung),
        resolved.budget,
        resolved.seed,
        device,
        output,
        resolved.precision,
        workers=threads,
    )
