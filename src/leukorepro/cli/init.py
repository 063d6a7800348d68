"""`leukorepro init`: start with your own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from leukorepro.cli.dataset_options import AdapterOption, SubjectRegexOption, SubjectsCsvOption, describe_dataset
from leukorepro.cli.options import (
    BudgetOption,
    pairs,
)
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.words import Control


def init(
    name: Annotated[str, typer.Option(help="Name of the dataset and of the run.")],
    images: Annotated[Path, typer.Option(help="Folder of the images.")],
    study: Annotated[str, typer.Option(help="Study to run on them, such as `atteia2022`.")],
    adapter: AdapterOption = OWN_IMAGES,
    subjects_csv: SubjectsCsvOption = None,
    subject_regex: SubjectRegexOption = None,
    extractor: Annotated[
        list[str] | None, typer.Option(help="Backbone that replaces the study's own; may be given again.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="Weights of a backbone: X=imagenet, X=random or X=file:PATH; may be given again."),
    ] = None,
    positive: Annotated[str | None, typer.Option(help="Class that counts as diseased, where there are two.")] = None,
    budget: BudgetOption = "demo",
    control: Annotated[
        list[str] | None,
        typer.Option(help=f"Experiment beside the study's own: {', '.join(get_args(Control))}; may be given again."),
    ] = None,
    max_unreadable: Annotated[
        int, typer.Option(min=0, help="Image files that may be broken; they are left out of the run.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the two files if they exist.")] = False,
) -> None:
    """Read your own images, write the configuration of a run on them, and print the command that runs it.

    Example: `leukorepro init --name smears --images my_smears --study atteia2022 --extractor mobilenet_v2
    --weights mobilenet_v2=file:mobilenet_v2.pth`
    """
    from leukorepro.run.project import start

    said = {} if positive is None else {"positive_class": positive}
    dataset = describe_dataset(images, adapter, subjects_csv, subject_regex, max_unreadable=max_unreadable, **said)
    chosen = pairs(weights or [], "--weights")
    print(start(name, dataset, study, extractor or [], chosen, budget, controls=control or [], force=force))
