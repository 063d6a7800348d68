"""What classifications of the same feature file share: rows with their inner products, and fits that are the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leukorepro.features.fusion import Features
from leukorepro.run.digests import digest
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kernels import Positions, Rows, StoredRows
from leukorepro.systems.classifiers.tasks import Answers


class Codes(NamedTuple):
    """What a reducer makes of rows: its file, and which of its fits."""

    file: Path
    fit: str


class Shared:
    """The rows of a feature file that were used last, and what was fitted on them.

    Rungs that deal the same rows out have one matrix of products, which takes gigabytes, and not one each; what they
    fit on the same rows, as where a rung changes fits that an item has not, is fitted once. Rows are forgotten when
    others are asked for, so that one matrix is in memory at a time.

    Parameters
    ----------
    features : Features
    """

    def __init__(self, features: Features) -> None:
        self.features = features
        self.answers: dict[str, Answers] = {}
        """Of fits on the rows that were used last, by their keys."""
        self._used: Positions | None = None
        self._rows = Rows(lambda: np.empty((0, 0), np.float32))

    def rows(self, used: Positions) -> Rows:
        """Some rows of the file, with whatever was computed of them before."""
        if self._used is None or not np.array_equal(self._used, used):
            self.answers.clear()
            self._used, self._rows = used, StoredRows(self.features.matrix, used)
        return self._rows


def key_of(
    classifier: Classifier,
    codes: Codes | None,
    labels: Sequence[str] | NDArray[np.object_],
    train: Positions,
    asked: Positions,
    positive_class: str | None,
    settings: Settings,
) -> str:
    """All that the answers of a fit depend on, the feature file and its rows in use being the same.

    Parameters
    ----------
    classifier : Classifier
    codes : Codes or None
        What it sees of the rows; None for the rows themselves.
    labels : sequence of str
        Classes of the training rows.
    train, asked : ndarray of int
        Positions among the rows in use.
    positive_class : str or None
        The class whose score is kept; None where there are more than two.
    settings : Settings
    """
    drawn = (settings.seed, settings.budget, settings.fast_trees)
    return digest(classifier, codes, list(labels), train.tolist(), asked.tolist(), positive_class, drawn)
