"""`leukorepro init`: start with your own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from leukorepro.cli.dataset_options import (
    AdapterOption,
    ColumnOption,
    ExcludeOption,
    HeldOutOption,
    LabelOption,
    MaxUnreadableOption,
    MissingSubjectOption,
    SubjectLevelOption,
    SubjectRegexOption,
    SubjectsCsvOption,
    TableOption,
    describe_dataset,
    describe_table,
    show_scan,
)
from leukorepro.cli.options import (
    BudgetOption,
    at_a_terminal,
    folder_to_read,
    pairs,
)
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.words import Control


def init(
    name: Annotated[str, typer.Option(help="Name of the dataset and of the run.")],
    images: Annotated[Path, typer.Option(callback=folder_to_read, help="Folder of the images.")],
    study: Annotated[
        str, typer.Option(help="Study to run on the images, such as `atteia2022`; `finetune` trains a network further.")
    ],
    adapter: AdapterOption = OWN_IMAGES,
    subjects_csv: SubjectsCsvOption = None,
    subject_regex: SubjectRegexOption = None,
    subject_level: SubjectLevelOption = None,
    missing_subject: MissingSubjectOption = None,
    table: TableOption = None,
    column: ColumnOption = None,
    label: LabelOption = None,
    held_out: HeldOutOption = None,
    exclude: ExcludeOption = None,
    extractor: Annotated[
        list[str] | None, typer.Option(help="Network to use instead of the study's own; repeat for more.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="Weights of a network: NAME=imagenet, NAME=random or NAME=file:PATH; repeat for more."),
    ] = None,
    positive: Annotated[str | None, typer.Option(help="Which of two classes counts as diseased.")] = None,
    budget: BudgetOption = "demo",
    control: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Control experiment to run beside the study: {', '.join(get_args(Control))}; repeat for more."
        ),
    ] = None,
    max_unreadable: MaxUnreadableOption = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing where something looks suspicious.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the two files if they exist.")] = False,
) -> None:
    """Read your own images, say what was found, write the configuration of a run on them, and print its command.

    Example: `leukorepro init --name smears --images my_smears --study atteia2022 --extractor mobilenet_v2
    --weights mobilenet_v2=file:mobilenet_v2.pth`
    """
    from leukorepro.run.project import prepare

    adapter, said = describe_table(adapter, table, column, label, held_out, exclude)
    if positive is not None:
        said["positive_class"] = positive
    dataset = describe_dataset(
        images,
        adapter,
        subjects_csv,
        subject_regex,
        subject_level=subject_level,
        missing_subjects=missing_subject,
        max_unreadable=max_unreadable,
        **said,
    )
    chosen = pairs(weights or [], "--weights")
    new = prepare(name, dataset, study, extractor or [], chosen, budget, controls=control or [], force=force)
    show_scan(new.found, new.dataset)
    for line in new.told:
        print(line)
    new.check_images()
    if new.found.summary["suspicions"] and not yes and at_a_terminal():
        typer.confirm("Some of this looks suspicious. Write the run all the same?", abort=True, err=True)
    for line in new.write():
        print(line)
