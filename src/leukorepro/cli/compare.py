"""`leukorepro compare`: which differences between rungs and between items can be told from 0."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    RunOption,
    SetOption,
    StudyOption,
    pairs,
    resolve_study,
)


def compare(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per rung.")],
    run_file: RunOption,
    study: StudyOption,
    splits: Annotated[list[str], typer.Option(help="Split table, as RUNG/SPLIT=FILE; may be given again.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per rung.")
    ] = None,
    override: SetOption = None,
) -> None:
    """Compare rungs with one another and items with the best one, each pair on the same groups.

    Writes `differences.csv`, `cell_level.csv` and `winners.csv`.

    Example: `leukorepro compare subject_disjoint/predictions.parquet --run config/config.yaml --study atteia2022
    --splits subject_disjoint/five_folds=subject_disjoint/splits/five_folds.csv --output results/demo/atteia2022`
    """
    from leukorepro.core.store import write_csv
    from leukorepro.data.split_tables import read_splits
    from leukorepro.evaluation.predictions import read_fitting, read_predictions
    from leukorepro.evaluation.resampling.cell_level import cell_level
    from leukorepro.evaluation.resampling.differences import differences
    from leukorepro.evaluation.resampling.winners import winners
    from leukorepro.evaluation.study_cells import StudyCells

    resolved, chosen = resolve_study(run_file, override, study)
    fitted = [read_fitting(table) for table in fitting or []]
    split_tables = {place: read_splits(Path(file)) for place, file in pairs(splits, "--splits").items()}
    cells = StudyCells(chosen, [read_predictions(table) for table in tables], fitted, split_tables)
    write_csv(differences(cells, resolved.seed), output / "differences.csv")
    write_csv(cell_level(cells), output / "cell_level.csv")
    write_csv(winners(cells, resolved.seed), output / "winners.csv")
