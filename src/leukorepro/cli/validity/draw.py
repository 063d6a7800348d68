"""`leukorepro validity draw`: a population of simulated subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    BudgetOption,
    PoolFeaturesOption,
    PoolImagesOption,
    SettingOption,
    ValidityOption,
)


def draw(
    setting: SettingOption,
    images: PoolImagesOption,
    features: PoolFeaturesOption,
    config: ValidityOption = Path("config/validity.yaml"),
    budget: BudgetOption = "demo",
    threads: Annotated[int, typer.Option(help="Images to draw at a time.")] = 1,
) -> None:
    """Draw the simulated subjects that a setting's studies are drawn from; run again to continue after a kill.

    Example: `leukorepro validity draw --setting usual --images pool.csv --features pool.h5`
    """
    from leukorepro.checks.validity.pool import draw_pool
    from leukorepro.config.validity import find_setting

    validity, chosen = find_setting(config, setting)
    draw_pool(validity, chosen, budget, images, features, threads)
