"""`leukorepro models control`: classifiers that must not succeed."""

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


def control(
    spec: SpecOption,
    features: FeaturesOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG=FILE; repeat for more.")],
    manifest: ManifestOption,
    output: OutputOption,
    reducer: Annotated[
        list[str] | None, typer.Option(help="Fitted autoencoder, as RUNG=FILE; repeat for more.")
    ] = None,
    duplicates: DuplicatesOption = None,
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Threads; they change no number.")] = 1,
) -> None:
    """Fit a study's classifier where it must fail, as the run's `controls` say: shuffled labels, naming patients.

    Example: `leukorepro models control --spec results/demo/specs/controls/atteia2022-1f0c.json --features ESet.h5
    --splits as_published=five_folds.csv --reducer as_published=RSet25.h5 --manifest manifest.csv
    --output controls.csv`
    """
    from leukorepro.checks.control_table import control_table
    from leukorepro.checks.controls import Controlled, Place
    from leukorepro.core.errors import UserError, look_up
    from leukorepro.core.tables.results import CONTROLS_TABLE
    from leukorepro.data.copies.ties import tied_by
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import of_first_seed, read_splits_of
    from leukorepro.features.identity import read_wanted
    from leukorepro.run.specifications.controls import ControlsSpecification
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.classifiers.classifier import Classifier
    from leukorepro.systems.classifiers.engines import Settings

    told = read_specification(ControlsSpecification, spec)
    encoders = pairs(reducer or [], "--reducer")
    tables = pairs(splits, "--splits")
    for option, rungs in (("--splits", tables), ("--reducer", encoders)):
        for rung in rungs:
            look_up(told.protocols, rung, "rung", option)
    if lacking := [rung for rung in tables if told.item.reducer is not None and rung not in encoders]:
        raise UserError(f"--reducer: none for {lacking[0]}, but {told.item.item} needs {told.item.reducer}.")
    assert isinstance(told.classifier, Classifier)  # the controls train no network
    matrix = read_wanted(features, told.parts, manifest, mapped=True)
    images = read_manifest(manifest)
    controlled = Controlled(
        study=told.study,
        dataset=told.dataset,
        table=told.table,
        item=told.item,
        classifier=told.classifier,
        features=matrix,
        manifest=tied_by(images, duplicates),
        label_set=told.label_set,
        positive_class=told.positive_class,
    )
    places = [
        Place(
            protocol,
            of_first_seed(read_splits_of(images, Path(tables[rung]), protocol)),
            Path(encoders[rung]) if rung in encoders else None,
        )
        for rung, protocol in told.protocols.items()
        if rung in tables
    ]
    settings = Settings(told.seed, told.budget, threads, told.fast_trees)
    CONTROLS_TABLE.write(control_table(controlled, places, told.controls, settings, told.note), output)
