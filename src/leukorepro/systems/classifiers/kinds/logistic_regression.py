"""Logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from leukorepro.core.words import ScoreKind
from leukorepro.systems.classifiers.classifier import WeighingClassifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression


class LogisticRegressionSpec(WeighingClassifier):
    """Logistic regression with an L2 penalty."""

    kind: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)] = 1.0
    max_iterations: Annotated[int, Field(ge=1)] = 1000

    @property
    def scores(self) -> ScoreKind:
        """Its decision values."""
        return "log_odds"

    def unfitted(self, settings: Settings) -> LogisticRegression:  # noqa: ARG002
        """scikit-learn's."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=self.max_iterations)


ENTRY = LogisticRegressionSpec
