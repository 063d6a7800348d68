"""`leukorepro init`: start a project, or a run on your own images in it."""

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
    given,
    pairs,
)
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.errors import UserError
from leukorepro.core.phrases import listed
from leukorepro.core.words import Control


def init(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name of the dataset and of the run.")] = None,
    images: Annotated[Path | None, typer.Option(callback=folder_to_read, help="Folder of the images.")] = None,
    study: Annotated[
        str | None,
        typer.Option(help="Study to run on the images, such as `atteia2022`; `finetune` trains a network further."),
    ] = None,
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
    yes: Annotated[
        bool, typer.Option("--yes", help="Write the run where something looks suspicious, and ask nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Read your own images, say what was found, write the configuration of a run on them, and print its command.

    In a folder without a project, one is started: a Snakefile that includes the workflow of the installed leukorepro,
    the configuration in `config`, and `profiles`. Without `--images` that is all, and `snakemake --cores 2` makes the
    demonstration there.

    Example: `leukorepro init --name smears --images my_smears --study atteia2022 --extractor mobilenet_v2
    --weights mobilenet_v2=file:mobilenet_v2.pth`
    """
    from leukorepro.run.project import prepare
    from leukorepro.run.starting.new_project import in_project, start_project

    if not given(context) - {"yes", "force"}:
        for line in start_project(Path(), force=force).told():
            print(line)
        print("Make the demonstration with:\n  snakemake --cores 2")
        return
    needed = {"--name": name, "--images": images, "--study": study}
    if name is None or images is None or study is None:
        lacking = next(option for option, value in needed.items() if value is None)
        raise UserError(f"{lacking}: not given; a run on images of your own needs {listed(list(needed))}.")
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
    with in_project(Path()) as lines:
        new = prepare(name, dataset, study, extractor or [], chosen, budget, controls=control or [], force=force)
        show_scan(new.found, new.dataset)
        for line in [*new.told, *lines]:
            print(line)
        new.check_images()
        if new.found.summary["suspicions"] and not yes:
            if not at_a_terminal():
                raise UserError(
                    f"{images}: some of this looks suspicious, as told above, and nobody is here to be asked; put it "
                    "right, or write the run all the same with --yes."
                )
            typer.confirm("Some of this looks suspicious. Write the run all the same?", abort=True, err=True)
        for line in new.write():
            print(line)
