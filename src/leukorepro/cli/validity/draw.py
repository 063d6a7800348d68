"""`leukorepro validity draw`: a population of simulated subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, BudgetOption, SettingOption, ValidityOption, file_to_write


def draw(
    setting: SettingOption,
    images: Annotated[Path, typer.Option(callback=file_to_write, help="Table of the population's images, to write.")],
    features: Annotated[
        Path, typer.Option(callback=file_to_write, help="Features of the population's images, to write.")
    ],
    config: ValidityOption = Path("config/validity.yaml"),
    budget: BudgetOption = "demo",
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Images to draw at a time.")] = 1,
) -> None:
    """Draw the simulated subjects that a setting's studies are drawn from; run again to continue after a kill.

    Example: `leukorepro validity draw --setting usual --images pool.csv --features pool.h5`
    """
    from leukorepro.checks.validity.pool import draw_pool
    from leukorepro.config.validity import find_setting

    validity, chosen = find_setting(config, setting)
    draw_pool(validity, chosen, budget, images, features, threads)
