"""`leukorepro models classify`: classifiers over the folds of splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    FeatureSetOption,
    FeaturesOption,
    ManifestOption,
    OutputOption,
    RunOption,
    SetOption,
    StudyOption,
    pairs,
    resolve_study,
)
from leukorepro.ladder.rungs import LADDER


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

    from leukorepro.core.errors import look_up
    from leukorepro.core.store import write_parquet
    from leukorepro.core.tables import ENGINES, merged_engines
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.run.plan import classified_items
    from leukorepro.systems.classifiers.classifier import Classifier
    from leukorepro.systems.classifiers.classify import classify as run
    from leukorepro.systems.classifiers.engines import Settings
    from leukorepro.systems.classifiers.tasks import Task

    resolved, chosen = resolve_study(run_file, override, study)
    look_up(chosen.study.feature_sets, feature_set, "feature set", f"study '{study}'")
    encoders = {name: Path(path) for name, path in pairs(reducer or [], "--reducer").items()}
    tasks = []
    for place, path in pairs(splits, "--splits").items():
        rung, _, split = place.rpartition("/")
        look_up(LADDER, rung, "rung", "--splits")
        chosen.find_split(split)
        task = Task(
            study=chosen.study.key,
            dataset=chosen.dataset_id,
            protocol=chosen.find_protocol(rung),
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
    settings = Settings(resolved.seed, resolved.budget, threads, resolved.fast_trees)
    specs = {name: spec for name, spec in chosen.study.classifiers.items() if isinstance(spec, Classifier)}
    done = [run(task, matrix, read_splits(table), images, specs, fitted, settings) for task, table, fitted in tasks]
    engines = merged_engines([{name: [engine] for name, engine in part.engines.items()} for part in done])
    predictions = pd.concat([part.predictions for part in done], ignore_index=True)
    write_parquet(predictions, output, {ENGINES: json.dumps(engines)})
