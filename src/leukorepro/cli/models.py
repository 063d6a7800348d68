"""`leukorepro models`: fit reducers and classifiers, and train networks, over the folds of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from leukorepro.cli import networks
from leukorepro.cli.options import (
    DeviceOption,
    FeatureSetOption,
    FeaturesOption,
    ManifestOption,
    OutputOption,
    RungOption,
    RunOption,
    SetOption,
    SplitsOption,
    StudyOption,
    pairs,
    resolve_study,
)
from leukorepro.core.words import Control, Rung

app = typer.Typer(no_args_is_help=True, help="Fit reducers and classifiers, train networks.")
app.command()(networks.summary)


@app.command("fit-reducer")
def fit_reducer(
    run_file: RunOption,
    study: StudyOption,
    protocol: RungOption,
    reducer: Annotated[str, typer.Option(help="Name of the reducer in the study's configuration.")],
    features: FeaturesOption,
    splits: SplitsOption,
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Fit an autoencoder on the rows that a protocol allows, in every fold; one of images continues if it was killed.

    Example: `leukorepro models fit-reducer --run config/config.yaml --study atteia2022
    --protocol source_disjoint --reducer RSet25 --features ESet.h5 --splits five_folds.csv --output RSet25.h5`
    """
    import torch

    from leukorepro.config.systems import ConvAutoencoderSpec, TrainedFeaturesSpec
    from leukorepro.core.errors import UserError
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
        chosen.find_protocol(protocol),
        resolved.budget,
        resolved.seed,
        device,
        output,
        resolved.precision,
        workers=threads,
    )


@app.command()
def encode(
    run_file: RunOption,
    study: StudyOption,
    reducer: Annotated[str, typer.Option(help="Name of the reducer, whose kind is `trained_features`.")],
    weights: Annotated[Path, typer.Option(help="Weights of its network in every fold, as `models train` writes them.")],
    features: Annotated[Path, typer.Option(help="Feature file of the descriptor `images`.")],
    output: OutputOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Write what a trained network sees of all images, the output of its layer before the last, for every fold.

    Example: `leukorepro models encode --run config/config.yaml --study rezayi2021 --reducer CNN_features
    --weights weights.safetensors --features images-70.h5 --output images-CNN_features.h5`
    """
    import torch

    from leukorepro.config.systems import NetworkSpec, TrainedFeaturesSpec
    from leukorepro.core.errors import UserError
    from leukorepro.features.fusion import read_features
    from leukorepro.systems.training.network_features import write_network_features
    from leukorepro.systems.training.training import Hardware

    torch.set_num_threads(threads)
    resolved, chosen = resolve_study(run_file, override, study)
    spec = chosen.find_reducer(reducer)
    if not isinstance(spec, TrainedFeaturesSpec):
        raise UserError(f"--reducer {reducer}: of kind '{spec.kind}'; `leukorepro models fit-reducer` fits it.")
    network = chosen.study.classifiers[spec.network]
    assert isinstance(network, NetworkSpec)  # the study's check has seen to it
    hardware = Hardware(device, resolved.precision, threads)
    write_network_features(network, weights, read_features(features, mapped=True), resolved.budget, hardware, output)


@app.command()
def classify(
    run_file: RunOption,
    study: StudyOption,
    feature_set: FeatureSetOption,
    features: FeaturesOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG/SPLIT=FILE; may be given again.")],
    manifest: ManifestOption,
    output: OutputOption,
    reducer: Annotated[
        list[str] | None, typer.Option(help="Fitted reducer, as RUNG/SPLIT/NAME=FILE; may be given again.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads; no number depends on them.")] = 1,
    override: SetOption = None,
) -> None:
    """Fit every classifier of a study on one feature set, in every fold, and write what it predicts.

    Example: `leukorepro models classify --run config/config.yaml --study atteia2022 --feature-set GSet
    --features GSet.h5 --splits source_disjoint/five_folds=five_folds.csv --manifest manifest.csv
    --output GSet.parquet`
    """
    import json

    import pandas as pd

    from leukorepro.config.systems import ClassifierBase
    from leukorepro.core.errors import look_up
    from leukorepro.core.store import write_parquet
    from leukorepro.core.tables import ENGINES, merged_engines
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.run.plan import classified_items
    from leukorepro.systems.classifiers.classify import classify as run
    from leukorepro.systems.classifiers.engines import Settings
    from leukorepro.systems.classifiers.tasks import Task

    resolved, chosen = resolve_study(run_file, override, study)
    look_up(chosen.study.feature_sets, feature_set, "feature set", f"study '{study}'")
    encoders = {name: Path(path) for name, path in pairs(reducer or [], "--reducer").items()}
    tasks = []
    for place, path in pairs(splits, "--splits").items():
        rung, _, split = place.rpartition("/")
        look_up(dict.fromkeys(get_args(Rung)), rung, "rung", "--splits")
        chosen.find_split(split)
        task = Task(
            study=chosen.study.key,
            dataset=chosen.dataset_id,
            protocol=chosen.find_protocol(cast(Rung, rung)),
            positive_class=chosen.positive_class_of(split),
            items=classified_items(chosen.study, split, feature_set),
            label_set=chosen.label_set_of(split),
            fitted_tables=frozenset(n for n, t in chosen.study.tables.items() if t.needs_fitted_rows),
        )
        fitted = {name.rpartition("/")[2]: file for name, file in encoders.items() if name.startswith(f"{place}/")}
        tasks.append((task, Path(path), fitted))
    # Images are not read: classifiers see what a network makes of them.
    matrix = read_features(features, mapped=chosen.study.holds_images(feature_set))
    images = read_manifest(manifest)
    settings = Settings(resolved.seed, resolved.budget, threads)
    specs = {name: spec for name, spec in chosen.study.classifiers.items() if isinstance(spec, ClassifierBase)}
    done = [run(task, matrix, read_splits(table), images, specs, fitted, settings) for task, table, fitted in tasks]
    engines = merged_engines([{name: [engine] for name, engine in part.engines.items()} for part in done])
    predictions = pd.concat([part.predictions for part in done], ignore_index=True)
    write_parquet(predictions, output, {ENGINES: json.dumps(engines)})


@app.command()
def control(
    run_file: RunOption,
    study: StudyOption,
    features: FeaturesOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG=FILE; may be given again.")],
    manifest: ManifestOption,
    output: OutputOption,
    reducer: Annotated[list[str] | None, typer.Option(help="Fitted reducer, as RUNG=FILE; may be given again.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads; no number depends on them.")] = 1,
    override: SetOption = None,
) -> None:
    """Fit a study's classifier on shuffled labels, and one that names subjects, as the run's `controls` ask for.

    Example: `leukorepro models control --run config/config.yaml --study atteia2022 --features ESet.h5
    --splits as_published=five_folds.csv --reducer as_published=RSet25.h5 --manifest manifest.csv
    --output controls.csv`
    """
    from leukorepro.checks.control_table import control_table
    from leukorepro.checks.controls import Controlled, Place
    from leukorepro.core.errors import UserError, look_up
    from leukorepro.core.store import write_csv
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.run import plan
    from leukorepro.systems.classifiers.engines import Settings

    resolved, chosen = resolve_study(run_file, override, study)
    if study not in resolved.controls:
        raise UserError(
            f"{run_file}: controls: none asked for of {study}; name one or more of {', '.join(get_args(Control))}."
        )
    system = plan.control_system(chosen)
    encoders = pairs(reducer or [], "--reducer")
    tables = pairs(splits, "--splits")
    for rung in (*tables, *encoders):
        look_up(dict.fromkeys(get_args(Rung)), rung, "rung", "--splits" if rung in tables else "--reducer")
    if lacking := [rung for rung in tables if system.item.reducer is not None and rung not in encoders]:
        raise UserError(f"--reducer: none for {lacking[0]}, but {system.item.item} needs {system.item.reducer}.")
    controlled = Controlled(
        study=chosen.study.key,
        dataset=chosen.dataset_id,
        table=system.table,
        item=system.item,
        classifier=system.classifier,
        features=read_features(features, mapped=chosen.study.holds_images(system.item.features)),
        manifest=read_manifest(manifest),
        label_set=chosen.label_set_of(system.split),
        positive_class=chosen.positive_class_of(system.split),
    )
    places = [
        Place(
            chosen.find_protocol(cast(Rung, rung)),
            read_splits(Path(path)),
            Path(encoders[rung]) if rung in encoders else None,
        )
        for rung, path in tables.items()
    ]
    settings = Settings(resolved.seed, resolved.budget, threads)
    write_csv(control_table(controlled, places, resolved.controls[study], settings, system.note), output)


@app.command()
def train(
    run_file: RunOption,
    study: StudyOption,
    protocol: RungOption,
    network: Annotated[str, typer.Option(help="Id of the network: SPLIT-FEATURES[-REDUCER]-CLASSIFIER.")],
    features: Annotated[Path, typer.Option(help="Feature file of the descriptor `images`.")],
    splits: SplitsOption,
    manifest: ManifestOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    reducer: Annotated[Path | None, typer.Option(help="Fitted autoencoder, where the network sees its code.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
    override: SetOption = None,
) -> None:
    """Train a network from images in every fold of a split, and write what it predicts; continues if it was killed.

    Example: `leukorepro models train --run config/config.yaml --study rezayi2021 --protocol subject_disjoint
    --network eighty_twenty-images-CNN --features images-70.h5 --splits eighty_twenty.csv --manifest manifest.csv
    --output eighty_twenty-images-CNN`
    """
    import json
    import shutil

    import pandas as pd
    import torch
    from safetensors.torch import save_file

    from leukorepro.config.systems import NetworkSpec
    from leukorepro.core.errors import look_up
    from leukorepro.core.store import atomic_path, write_csv, write_parquet
    from leukorepro.core.tables import ENGINES
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.run import plan
    from leukorepro.systems.classifiers.tasks import Model, Task
    from leukorepro.systems.training.network_fits import NetworkJob, fit_network
    from leukorepro.systems.training.training import Hardware

    torch.set_num_threads(threads)
    resolved, chosen = resolve_study(run_file, override, study)
    fit = look_up(plan.networks_of(chosen), network, "network", f"study '{study}'")
    spec = chosen.study.classifiers[fit.classifier]
    assert isinstance(spec, NetworkSpec)  # the study's check has seen to it
    tables = chosen.study.tables
    task = Task(
        study=chosen.study.key,
        dataset=chosen.dataset_id,
        protocol=chosen.find_protocol(protocol),
        positive_class=chosen.positive_class_of(fit.split),
        items=plan.items_of_network(chosen, fit),
        label_set=chosen.label_set_of(fit.split),
        fitted_tables=frozenset(n for n, t in tables.items() if t.needs_fitted_rows),
    )
    job = NetworkJob(
        task,
        Model(fit.reducer, fit.classifier),
        spec,
        all_epochs=frozenset(n for n, t in tables.items() if t.epochs == "all"),
        seed=resolved.seed,
        budget=resolved.budget,
        hardware=Hardware(device, resolved.precision, threads),
    )
    work = output.with_name(f".{output.name}.work")
    done = fit_network(job, features, read_splits(splits), read_manifest(manifest), reducer, work)
    write_csv(done.epochs, output / "epochs.csv")
    with atomic_path(output / "weights.safetensors") as path:
        save_file({name: value.contiguous() for name, value in done.weights.items()}, path)
    served = [r for r in chosen.protocols if plan.training_rung(chosen, fit, r) == protocol]
    parts = pd.concat([done.predictions.assign(protocol=rung) for rung in served], ignore_index=True)
    write_parquet(parts, output / "predictions.parquet", {ENGINES: json.dumps({fit.classifier: [job.engine]})})
    shutil.rmtree(work)
