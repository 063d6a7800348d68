"""`leukorepro models control`: classifiers that must not succeed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    MOST_WORKERS,
    DuplicatesOption,
    ManifestOption,
    OutputOption,
    SpecOption,
    file_to_read,
    pairs,
)


def control(
    spec: SpecOption,
    manifest: ManifestOption,
    output: OutputOption,
    features: Annotated[
        Path | None,
        typer.Option(callback=file_to_read, help="Feature file of what the study's classifier sees, plain or fused."),
    ] = None,
    splits: Annotated[
        list[str] | None, typer.Option(help="Split table of the study's classifier, as RUNG=FILE; repeat for more.")
    ] = None,
    cells: Annotated[
        Path | None, typer.Option(callback=file_to_read, help="Feature file of the cells' size and colour.")
    ] = None,
    cell_splits: Annotated[
        list[str] | None, typer.Option(help="Split table of the headline, as RUNG=FILE; repeat for more.")
    ] = None,
    reducer: Annotated[
        list[str] | None, typer.Option(help="Fitted autoencoder, as RUNG=FILE; repeat for more.")
    ] = None,
    duplicates: DuplicatesOption = None,
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Threads; they change no number.")] = 1,
) -> None:
    """Fit a study's classifier where it must fail, as the run's `controls` say: shuffled labels, naming patients.

    Cells are classified by their size and by their colour alone, too.

    Example: `leukorepro models control --spec results/demo/specs/controls/atteia2022-1f0c.json --features ESet.h5
    --splits as_published=five_folds.csv --reducer as_published=RSet25.h5 --manifest manifest.csv
    --output controls.csv`
    """
    import pandas as pd

    from leukorepro.checks.cell_controls import NAIVE_BAYES, cell_table
    from leukorepro.checks.control_table import control_table
    from leukorepro.checks.controls import Controlled, Place
    from leukorepro.core.errors import UserError, look_up
    from leukorepro.core.tables.results import CONTROLS_TABLE
    from leukorepro.data.copies.ties import tied_by
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import of_first_seed, read_splits_of
    from leukorepro.evaluation.intervals import N_RESAMPLES
    from leukorepro.evaluation.outcome_metrics import Measuring
    from leukorepro.features.fusion import Features
    from leukorepro.features.identity import read_wanted
    from leukorepro.run.specifications.controls import ControlledSystem, ControlsSpecification, MeasuredCells
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.systems.classifiers.classifier import Classifier
    from leukorepro.systems.classifiers.engines import Settings

    told = read_specification(ControlsSpecification, spec)
    encoders = pairs(reducer or [], "--reducer")
    tables, cell_tables = pairs(splits or [], "--splits"), pairs(cell_splits or [], "--cell-splits")
    for option, rungs in (("--splits", tables), ("--cell-splits", cell_tables), ("--reducer", encoders)):
        for rung in rungs:
            look_up(told.protocols, rung, "rung", option)
    needed = (
        (told.system, {"--features": features, "--splits": tables}),
        (told.cells, {"--cells": cells, "--cell-splits": cell_tables}),
    )
    for of, given in needed:
        if of is not None and (absent := [option for option, value in given.items() if not value]):
            raise UserError(f"{absent[0]}: not given, but {spec} asks for {', '.join(told.controls)}.")
    item = None if told.system is None else told.system.item
    if item and item.reducer and (lacking := [rung for rung in tables if rung not in encoders]):
        raise UserError(f"--reducer: none for {lacking[0]}, but {item.item} needs {item.reducer}.")
    matrix = read_wanted(features, told.system.parts, manifest, mapped=True) if features and told.system else None
    measures = read_wanted(cells, [told.cells.part], manifest) if cells and told.cells else None
    images = read_manifest(manifest)
    settings = Settings(told.seed, told.budget, threads, told.fast_trees)

    def controlled(of: ControlledSystem | MeasuredCells, classifier: Classifier, matrix: Features) -> Controlled:
        return Controlled(
            study=told.study,
            dataset=told.dataset,
            table=of.table,
            item=of.item,
            classifier=classifier,
            features=matrix,
            manifest=tied_by(images, duplicates),
            label_set=of.label_set,
            positive_class=of.positive_class,
        )

    def places(tables: dict[str, str], encoders: dict[str, str]) -> list[Place]:
        return [
            Place(
                protocol,
                of_first_seed(read_splits_of(images, Path(tables[rung]), protocol)),
                Path(encoders[rung]) if rung in encoders else None,
            )
            for rung, protocol in told.protocols.items()
            if rung in tables
        ]

    made = []
    if (system := told.system) is not None and matrix is not None:
        assert isinstance(system.classifier, Classifier)  # the controls train no network
        as_run = controlled(system, system.classifier, matrix)
        made.append(control_table(as_run, places(tables, encoders), told.controls, settings, system.note))
    if (headline := told.cells) is not None and measures is not None:
        measured = controlled(headline, NAIVE_BAYES, measures)
        measuring = Measuring(
            [headline.metric], headline.average, headline.positive_class, headline.class_names, N_RESAMPLES, told.seed
        )
        made.append(cell_table(measured, places(cell_tables, {}), told.controls, measuring, settings))
    CONTROLS_TABLE.write(pd.concat(made, ignore_index=True), output)
