"""Classifiers of a study: what all kinds may say, and where the kinds are."""

from __future__ import annotations

from typing import Annotated, Any

from leukorepro.config.fields import Strict
from leukorepro.config.named_kinds import NamedBy
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.registry import Registry
from leukorepro.core.words import ScoreKind


class ClassifierBase(Strict):
    """What every classifier may say; its kind, an entry of `leukorepro.systems.classifiers.kinds`, says the rest."""

    kind: str
    standardize: bool = False
    """Scale every feature to mean 0 and deviation 1 over the training rows."""

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.kind

    @property
    def scores(self) -> ScoreKind:
        """What its scores are; a kind that says nothing gives probabilities."""
        return "probability"

    @property
    def rows_needed(self) -> int:
        """Training rows that it needs at least."""
        return 1


CLASSIFIERS: Registry[Any] = Registry("classifier", "leukorepro.systems.classifiers.kinds")
"""Each entry is a class: `ClassifierBase` filled in, or a `ClassifierTrainingSpec` of networks."""

OtherClassifierSpec = Annotated[ClassifierBase, NamedBy("kind", CLASSIFIERS)]
"""A classifier that is no network of its own."""

ClassifierSpec = Annotated[ClassifierBase | ClassifierTrainingSpec, NamedBy("kind", CLASSIFIERS)]


def linear_svm() -> ClassifierBase:
    """What stands in where a study's classifier cannot: a linear support vector machine on scaled features."""
    machine: ClassifierBase = CLASSIFIERS["svm"].model_validate({"kind": "svm", "kernel": "linear"})
    return machine
