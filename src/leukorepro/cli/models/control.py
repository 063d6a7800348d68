"""`leukorepro models control`: classifiers that must not succeed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from leukorepro.cli.options import (
    FeaturesOption,
    ManifestOption,
    OutputOption,
    RunOption,
    SetOption,
    StudyOption,
    pairs,
    resolve_study,
)
from leukorepro.core.errors import UserError
from leukorepro.core.words import Control
from leukorepro.ladder.rungs import LADDER


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
    from leukorepro.core.errors import look_up
    from leukorepro.core.store import write_csv
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.features.fusion import read_features
    from leukorepro.run import plan
    from leukorepro.systems.classifiers.classifier import Classifier
    from leukorepro.systems.classifiers.engines import Settings

    resolved, chosen = resolve_study(run_file, override, study)
    if study not in resolved.controls:
        raise UserError(
            f"{run_file}: controls: none asked for of {study}; name one or more of {', '.join(get_args(Control))}."
        )
    system = plan.control_system(chosen)
    assert isinstance(system.classifier, Classifier)  # the plan chooses no network
    encoders = pairs(reducer or [], "--reducer")
    tables = pairs(splits, "--splits")
    for rung in (*tables, *encoders):
        look_up(LADDER, rung, "rung", "--splits" if rung in tables else "--reducer")
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
            chosen.find_protocol(rung),
            read_splits(Path(path)),
            Path(encoders[rung]) if rung in encoders else None,
        )
        for rung, path in tables.items()
    ]
    settings = Settings(resolved.seed, resolved.budget, threads, resolved.fast_trees)
    write_csv(control_table(controlled, places, resolved.controls[study], settings, system.note), output)
