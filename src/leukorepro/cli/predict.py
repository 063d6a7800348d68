"""`leukorepro predict`: what a model says of images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.dataset_options import (
    MissingSubjectOption,
    SubjectLevelOption,
    SubjectRegexOption,
    SubjectsCsvOption,
    describe_dataset,
)
from leukorepro.cli.options import (
    DeviceOption,
    ImageWorkersOption,
    MaxPixelsOption,
    ModelOption,
    file_to_write,
    folder_to_read,
    folder_to_write,
)
from leukorepro.config.adapters import OWN_IMAGES

LARGEST_BATCH = 4096
"""Images that are decided together; more fill the memory and save no time."""


def predict(
    paths: Annotated[
        list[str],
        typer.Argument(help="Images, folders of images, or manifests as `leukorepro data scan` writes them."),
    ],
    model: ModelOption,
    out: Annotated[Path, typer.Option("--out", "-o", callback=file_to_write, help="Table to write, as CSV.")],
    images: Annotated[
        Path | None,
        typer.Option(
            callback=folder_to_read, help="Folder that the paths in manifests begin at; default: the manifest's own."
        ),
    ] = None,
    subjects_csv: SubjectsCsvOption = None,
    subject_regex: SubjectRegexOption = None,
    subject_level: SubjectLevelOption = None,
    missing_subject: MissingSubjectOption = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            callback=folder_to_write,
            help="Folder for pictures of where predictions come from: one for each image, 1,000 at most.",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, max=LARGEST_BATCH, help="Images that are decided together; default: what suits what computes them."
        ),
    ] = None,
    threads: ImageWorkersOption = 2,
    device: DeviceOption = "auto",
    max_pixels: MaxPixelsOption = 100_000_000,
) -> None:
    """Say what a model takes images for; run again to continue after a kill.

    Every image is a line of the table, those too that cannot be read; `status` then says why, as in a manifest. Where
    patients are known, a table beside it, `F_patients.csv`, has a line for each. The exit status is 0 if an image was
    predicted, 1 if none could be.

    Example: `leukorepro predict --model models/mine new_smears --out predictions.csv`
    """
    from leukorepro.config.datasets import UnattributedDataset
    from leukorepro.inference.bundle.reading import read_model
    from leukorepro.inference.card import NO_DEVICE
    from leukorepro.inference.predicting.inputs import find_images
    from leukorepro.inference.predicting.predict import predict as run
    from leukorepro.inference.predicting.ready import ready
    from leukorepro.inference.predicting.summary import summary
    from leukorepro.inference.predicting.table import OK, read

    described = describe_dataset(
        Path(),
        OWN_IMAGES,
        subjects_csv,
        subject_regex,
        subject_level=subject_level,
        missing_subjects=missing_subject,
    )
    assert isinstance(described, UnattributedDataset)
    asking = find_images(paths, images, described)
    opened = read_model(model, device)
    for sentence in [*opened.card.caveats, NO_DEVICE]:
        print(sentence, file=sys.stderr)
    with ready(opened, device=device, threads=threads, batch=batch) as readied:
        run(readied, asking.images, out, max_pixels=max_pixels)
    predictions = read(out)
    print("\n".join(summary(predictions, asking, opened.system.classes, opened.unlike is not None)))
    print(out)
    if asking.has_subjects:
        from leukorepro.inference.predicting.patients import PATIENTS_TABLE, of_patients

        subject_of = [image.subject_id for image in asking.images]
        patients = of_patients(predictions, subject_of, opened.system.classes, opened.system.positive_class)
        beside = out.with_name(f"{out.stem}_patients.csv")
        PATIENTS_TABLE.write(patients, beside)
        print(f"{len(patients):,} patients: {beside}")
    if not (predictions["status"] == OK).any():
        raise typer.Exit(1)
    if explain is not None:
        from leukorepro.inference.explaining.models import explain_predictions

        n_pictures = explain_predictions(opened, asking.images, predictions, explain, max_pixels)
        print(f"{n_pictures:,} explained: {explain}")
