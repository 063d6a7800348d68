"""`leukorepro models explain`: a study's headline explained on two rungs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, SpecOption, folder_to_write


def explain(
    spec: SpecOption,
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to write.")],
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Threads; they change no number.")] = 1,
) -> None:
    """Explain a study's headline on the same test images under the paper's protocol and under the honest one.

    Example: `leukorepro models explain --spec results/demo/specs/explanations/atteia2022-1f0c.json
    --output results/demo/atteia2022/explanations`
    """
    from leukorepro.inference.explaining.comparison import explain_headline
    from leukorepro.run.paths import ExplanationsFolder
    from leukorepro.run.specifications.explanations import ExplanationsSpecification
    from leukorepro.run.specifications.specification import read_specification

    explain_headline(read_specification(ExplanationsSpecification, spec), ExplanationsFolder(output), threads)
