"""A linear support vector machine that is fitted step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from leukorepro.core.words import ScoreKind
from leukorepro.systems.classifiers.classifier import WeighingClassifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.linear_model import SGDClassifier


class SgdSpec(WeighingClassifier):
    """Linear support vector machine fitted by stochastic gradient descent."""

    kind: Literal["sgd"]
    alpha: Annotated[float, Field(gt=0)] = 0.0001

    @property
    def scores(self) -> ScoreKind:
        """Distances from the plane."""
        return "margin"

    def unfitted(self, settings: Settings) -> SGDClassifier:
        """scikit-learn's."""
        from sklearn.linear_model import SGDClassifier

        return SGDClassifier(alpha=self.alpha, class_weight=self.class_weight, random_state=settings.seed)


ENTRY = SgdSpec
