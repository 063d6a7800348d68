"""Gaussian naive Bayes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.naive_bayes import GaussianNB


class NaiveBayesSpec(Classifier):
    """Naive Bayes with scikit-learn's defaults: features normal within a class, and independent of one another."""

    kind: Literal["naive_bayes"]

    def unfitted(self, settings: Settings) -> GaussianNB:  # noqa: ARG002 - nothing is drawn
        """scikit-learn's."""
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()


ENTRY = NaiveBayesSpec
