"""A fitted system in memory: from the rows that its parts compute of images to classes and scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import StandardScaler

from leukorepro.core.words import ScoreKind
from leukorepro.features.parts import Part
from leukorepro.systems.classifiers.fits import ask
from leukorepro.systems.classifiers.tasks import Answers

Float32 = NDArray[np.float32]


class Reducer(Protocol):
    """A fitted reducer: `leukorepro.systems.autoencoders.encoder.Encoder`, or a network's encoder."""

    def transform(self, X: Any, /) -> Float32:
        """Codes (N, n_codes) of rows (N, D)."""


@runtime_checkable
class Network(Protocol):
    """A trained network as a classifier: classes and scores come of one pass."""

    def answers(self, rows: NDArray[Any], positive_class: str | None, engine: str) -> Answers:
        """What it says of rows.

        Parameters
        ----------
        rows : ndarray, shape (N, D)
            Images as uint8, codes or feature maps as float32.
        positive_class : str or None
            The class whose probability is the score; None where there are more than two.
        engine : str
            What computes it, with its version, as answers name it.
        """


@dataclass(frozen=True, eq=False)
class FittedSystem:
    """What is fitted of an item on a rung; no part of it changes when it is used.

    Attributes
    ----------
    parts : tuple of ResolvedExtractor or ResolvedDescriptor
        What computes its input rows of images, in the order of their columns.
    classes : list of str
        Sorted.
    positive_class : str or None
        With two classes, the one that high scores speak for.
    scores : {'probability', 'log_odds', 'margin'}
        What its scores are.
    engine : str
        What fitted the classifier, with its version.
    classifier : ClassifierMixin or Network
        Of scikit-learn, or ours; a network that was trained.
    scaler : StandardScaler or None
        What the classifier's rows pass first.
    reducer : Reducer or None
        What the input rows pass first of all.
    """

    parts: tuple[Part, ...]
    classes: list[str]
    positive_class: str | None
    scores: ScoreKind
    engine: str
    classifier: ClassifierMixin | Network
    scaler: StandardScaler | None = None
    reducer: Reducer | None = None

    def answers(self, rows: NDArray[Any]) -> Answers:
        """Classes and scores of images, as the predictions contract has them.

        Parameters
        ----------
        rows : ndarray, shape (N, D)
            As a feature file of the parts has them: float32, or images as uint8, each in one row.
        """
        given = rows if self.reducer is None else self.reducer.transform(rows)
        if self.scaler is not None:
            given = self.scaler.transform(given)
        if isinstance(self.classifier, Network):
            return self.classifier.answers(given, self.positive_class, self.engine)
        return ask(self.classifier, given, self.positive_class, self.scores, self.engine)
