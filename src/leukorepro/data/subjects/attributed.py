"""Whose images are, where their folder does not say it and their owner does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leukorepro.config.datasets import SubjectsFromCsv, SubjectsFromRegex, UnattributedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.data.subjects.missing import take_out_missing
from leukorepro.data.subjects.tables import read_subjects


def subjects_of(dataset: UnattributedDataset, where: str, images: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The subject of every image, from a table, from the paths or from the folders.

    Parameters
    ----------
    dataset : UnattributedDataset
        Says where subjects are from, and which spellings say that none is known.
    where : str
        What a message on the images begins with.
    images : sequence of str
        Paths below the images' folder.

    Returns
    -------
    subject_of : dict of str to str
        Empty where none is known; without any image where nothing is said of subjects.
    notes : list of str

    Raises
    ------
    UserError
        If the subject of an image is missing or ambiguous, or spelled as if none were known and not listed in
        `missing_subjects`.
    """
    subjects: dict[str, str] = {}
    notes: list[str] = []
    if isinstance(dataset.subjects, SubjectsFromCsv):
        subjects, notes = read_subjects(dataset.subjects.csv, images)
    elif isinstance(dataset.subjects, SubjectsFromRegex):
        subjects = _from_regex(dataset.subjects.regex, where, images)
    elif dataset.subject_level is not None:
        subjects = _from_folders(dataset.subject_level, where, images)
    told_by = str(dataset.subjects.csv) if isinstance(dataset.subjects, SubjectsFromCsv) else where
    subjects, unknown = take_out_missing(subjects, dataset.missing_subjects, told_by)
    return subjects, [*notes, *unknown]


def _from_regex(regex: str, where: str, images: Sequence[str]) -> dict[str, str]:
    pattern = re.compile(regex)
    group: str | int = "subject" if "subject" in pattern.groupindex else 1
    subjects = {}
    for image in images:
        match = pattern.search(image)
        if match and match[group]:
            subjects[image] = str(match[group])
    missing = [image for image in images if image not in subjects]
    if missing:
        raise UserError(
            f"{where}: the expression '{regex}' for subjects finds none in {len(missing):,} of {len(images):,} images "
            f"({some(missing)}); it is searched in the path below the folder. Correct it."
        )
    return subjects


def _from_folders(level: int, where: str, images: Sequence[str]) -> dict[str, str]:
    """Subjects by the names of the folders at one level; 1 is right below the images' folder."""
    folders = {image: image.split("/")[:-1] for image in images}
    if missing := [image for image, names in folders.items() if len(names) < level]:
        raise UserError(
            f"{where}: `subject_level: {level}` names no folder of {len(missing):,} of {len(images):,} images "
            f"({some(missing)}), which lie less deep; move each into its subject's folder, or correct the level."
        )
    return {image: names[level - 1] for image, names in folders.items()}
