"""Options that describe a folder of images, and the dataset that they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from leukorepro.cli.options import file_to_read, pairs
from leukorepro.config.adapters import ADAPTERS, OWN_IMAGES
from leukorepro.core.errors import UserError

if TYPE_CHECKING:
    from leukorepro.config.datasets import RealDataset
    from leukorepro.config.joined import StudiedDataset
    from leukorepro.data.scan import Scan

AdapterOption = Annotated[str, typer.Option("--adapter", help=f"How the folder is laid out: {', '.join(ADAPTERS)}.")]
SubjectsCsvOption = Annotated[
    Path | None,
    typer.Option(
        "--subjects-csv", callback=file_to_read, help="Table of the patients, with columns `image` and `subject`."
    ),
]
SubjectRegexOption = Annotated[
    str | None,
    typer.Option("--subject-regex", help="Regular expression that finds the patient in a path, as its first group."),
]
SubjectLevelOption = Annotated[
    int | None,
    typer.Option(
        "--subject-level",
        min=1,
        help="Which folder above an image is named after its patient: 2 is the one below the topmost folder.",
    ),
]
MissingSubjectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--missing-subject", help="Spelling of a subject, such as NA, that says that none is known; repeat for more."
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        callback=file_to_read,
        help="Table with a row for each image, CSV or Parquet, in place of folders named after classes.",
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="What a column of the table is called, as KEY=COLUMN; repeat for each. Keys are image and label, which "
        "must be given, and subject, source and site.",
    ),
]
LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", help="Class of a label of the table, as LABEL=CLASS; repeat for every label."),
]
HeldOutOption = Annotated[
    str | None,
    typer.Option("--held-out", help="Rows of the table that are tested and never trained on, as COLUMN=VALUE."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Rows of the table to leave out, as COLUMN=VALUE; repeat for more."),
]
MaxUnreadableOption = Annotated[
    int,
    typer.Option("--max-unreadable", min=0, help="How many broken image files to leave out before giving up."),
]

TABLE = "table"
"""The adapter of a table with a row for each image."""


def describe_dataset(
    images: Path,
    adapter: str,
    subjects_csv: Path | None,
    subject_regex: str | None,
    *,
    subject_level: int | None = None,
    missing_subjects: Sequence[str] | None = None,
    **more: object,
) -> RealDataset:
    """A dataset's configuration from command-line options.

    Parameters
    ----------
    images : Path
        Folder of the images.
    adapter : str
        Name of the adapter, which says how the folder is laid out.
    subjects_csv, subject_regex, subject_level : Path, str and int, or None
        Where subjects come from: one of the three, or none.
    missing_subjects : sequence of str, optional
        Spellings of a subject that say that none is known.
    **more : object
        Further keys of the configuration, such as what `describe_table` returns.

    Raises
    ------
    UserError
        If the options contradict one another.
    """
    from leukorepro.config.datasets import UnattributedDataset, real_adapter
    from leukorepro.core.validation import parse

    entry = real_adapter(adapter, "--adapter")
    value: dict[str, object] = {"adapter": adapter, "images": images, **more}
    told = {"--subjects-csv": subjects_csv, "--subject-regex": subject_regex, "--subject-level": subject_level}
    given = [option for option, said in told.items() if said is not None]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)}: given together; subjects come from one of them.")
    if given and not issubclass(entry, UnattributedDataset):
        raise UserError(f"{given[0]}: the adapter {adapter} takes no subjects from elsewhere; leave it out.")
    if missing_subjects:
        if not given and "subject" not in cast("dict[str, str]", more.get("columns", {})):
            raise UserError(f"--missing-subject: goes with one of {', '.join(told)}; give one, or leave it out.")
        value["missing_subjects"] = tuple(missing_subjects)
    if subjects_csv is not None:
        value["subjects"] = {"csv": subjects_csv}
    elif subject_regex is not None:
        value["subjects"] = {"regex": subject_regex}
    elif subject_level is not None:
        value["subject_level"] = subject_level
    return parse(entry, value, Path("options"))


def describe_table(
    adapter: str,
    table: Path | None,
    columns: list[str] | None,
    labels: list[str] | None,
    held_out: str | None,
    exclude: list[str] | None,
) -> tuple[str, dict[str, object]]:
    """The adapter, and what options on a table say of the dataset; nothing where there is no table.

    Parameters
    ----------
    adapter : str
        Name of the adapter that the command line gives, or its default.
    table : Path or None
        The table, with a row for each image.
    columns, labels : list of str or None
        `KEY=COLUMN` and `LABEL=CLASS`, as given.
    held_out : str or None
        `COLUMN=VALUE` of rows that are tested and never trained on.
    exclude : list of str or None
        `COLUMN=VALUE` of rows to leave out.

    Raises
    ------
    UserError
        If the options contradict one another.
    """
    others = {"--column": columns, "--label": labels, "--held-out": held_out, "--exclude": exclude}
    if table is None:
        if given := [option for option, value in others.items() if value]:
            raise UserError(f"{given[0]}: says something of a table; name the table with --table, or leave it out.")
        if adapter == TABLE:
            raise UserError(f"--adapter {TABLE}: goes with --table; name the table of the images.")
        return adapter, {}
    if adapter not in (OWN_IMAGES, TABLE):
        raise UserError(
            f"--table: goes with the adapter {TABLE}, not with {adapter}; leave one of the two options out."
        )
    said: dict[str, object] = {"table": table, "columns": pairs(columns or [], "--column")}
    if labels:
        said["labels"] = pairs(labels, "--label")
    if held_out is not None:
        ((column, value),) = pairs([held_out], "--held-out").items()
        said["held_out"] = {"column": column, "value": value}
    left_out: dict[str, list[str]] = {}
    for one in exclude or []:
        ((column, value),) = pairs([one], "--exclude").items()
        left_out.setdefault(column, []).append(value)
    if left_out:
        said["exclude"] = left_out
    return TABLE, said


def show_scan(found: Scan, dataset: StudiedDataset) -> None:
    """Print what was understood of a dataset's images.

    Parameters
    ----------
    found : Scan
        What the scan found.
    dataset : StudiedDataset
        Configuration of the dataset that was scanned.
    """
    from leukorepro.cli.options import show
    from leukorepro.data.description import class_table, describe, headline

    print(headline(found))
    show(class_table(found))
    print(describe(found, dataset))
