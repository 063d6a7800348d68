"""`leukorepro validity repeat`: many small studies of a population."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import BudgetOption, OutputOption, SettingOption, ValidityOption, file_to_read


def repeat(
    setting: SettingOption,
    images: Annotated[
        Path,
        typer.Option(callback=file_to_read, help="Table of the population's images; of a real dataset, its manifest."),
    ],
    features: Annotated[Path, typer.Option(callback=file_to_read, help="Features of the population's images.")],
    output: OutputOption,
    config: ValidityOption = Path("config/validity.yaml"),
    budget: BudgetOption = "demo",
) -> None:
    """Draw many small studies from a population, run every rung, and score what was fitted on fresh subjects.

    Example: `leukorepro validity repeat --setting usual --images pool.csv --features pool.h5 --output usual.csv`
    """
    import pandas as pd
    from tqdm import tqdm

    from leukorepro.checks.validity.population import computed_by, read_population, read_population_features
    from leukorepro.checks.validity.repetition import Study
    from leukorepro.config.validity import find_design
    from leukorepro.core.tables.data import POOL_TABLE
    from leukorepro.core.tables.results import REPETITIONS_TABLE
    from leukorepro.features.identity import read_wanted
    from leukorepro.features.lookup import resolve_descriptor

    validity, design = find_design(config, setting)
    if design.real:
        population = read_population(config, design, images)
        values = read_population_features(config, design, features, images)
    else:
        wanted = [resolve_descriptor(validity.descriptor, f"{config}: descriptor", budget)]
        population, values = POOL_TABLE.read(images), read_wanted(features, wanted, images)
    study = Study(design, population, values, computed_by(features))
    numbers = tqdm(range(validity.repetitions[budget]), desc=setting, unit="repetition", mininterval=1)
    REPETITIONS_TABLE.write(pd.concat([study.repetition(number) for number in numbers], ignore_index=True), output)
