"""One decision tree."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Literal

from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings, Way, by_extension, has_extension

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier


class DecisionTreeSpec(Classifier):
    """One decision tree, grown until its leaves are pure."""

    kind: Literal["decision_tree"]

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """All columns are sorted on every level.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Not looked at.
        """
        return train * columns * log2(train + 2) / 1e6

    def unfitted(self, settings: Settings) -> DecisionTreeClassifier:
        """scikit-learn's."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(random_state=settings.seed)

    def fastest(self, n_rows: int, settings: Settings) -> Way:
        """With `fast_trees` the extension's forest of one tree that sees every row and every feature.

        Parameters
        ----------
        n_rows : int
            Rows of all folds together.
        settings : Settings
            Seed and threads, and whether `fast_trees` was chosen.
        """
        if not (settings.fast_trees and has_extension()):
            return super().fastest(n_rows, settings)
        alone = {"n_estimators": 1, "bootstrap": False, "max_features": None}
        fixed = {"random_state": settings.seed, "n_jobs": settings.threads}
        return by_extension("ensemble", "RandomForestClassifier", **alone, **fixed)


ENTRY = DecisionTreeSpec
