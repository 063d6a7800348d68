"""What answers printed numbers that no item of their own table does, with what is counted here of images.

The audit of a paper says what answers each of its numbers (`leukorepro.audits.answers`), and has counted what follows
from the study's configuration alone. Sizes are counted here, in the split tables of the published rung.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from leukorepro.config.study.answers import By, Count
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.ladder.rungs import PUBLISHED
from leukorepro.run.plan import used_splits
from leukorepro.run.resolved import ResolvedStudy

Number = tuple[str, str, str]
"""A printed number: its table, item and metric."""


class Tied(NamedTuple):
    """The number is one of an item elsewhere."""

    place: Number
    by: By = "tie"


class Counted(NamedTuple):
    """The number is a count, and these are ours; several where folds differ."""

    ours: tuple[int, ...]
    untested: str = ""
    """Why it cannot be compared here; empty where it can."""
    by: By = "count"


class Unanswered(NamedTuple):
    """Nothing of ours can be compared with the number, and why."""

    by: By
    why: str


Answer = Tied | Counted | Unanswered


def read_answers(
    path: Path,
    study: ResolvedStudy,
    other_dataset: str,
    scan: Mapping[str, Any],
    rows_of: Callable[[str], pd.DataFrame],
) -> dict[Number, Answer]:
    """What answers the numbers of a study that no item of their own table does.

    Parameters
    ----------
    path : Path
        The audit of the paper, as ``leukorepro audit published`` writes it.
    study : ResolvedStudy
        What was run.
    other_dataset : str
        Why images here are not those that the paper counts; empty where they are.
    scan : mapping
        Summary of the dataset, as `leukorepro.data.scan.scan` gives it.
    rows_of : callable
        From the name of a split to its table on the published rung, with the columns of `SPLITS_TABLE` and the images'
        ``label`` and ``subject_id``.

    Raises
    ------
    UserError
        If the file is missing, is no audit or has nothing on the study, or if a count is of a part or a class that the
        published dataset does not have.
    """
    key = study.study.key
    try:
        found = read_json(path)["studies"][key]["answers"]
    except (AttributeError, KeyError, TypeError):
        raise UserError(
            f"{path}: no answers to the numbers of study '{key}'; make them with `leukorepro audit published {key} "
            f"--out {path}`."
        ) from None
    answers: dict[Number, Answer] = {}
    for row in found:
        number = (row["table"], row["item"], row["metric"])
        if row["by"] == "tie":
            answers[number] = Tied((row["place"][0], row["place"][1], row["place"][2]))
        elif row["by"] == "count" and row["ours"] is not None:
            answers[number] = Counted((row["ours"],))
        elif row["by"] == "count":
            answers[number] = _counted(Count.model_validate(row["count"]), study, other_dataset, scan, rows_of)
        elif row["by"] in ("quoted", "description"):
            answers[number] = Unanswered(row["by"], row["why"])
    return answers


def _counted(
    count: Count,
    study: ResolvedStudy,
    other_dataset: str,
    scan: Mapping[str, Any],
    rows_of: Callable[[str], pd.DataFrame],
) -> Counted:
    if other_dataset:
        return Counted((), other_dataset)
    if count.part is not None:
        return Counted((_of_part(count, study, scan),))
    split = count.split or ""
    if PUBLISHED not in study.protocols or split not in used_splits(study):
        return Counted((), f"the split {split} was not made here under the paper's own protocol")
    rows = rows_of(split)
    rows = rows[rows["role"] != "excluded"]
    if count.of_class is not None:
        _check_known(count.of_class, "class", set(rows["label"]), count, study)
        rows = rows[rows["label"] == count.of_class]
    if count.role is not None:
        rows = rows[rows["role"] == count.role]
    column = {"images": "image_id", "subjects": "subject_id"}.get(count.of)
    folds = rows.groupby(["repeat", "fold"])
    sizes = folds.size() if column is None else folds[column].nunique()
    return Counted(tuple(sorted(set(sizes.tolist()))))


def _of_part(count: Count, study: ResolvedStudy, scan: Mapping[str, Any]) -> int:
    parts = {part["name"]: part["found"] for part in scan["parts"]}
    _check_known(str(count.part), "part", set(parts), count, study)
    found: dict[str, int] = parts[str(count.part)]
    name = "images" if count.of_class is None else f"images of class {count.of_class}"
    _check_known(name, "count", set(found), count, study)
    return found[name]


def _check_known(name: str, what: str, known: set[str], count: Count, study: ResolvedStudy) -> None:
    if name not in known:
        raise UserError(
            f"study '{study.study.key}': audit.counts: '{count.number}': the dataset {study.dataset_id} has no {what} "
            f"'{name}'. It has: {', '.join(sorted(known)) or 'none'}."
        )
