"""`leukorepro models`: fit reducers and classifiers over the folds of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    DeviceOption,
    FeatureSetOption,
    FeaturesOption,
    ManifestOption,
    OutputOption,
    RungOption,
    RunOption,
    SetOption,
    SplitOption,
    SplitsOption,
    StudyOption,
    pairs,
    resolve_study,
)

app = typer.Typer(no_args_is_help=True, help="Fit reducers and classifiers.")


@app.command("fit-reducer")
def fit_reducer(
    run_file: RunOption,
    study: StudyOption,
    protocol: RungOption,
    reducer: Annotated[str, typer.Option(help="Name of the reducer in the study's configuration.")],
    features: FeaturesOption,
    splits: SplitsOption,
    output: OutputOption,
    threads: Annotated[int, typer.Option(help="Threads on a CPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Fit an autoencoder on the rows that a protocol allows, in every fold.

    Example: `leukorepro models fit-reducer --run config/config.yaml --study atteia2022
    --protocol source_disjoint --reducer RSet25 --features ESet.h5 --splits five_folds.csv --output RSet25.h5`
    """
    import torch

    from leukorepro.data.splits import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.models.reducers import fit_reducer as run

    torch.set_num_threads(threads)
    resolved, chosen = resolve_study(run_file, override, study)
    run(
        chosen.find_reducer(reducer),
        read_features(features),
        read_splits(splits),
        chosen.find_protocol(protocol),
        resolved.budget,
        resolved.seed,
        device,
        output,
    )


@app.command()
def classify(
    run_file: RunOption,
    study: StudyOption,
    protocol: RungOption,
    split: SplitOption,
    feature_set: FeatureSetOption,
    features: FeaturesOption,
    splits: SplitsOption,
    manifest: ManifestOption,
    output: OutputOption,
    reducer: Annotated[list[str] | None, typer.Option(help="Fitted reducer, as NAME=FILE; may be given again.")] = None,
    override: SetOption = None,
) -> None:
    """Fit every classifier of a study on one feature set, in every fold, and write what it predicts.

    Example: `leukorepro models classify --run config/config.yaml --study atteia2022
    --protocol source_disjoint --split five_folds --feature-set GSet --features GSet.h5 --splits five_folds.csv
    --manifest manifest.csv --output GSet.parquet`
    """
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.splits import read_splits
    from leukorepro.errors import look_up
    from leukorepro.features.fusion import read_features
    from leukorepro.models.folds import Task
    from leukorepro.models.folds import classify as run
    from leukorepro.plan import items_of
    from leukorepro.store import write_parquet

    _, chosen = resolve_study(run_file, override, study)
    chosen.find_split(split)
    look_up(chosen.study.feature_sets, feature_set, "feature set", f"study '{study}'")
    task = Task(
        study=chosen.study.key,
        dataset=chosen.dataset_id,
        protocol=chosen.find_protocol(protocol),
        positive_class=chosen.dataset.positive_class,
        items=items_of(chosen.study, split, feature_set),
    )
    predictions = run(
        task,
        read_features(features),
        read_splits(splits),
        read_manifest(manifest),
        chosen.study.classifiers,
        {name: Path(path) for name, path in pairs(reducer or [], "--reducer").items()},
    )
    write_parquet(predictions, output)
