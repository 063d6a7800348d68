"""Options that describe a folder of images, and the dataset that they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import file_to_read
from leukorepro.config.adapters import ADAPTERS
from leukorepro.core.errors import UserError

if TYPE_CHECKING:
    from leukorepro.config.datasets import Dataset, RealDataset
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
MissingSubjectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--missing-subject", help="Spelling of a subject, such as NA, that says that none is known; repeat for more."
    ),
]

MaxUnreadableOption = Annotated[
    int,
    typer.Option("--max-unreadable", min=0, help="How many broken image files to leave out before giving up."),
]


def describe_dataset(
    images: Path,
    adapter: str,
    subjects_csv: Path | None,
    subject_regex: str | None,
    missing_subjects: Sequence[str] = (),
    **more: object,
) -> RealDataset:
    """A dataset's configuration from command-line options.

    Raises
    ------
    UserError
        If the options contradict one another.
    """
    from leukorepro.config.datasets import UnattributedDataset, real_adapter
    from leukorepro.core.validation import parse

    entry = real_adapter(adapter, "--adapter")
    value: dict[str, object] = {"adapter": adapter, "images": images, **more}
    if subjects_csv is not None and subject_regex is not None:
        raise UserError("--subjects-csv and --subject-regex: both given; subjects come from one of them.")
    if subjects_csv is not None or subject_regex is not None:
        if not issubclass(entry, UnattributedDataset):
            raise UserError(
                f"--subjects-csv, --subject-regex: the adapter {adapter} takes none from elsewhere; leave them out."
            )
        value["missing_subjects"] = tuple(missing_subjects)
        value["subjects"] = {"csv": subjects_csv} if subjects_csv is not None else {"regex": subject_regex}
    elif missing_subjects:
        raise UserError("--missing-subject: goes with --subjects-csv or --subject-regex; give one, or leave it out.")
    return parse(entry, value, Path("options"))


def show_scan(found: Scan, dataset: Dataset) -> None:
    """Print what was understood of a dataset's images."""
    from leukorepro.cli.options import show
    from leukorepro.data.description import class_table, describe, headline

    print(headline(found))
    show(class_table(found))
    print(describe(found, dataset))
