"""Linear discriminant analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from leukorepro.core.words import Budget, ScoreKind
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


class LinearDiscriminantSpec(Classifier):
    """Linear discriminant analysis with scikit-learn's defaults: normal densities, one covariance for all classes."""

    kind: Literal["linear_discriminant"]

    @property
    def scores(self) -> ScoreKind:
        """Logarithms of the odds."""
        return "log_odds"

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """A decomposition of the training rows.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Not looked at.
        """
        return train * columns * min(train, columns) / 1e6

    def unfitted(self, settings: Settings) -> LinearDiscriminantAnalysis:  # noqa: ARG002 - nothing is drawn
        """scikit-learn's."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        return LinearDiscriminantAnalysis()


ENTRY = LinearDiscriminantSpec
