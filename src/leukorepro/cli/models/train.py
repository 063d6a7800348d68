"""`leukorepro models train`: networks trained from images over the folds of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import DeviceOption, ManifestOption, SpecOption, SplitsOption


def train(
    spec: SpecOption,
    features: Annotated[Path, typer.Option(help="Feature file of the descriptor `images`.")],
    splits: SplitsOption,
    manifest: ManifestOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    reducer: Annotated[
        Path | None, typer.Option(help="Fitted autoencoder, if the network is trained on its code.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU; workers that read images on a GPU.")] = 1,
    device: DeviceOption = "auto",
) -> None:
    """Train a network on images in every fold of a split, and write its predictions; continues after a kill.

    Example: `leukorepro models train
    --spec results/demo/specs/network/rezayi2021-subject_disjoint-eighty_twenty-images-CNN-1f0c.json
    --features images-70.h5 --splits eighty_twenty.csv --manifest manifest.csv --output eighty_twenty-images-CNN`
    """
    import json
    import shutil

    import pandas as pd
    import torch
    from safetensors.torch import save_file

    from leukorepro.core.store import atomic_path
    from leukorepro.core.tables.predictions import ENGINES, EPOCHS_TABLE, PARTS_TABLE
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.run.specifications.network import NetworkSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.classifiers.tasks import Model, Task
    from leukorepro.systems.training.network_fits import NetworkJob, fit_network
    from leukorepro.systems.training.training import Hardware

    torch.set_num_threads(threads)
    told = read_specification(NetworkSpecification, spec)
    task = Task(
        study=told.study,
        dataset=told.dataset,
        protocol=told.protocol,
        positive_class=told.positive_class,
        items=told.items,
        label_set=told.label_set,
        fitted_tables=frozenset(told.fitted_tables),
    )
    job = NetworkJob(
        task,
        Model(told.reducer, told.classifier),
        told.network,
        all_epochs=frozenset(told.all_epochs),
        seed=told.seed,
        budget=told.budget,
        hardware=Hardware(device, told.precision, threads),
    )
    work = output.with_name(f".{output.name}.work")
    done = fit_network(job, features, read_splits(splits), read_manifest(manifest), reducer, work)
    EPOCHS_TABLE.write(done.epochs, output / "epochs.csv")
    with atomic_path(output / "weights.safetensors") as path:
        save_file({name: value.contiguous() for name, value in done.weights.items()}, path)
    parts = pd.concat([done.predictions.assign(protocol=rung) for rung in told.served_rungs], ignore_index=True)
    PARTS_TABLE.write(parts, output / "predictions.parquet", {ENGINES: json.dumps({told.classifier: [job.engine]})})
    shutil.rmtree(work)
