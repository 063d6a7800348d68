"""`leukorepro model evaluate`: how good a model is on labelled images of another laboratory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.dataset_options import (
    AdapterOption,
    MaxUnreadableOption,
    MissingSubjectOption,
    SubjectLevelOption,
    SubjectRegexOption,
    SubjectsCsvOption,
    describe_dataset,
)
from leukorepro.cli.options import (
    DeviceOption,
    ImageWorkersOption,
    ModelOption,
    folder_to_read,
    folder_to_write,
    pairs,
    show,
)
from leukorepro.config.adapters import OWN_IMAGES
from leukorepro.core.words import LARGEST_SEED


def evaluate(
    model: ModelOption,
    images: Annotated[
        Path, typer.Option(callback=folder_to_read, help="Folder of the images, with one folder for each class.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to write: a page and its tables.")
    ],
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="What the model calls a folder's class, as THEIRS=OURS; repeat for more."),
    ] = None,
    adapter: AdapterOption = OWN_IMAGES,
    subjects_csv: SubjectsCsvOption = None,
    subject_regex: SubjectRegexOption = None,
    subject_level: SubjectLevelOption = None,
    missing_subject: MissingSubjectOption = None,
    max_unreadable: MaxUnreadableOption = 0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the resamples behind intervals.")] = 0,
    threads: ImageWorkersOption = 2,
    device: DeviceOption = "auto",
) -> None:
    """Measure a model on labelled images of another laboratory, and show how these differ from its training images.

    Writes a page that opens from disk, `index.html`, with its tables beside it. Intervals come from resampling
    patients where they are known, else single images. Files that the model was fitted on are left out, and told.

    Example: `leukorepro model evaluate --model models/mine --images new_smears --class blast=all --output evaluation`
    """
    from leukorepro.data.scan import scan
    from leukorepro.inference.bundle.reading import read_model
    from leukorepro.inference.card import NO_DEVICE
    from leukorepro.inference.evaluating.laboratory import evaluate_folder
    from leukorepro.inference.predicting.ready import ready
    from leukorepro.report.pages.evaluation.summary import summary
    from leukorepro.report.pages.evaluation.write import write_evaluation

    names = pairs(classes or [], "--class")
    dataset = describe_dataset(
        images,
        adapter,
        subjects_csv,
        subject_regex,
        subject_level=subject_level,
        missing_subjects=missing_subject,
        max_unreadable=max_unreadable,
    )
    opened = read_model(model, device)
    for sentence in [*opened.card.caveats, NO_DEVICE]:
        print(sentence, file=sys.stderr)
    found = scan(dataset, images, workers=threads)
    with ready(opened, device=device, threads=threads) as readied:
        laboratory = evaluate_folder(readied, dataset, found, names, seed)
    print(laboratory.fitted_on, file=sys.stderr)
    write_evaluation(laboratory, opened.card, output)
    show(summary(laboratory.evaluation, opened.card))
    print(output / "index.html")
