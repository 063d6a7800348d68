"""What a study's two files lack: blanks, keys, printed numbers, and what answers them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leukorepro.audits.answers import Answers
from leukorepro.audits.paper import Paper
from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.published import read_published
from leukorepro.config.study.skeleton import BLANK
from leukorepro.config.study.study import Study, load_study
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import PUBLISHED_TABLE
from leukorepro.core.validation import read_yaml

OURS = "S"
"""What the name of a table begins with that no paper prints, so that none of its numbers is missing."""


def lacking(key: str) -> list[str]:
    """What is missing in a study's files, a line each; none where they are complete.

    Blanks are told first; with one of them, a file cannot be read for more.

    Raises
    ------
    UserError
        If one of the files is missing or cannot be read.
    """
    files = study_path(key), published_path(key)
    blanks = [*_blanks(read_yaml(files[0]), files[0]), *_blank_numbers(files[1])]
    if blanks:
        return blanks
    try:
        study = load_study(files[0])
        return list(_of_study(study, key, files))
    except UserError as error:  # what is wrong is what is missing
        return [str(error)]


def _blanks(value: Any, file: Path, key: str = "") -> Iterator[str]:
    """A line for every key of a configuration that is not filled in."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _blanks(one, file, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _blanks(one, file, f"{key}[{number}]")
    elif isinstance(value, str) and BLANK in value:
        yield f"{file}: {key} is not filled in."


def _blank_numbers(file: Path) -> Iterator[str]:
    for row, values in PUBLISHED_TABLE.read_by_hand(file).to_dict("index").items():
        if names := [name for name, value in values.items() if BLANK in value]:
            yield f"{file}: row {row}: {', '.join(map(str, names))} not filled in."


def _of_study(study: Study, key: str, files: tuple[Path, Path]) -> Iterator[str]:
    if study.key != key:
        yield f"{files[0]}: key is '{study.key}'; must be '{key}', as the file is called."
    published = read_published(files[1])
    table, _, item = study.headline.partition("/")
    if published[(published["table"] == table) & (published["item"] == item)].empty and not table.startswith(OURS):
        yield f"{files[1]}: has no number of the headline, the item '{item}' of the table '{table}'; add its rows."
    paper = Paper(study, published)
    answers = Answers(paper)
    for value in paper.values:
        if answers.of(value).by == "nothing":
            yield (
                f"{files[1]}: the {value.words} of {value.table}/{value.item} is answered by nothing; let an item of "
                f"that table in {files[0]} be called so, or say what it is under `audit:`."
            )
