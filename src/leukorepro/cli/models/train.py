"""`leukorepro models train`: networks trained from images over the folds of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    DeviceOption,
    ManifestOption,
    RungOption,
    RunOption,
    SetOption,
    SplitsOption,
    StudyOption,
    resolve_study,
)


def train(
    run_file: RunOption,
    study: StudyOption,
    rung: RungOption,
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

    Example: `leukorepro models train --run config/config.yaml --study rezayi2021 --rung subject_disjoint
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
        protocol=chosen.find_protocol(rung),
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
    served = [r for r in chosen.protocols if plan.training_rung(chosen, fit, r) == rung]
    parts = pd.concat([done.predictions.assign(protocol=r) for r in served], ignore_index=True)
    write_parquet(parts, output / "predictions.parquet", {ENGINES: json.dumps({fit.classifier: [job.engine]})})
    shutil.rmtree(work)
