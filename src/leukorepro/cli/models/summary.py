"""`leukorepro models summary`: what the networks are that a study trains."""

from __future__ import annotations

from typing import Annotated

import typer

from leukorepro.cli.options import (
    show,
)


def summary(
    study: Annotated[str, typer.Argument(help="Study, such as `alhammadi2024`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show the networks that a study trains, at full size: layers, shapes, learnables, and the counts in print.

    Example: `leukorepro models summary alhammadi2024 --json`
    """
    import json
    from dataclasses import asdict

    from leukorepro.config.files import study_path
    from leukorepro.config.study.study import load_study
    from leukorepro.systems.networks.summary import render, summarise

    networks = summarise(load_study(study_path(study)))
    if as_json:
        told = {"study": study, "networks": {name: asdict(network) for name, network in networks.items()}}
        print(json.dumps(told, indent=2))
    elif networks:
        for name, network in networks.items():
            show(render(name, network))
    else:
        print(f"The study '{study}' trains no network.")
