"""`leukorepro models classify`: classifiers over the folds of splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    MOST_WORKERS,
    DuplicatesOption,
    FeaturesOption,
    ManifestOption,
    OutputOption,
    SpecOption,
    pairs,
)


def classify(
    spec: SpecOption,
    features: FeaturesOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG/SPLIT=FILE; repeat for more.")],
    manifest: ManifestOption,
    output: OutputOption,
    reducer: Annotated[
        list[str] | None, typer.Option(help="Fitted autoencoder, as RUNG/SPLIT/NAME=FILE; repeat for more.")
    ] = None,
    duplicates: DuplicatesOption = None,
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Threads; they change no number.")] = 1,
) -> None:
    """Fit every classifier of a study on one feature set in every fold, and write its predictions.

    Example: `leukorepro models classify --spec results/demo/specs/classification/atteia2022-GSet-1f0c.json
    --features GSet.h5 --splits source_disjoint/five_folds=five_folds.csv --manifest manifest.csv
    --output GSet.parquet`
    """
    import json

    import pandas as pd

    from leukorepro.core.errors import UserError, look_up
    from leukorepro.core.tables.predictions import ENGINES, PARTS_TABLE, merged_engines
    from leukorepro.data.copies.ties import tied_by
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits_of
    from leukorepro.features.identity import read_wanted
    from leukorepro.run.specifications.classification import ClassificationSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.classifiers.classifier import Classifier
    from leukorepro.systems.classifiers.classify import classify as run
    from leukorepro.systems.classifiers.engines import Settings
    from leukorepro.systems.classifiers.shared import Shared
    from leukorepro.systems.classifiers.tasks import Task

    told = read_specification(ClassificationSpecification, spec)
    encoders = {name: Path(path) for name, path in pairs(reducer or [], "--reducer").items()}
    places = pairs(splits, "--splits")
    for name in encoders:
        look_up(places, name.rpartition("/")[0], "split", f"--reducer {name}")
    tasks = []
    for place, path in places.items():
        rung, _, split = place.rpartition("/")
        protocol = look_up(told.protocols, rung, "rung", f"--splits {place}")
        chosen = look_up(told.splits, split, "split", f"--splits {place}")
        task = Task(
            study=told.study,
            dataset=told.dataset,
            protocol=protocol,
            positive_class=chosen.positive_class,
            items=chosen.items,
            label_set=chosen.label_set,
            fitted_tables=frozenset(told.fitted_tables),
        )
        fitted = {name.rpartition("/")[2]: file for name, file in encoders.items() if name.startswith(f"{place}/")}
        for _, item in chosen.items:
            if item.reducer is not None and item.reducer not in fitted:
                raise UserError(f"--reducer: none for {place}/{item.reducer}, but {item.item} needs it; name its file.")
        tasks.append((task, Path(path), fitted))
    matrix = read_wanted(features, told.parts, manifest, mapped=True)
    images = read_manifest(manifest)
    settings = Settings(told.seed, told.budget, threads, told.fast_trees)
    specs = {name: spec for name, spec in told.classifiers.items() if isinstance(spec, Classifier)}
    given = [(task, read_splits_of(images, table, task.protocol), fitted) for task, table, fitted in tasks]
    tied = tied_by(images, duplicates)
    shared = Shared(matrix)
    done = {}
    # Rungs of a split follow one another: most of them deal the same rows out, whose products they share.
    for number in sorted(range(len(given)), key=lambda number: list(places)[number].rpartition("/")[2]):
        task, table, fitted = given[number]
        done[number] = run(task, matrix, table, tied, specs, fitted, settings, shared)
    parts = [done[number] for number in range(len(given))]
    engines = merged_engines([{name: [engine] for name, engine in part.engines.items()} for part in parts])
    predictions = pd.concat([part.predictions for part in parts], ignore_index=True)
    PARTS_TABLE.write(predictions, output, {ENGINES: json.dumps(engines)})
