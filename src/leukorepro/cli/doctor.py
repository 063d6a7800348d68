"""`leukorepro doctor`: what this machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    show,
)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check this machine: versions, device, disk, weights, datasets, studies; what is missing, and how to get it.

    Example: `leukorepro doctor`
    """
    from dataclasses import asdict
    from json import dumps

    from leukorepro.run.doctor import doctor as examine
    from leukorepro.run.doctor import healthy, render

    checks = examine(Path.cwd())
    if json:
        print(dumps([asdict(check) for check in checks], indent=2))
    else:
        show(render(checks))
    if not healthy(checks):
        raise typer.Exit(1)
