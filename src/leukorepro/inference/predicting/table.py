"""The table of predictions: a line for each image that was asked about, whatever became of it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.tables.table import Table, number, text
from leukorepro.inference.model import Model
from leukorepro.inference.predicting.inputs import Asked
from leukorepro.inference.predicting.ready import Decided

if TYPE_CHECKING:
    import pandas as pd

PREDICTED_TABLE = Table(
    {
        **text("path", "status", "prediction"),
        **number("probability"),
        **text("out_of_distribution"),
        **number("distance"),
        **text("training_image", "model", "note"),
    }
)
"""A row for each image that was asked about. `score` follows `probability`; with more than two classes each class has
columns of its own, `probability_<class>` and `score_<class>`. `training_image` is true where the model was fitted on
this very file, and empty where it cannot tell."""

OK = "ok"
"""Status of an image that was read; that of another is a word of the manifest's."""

Failures = dict[int, tuple[str, str]]
"""Status and reason of images that could not be read, by their places in a block."""


def columns(classes: Sequence[str]) -> list[str]:
    """Names of the columns.

    With two classes `probability` and `score` are of the positive one; with more, of the predicted one, and those of
    each class stand beside them. `out_of_distribution` is true where `distance`, in units of its limit, is above 1.
    """
    of_classes = classes if len(classes) > 2 else []
    return [
        *("path", "status", "prediction", "probability"),
        *(f"probability_{name}" for name in of_classes),
        "score",
        *(f"score_{name}" for name in of_classes),
        *("out_of_distribution", "distance", "training_image", "model", "note"),
    ]


def header(classes: Sequence[str]) -> str:
    """The first line."""
    return _line(columns(classes))


def lines(
    block: Sequence[Asked],
    decided: Decided | None,
    known: NDArray[np.bool_] | None,
    failures: Failures,
    model: Model,
    model_id: str,
) -> str:
    """Lines of a block of images.

    Parameters
    ----------
    block : sequence of Asked
        Images, in the order of the table.
    decided : Decided or None
        Of all images of the block that could be read, in order; None where none could.
    known : ndarray of bool or None
        Which of those the model was fitted on; None where it cannot tell.
    failures : dict of int to (str, str)
        Status and reason of each image of the block that could not be read, by its place.
    model : Model
    model_id : str
        What the column `model` says.
    """
    answered = iter(()) if decided is None else _answers(model, decided, known)
    nothing = [""] * (len(columns(model.system.classes)) - 4)
    text = []
    for place, asked in enumerate(block):
        status, reason = failures.get(place, (OK, ""))
        told = nothing if place in failures else next(answered)
        text.append(_line([asked.path, status, *told, model_id, "; ".join(filter(None, (reason, asked.note)))]))
    return "".join(text)


def _answers(model: Model, decided: Decided, known: NDArray[np.bool_] | None) -> Iterator[list[str]]:
    """The columns from `prediction` to `training_image`, of one image after another."""
    answers, several = decided.answers, len(model.system.classes) > 2
    for row, prediction in enumerate(decided.decisions.prediction):
        scores = answers.scores[row].tolist()
        distance = float(decided.distances[row])
        yield [
            str(prediction),
            _number(decided.decisions.probability[row]),
            *(map(_number, decided.decisions.probabilities[row]) if several else []),
            _number(scores[answers.classes.index(prediction)] if several else scores[0]),
            *(map(_number, scores) if several else []),
            "" if math.isnan(distance) else str(distance > 1).lower(),
            "" if math.isnan(distance) else f"{distance:.6g}",
            "" if known is None else str(bool(known[row])).lower(),
        ]


def _number(value: float) -> str:
    """All digits; nothing where there is no number."""
    return "" if math.isnan(value) else repr(float(value))


def _line(fields: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()


def read(path: Path) -> pd.DataFrame:
    """Read those of its columns that do not depend on the classes; text is empty, a number NaN, where there is none.

    Raises
    ------
    UserError
        If it is no such table.
    """
    return PREDICTED_TABLE.read(path)
