"""A person's own table of subjects: an image by its path or file name, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leukorepro.core.errors import UserError, some
from leukorepro.core.tables.data import SUBJECT_IDS_TABLE
from leukorepro.data.image_names import ImageNames


def read_subjects(table: Path, images: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The subject of every image.

    Parameters
    ----------
    table : Path
        With the columns `image`, a path below the images' folder or a file name, and `subject`.
    images : sequence of str
        Paths below the images' folder.

    Returns
    -------
    subject_of : dict of str to str
        As written, without spaces around; what says that none is known among them.
    notes : list of str
        How many rows name no image.

    Raises
    ------
    UserError
        If an image has no row, or rows with several subjects, or if a row names several images; also as
        `leukorepro.core.tables.table.Table.read_by_hand`.
    """
    names = ImageNames(images)
    subject_of: dict[str, str] = {}
    row_of: dict[str, int] = {}
    unmatched: dict[int, str] = {}
    frame = SUBJECT_IDS_TABLE.read_by_hand(table)
    for row, *values in frame.itertuples():
        given, subject = (value.strip() for value in values)
        if not given and not subject:
            continue  # spreadsheets end in such rows
        if not given:
            raise UserError(f"{table}: row {row}: the subject '{subject}' has no image; write its path or file name.")
        matches = names.find(given)
        if not matches:
            unmatched[row] = given
            continue
        if len(matches) > 1:
            raise UserError(
                f"{table}: row {row}: image '{given}' {names.why_none(given)}; give its path below the images' folder."
            )
        image = matches[0]
        if subject_of.get(image, subject) != subject:
            raise UserError(
                f"{table}: row {row}: image '{given}' has subject '{subject}', but '{subject_of[image]}' in row "
                f"{row_of[image]}; keep one of them."
            )
        subject_of[image], row_of[image] = subject, row
    missing = [image for image in images if image not in subject_of]
    if missing:
        raise UserError(
            f"{table}: {len(missing):,} of {len(images):,} images have no row ({some(missing)}); "
            f"{_remedy(missing, unmatched)}"
        )
    notes = [f"{table}: {len(unmatched):,} row(s) name an image that is not in the folder."] if unmatched else []
    return subject_of, notes


def _remedy(missing: Sequence[str], unmatched: dict[int, str]) -> str:
    """What to do about images without a row, where some rows name none: one of these beside the nearest image."""
    add = "add a row for each, with its path or file name in the column 'image'."
    if not unmatched:
        return add
    names = ImageNames(missing)
    meant = next((row for row, given in unmatched.items() if names.resembling(given)), None)
    row = next(iter(unmatched)) if meant is None else meant
    write = add if meant is None else "write paths as they are below the images' folder, or file names."
    return f"row {row} names '{unmatched[row]}', which {names.why_none(unmatched[row])}; {write}"
