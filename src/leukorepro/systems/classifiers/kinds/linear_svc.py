"""A linear support vector machine by LIBLINEAR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from leukorepro.core.words import ScoreKind
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.svm import LinearSVC


class LinearSvcSpec(Classifier):
    """Linear support vector machine as scikit-learn's `LinearSVC`, one class against the rest.

    Unlike the kind `svm` with a linear kernel it penalises the intercept, too, and stops after 1,000 passes, wherever
    it is by then.
    """

    kind: Literal["linear_svc"]
    C: Annotated[float, Field(gt=0)] = 1.0
    loss: Literal["hinge", "squared_hinge"] = "squared_hinge"

    @property
    def scores(self) -> ScoreKind:
        """Distances from the plane."""
        return "margin"

    def unfitted(self, settings: Settings) -> LinearSVC:
        """scikit-learn's."""
        from sklearn.svm import LinearSVC

        return LinearSVC(C=self.C, loss=self.loss, random_state=settings.seed)


ENTRY = LinearSvcSpec
