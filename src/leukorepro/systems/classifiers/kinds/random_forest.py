"""A random forest."""

from __future__ import annotations

from math import log2, sqrt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.classifier import WeighingClassifier
from leukorepro.systems.classifiers.engines import Settings, Way, by_extension, has_extension

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier


class RandomForestSpec(WeighingClassifier):
    """Random forest."""

    kind: Literal["random_forest"]
    n_estimators: Annotated[int, Field(ge=1)] = 100

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """Some columns are sorted on every level of every tree.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Not looked at.
        """
        return self.n_estimators * train * sqrt(columns) * log2(train + 2) / 1e6

    def unfitted(self, settings: Settings) -> RandomForestClassifier:
        """scikit-learn's."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(self.n_estimators, class_weight=self.class_weight, random_state=settings.seed)

    def fastest(self, n_rows: int, settings: Settings) -> Way:
        """With `fast_trees` the extension's, which draws other trees.

        Parameters
        ----------
        n_rows : int
            Rows of all folds together.
        settings : Settings
            Seed and threads, and whether `fast_trees` was chosen.
        """
        if not (settings.fast_trees and has_extension()):
            return super().fastest(n_rows, settings)
        fixed = {"class_weight": self.class_weight, "random_state": settings.seed, "n_jobs": settings.threads}
        return by_extension("ensemble", "RandomForestClassifier", n_estimators=self.n_estimators, **fixed)


ENTRY = RandomForestSpec
