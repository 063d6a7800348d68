"""`leukorepro compare`: which differences between rungs and between items can be told from 0."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption, pairs


def compare(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
    spec: SpecOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG/SPLIT=FILE; may be given again.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per rung.")
    ] = None,
) -> None:
    """Compare rungs with one another and items with the best one, each pair on the same groups.

    Writes `differences.csv`, `cell_level.csv` and `winners.csv`.

    Example: `leukorepro compare subject_disjoint/predictions.parquet
    --spec results/demo/specs/evaluation/atteia2022-1f0c.json
    --splits subject_disjoint/five_folds=subject_disjoint/splits/five_folds.csv --output results/demo/atteia2022`
    """
    from leukorepro.core.tables.results import CELL_LEVEL_TABLE, DIFFERENCES_TABLE, WINNERS_TABLE
    from leukorepro.data.split_tables import read_splits
    from leukorepro.evaluation.predictions import read_fitting, read_predictions
    from leukorepro.evaluation.resampling.cell_level import cell_level
    from leukorepro.evaluation.resampling.differences import differences
    from leukorepro.evaluation.resampling.winners import winners
    from leukorepro.evaluation.study_cells import StudyCells
    from leukorepro.run.specifications.evaluation import EvaluationSpecification
    from leukorepro.run.specifications.specification import read_specification

    told = read_specification(EvaluationSpecification, spec)
    fitted = [read_fitting(table) for table in fitting or []]
    split_tables = {place: read_splits(Path(file)) for place, file in pairs(splits, "--splits").items()}
    cells = StudyCells(told.study, [read_predictions(table) for table in tables], fitted, split_tables)
    DIFFERENCES_TABLE.write(differences(cells, told.seed), output / "differences.csv")
    CELL_LEVEL_TABLE.write(cell_level(cells), output / "cell_level.csv")
    WINNERS_TABLE.write(winners(cells, told.seed), output / "winners.csv")
