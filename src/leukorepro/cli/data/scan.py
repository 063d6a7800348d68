"""`leukorepro data scan`: read the images of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from leukorepro.cli.options import MOST_WORKERS, file_to_read, file_to_write, folder_to_read, refuse_beside
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.errors import UserError

IN_THE_FILE = (
    *("adapter", "subjects_csv", "subject_regex", "subject_level", "missing_subject", "max_unreadable"),
    *("table", "column", "label", "held_out", "exclude"),
)
"""Options that say what a dataset's configuration says."""


def scan(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", callback=file_to_write, help="Manifest to write; default: only look."),
    ] = None,
    images: Annotated[Path | None, typer.Option(callback=folder_to_read, help="Folder of the images.")] = None,
    dataset: Annotated[
        Path | None, typer.Option(callback=file_to_read, help="YAML file of the dataset, instead of the options below.")
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(callback=file_to_write, help="JSON file to write, with a summary of what was found."),
    ] = None,
    crops: Annotated[
        Path | None,
        typer.Option(
            callback=file_to_write, help="Table to write: crops, and the photographs that they were found in."
        ),
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
    max_unreadable: MaxUnreadableOption = 0,
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Files to decode at a time.")] = 2,
) -> None:
    """Read every image of a dataset and write its manifest, a table with one row for each image.

    Example: `leukorepro data scan --images my_smears --output manifest.csv`
    """
    from leukorepro.config.joined import load_studied
    from leukorepro.core.store import write_json
    from leukorepro.core.tables.data import CROPS_TABLE
    from leukorepro.data.manifest import write_manifest
    from leukorepro.data.scan import check_readable
    from leukorepro.data.scan import scan as run

    if dataset is not None:
        refuse_beside(context, "--dataset", IN_THE_FILE)
        configured = load_studied(dataset)
    elif images is not None:
        adapter, said = describe_table(adapter, table, column, label, held_out, exclude)
        configured = describe_dataset(
            images,
            adapter,
            subjects_csv,
            subject_regex,
            subject_level=subject_level,
            missing_subjects=missing_subject,
            max_unreadable=max_unreadable,
            **said,
        )
    else:
        raise UserError("data scan: neither --images nor --dataset given; name the folder of the images.")
    folder = images or getattr(configured, "images", None)
    if folder is None:
        raise UserError(f"{dataset}: simulated images have no folder of their own; give it with --images.")
    found = run(configured, folder, workers=workers)
    show_scan(found, configured)
    check_readable(found, configured.max_unreadable)
    if output is not None:
        write_manifest(found.manifest, output)
    if crops is not None:
        CROPS_TABLE.write(found.crops, crops)
    if summary is not None:
        write_json(found.summary, summary)
