"""A model: a fitted system with what is needed to use it and to judge it, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leukorepro.config.study.schemes import LabelSet
from leukorepro.inference.bundle.description import Source
from leukorepro.inference.card import Card
from leukorepro.inference.operating import Calibration, Decisions, Threshold, decisions
from leukorepro.inference.performance import RungPerformance
from leukorepro.inference.system import FittedSystem
from leukorepro.inference.training_images import image_digests
from leukorepro.inference.unlike import Unlike
from leukorepro.systems.classifiers.tasks import Answers


@dataclass(frozen=True, eq=False)
class Model:
    """What a model folder holds.

    Attributes
    ----------
    folder : Path or None
        Where it was read from; None where it was not written yet.
    system : FittedSystem
    sources : tuple of Source
        What computes the system's rows, one for each of its parts, with the weights.
    calibration : Calibration or None
    threshold : Threshold or None
        None where the classifier's own predictions count.
    card : Card
    unlike : Unlike or None
        What flags images that are unlike those that it was fitted on; None where it was fitted on one group alone.
    label_set : LabelSet or None
        Which of the dataset's labels each class stands for; None where the classes are the labels.
    trained_on : ndarray of uint64, shape (n_images,), or None
        `leukorepro.inference.training_images.image_digests` of the images that it was fitted on; None where it was
        written before models kept them.
    """

    folder: Path | None
    system: FittedSystem
    sources: tuple[Source, ...]
    calibration: Calibration | None
    threshold: Threshold | None
    card: Card
    unlike: Unlike | None = None
    label_set: LabelSet | None = None
    trained_on: NDArray[np.uint64] | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.card.name

    @property
    def rungs(self) -> list[RungPerformance]:
        """Measured performance on every rung, the honest one first."""
        return self.card.rungs

    def fitted_on(self, sha256: Iterable[str]) -> NDArray[np.bool_] | None:
        """Which of some image files it was fitted on; None where it cannot tell.

        Parameters
        ----------
        sha256 : iterable of str
            Of each file's bytes.
        """
        if self.trained_on is None:
            return None
        return np.isin(image_digests(sha256, self.card.training), self.trained_on)


def decide(model: Model, answers: Answers) -> Decisions:
    """What a model says of rows, from its system's answers.

    Parameters
    ----------
    model : Model
        Its calibration gives probabilities, its threshold decides.
    answers : Answers
        Classes and scores that its system gives for the rows.
    """
    system = model.system
    return decisions(answers, system.scores, system.positive_class, model.calibration, model.threshold)
