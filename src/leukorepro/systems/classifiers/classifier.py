"""What a kind of classifier is made of; quick to import, since a study's configuration is read by its kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

from leukorepro.config.study.classifiers import ClassifierBase
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.engines import Settings, Way, named

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

    from leukorepro.systems.classifiers.kernels import Positions, Rows


class Classifier(ClassifierBase, ABC):
    """A classifier as a study describes it; an entry of `leukorepro.systems.classifiers.kinds` fills this in.

    scikit-learn and whatever else computes is imported inside the methods.
    """

    @abstractmethod
    def unfitted(self, settings: Settings) -> ClassifierMixin:
        """An estimator as scikit-learn's, for rows that are scaled already; every faster way must agree with it."""

    @property
    def steps(self) -> str:
        """Under which name the steps of a fit are counted; where one takes longer by a setting, its name says which."""
        return self.kind

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """How the time of a fit and of its answers grows, in any unit: steps for so many rows and columns, in millions.

        `leukorepro.costs` measures what a step takes, and asks nothing else of a kind. By default every value of the
        training rows counts once.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Which of its numbers of epochs is used, where it has any.
        """
        return train * columns / 1e6

    def holds(self, rows: int, columns: int) -> int:
        """Bytes that it needs in memory, of features and what is made of them, for so many rows in all.

        Parameters
        ----------
        rows : int
            Of training and test together.
        columns : int
            Of the features.
        """
        return 4 * rows * columns

    def fitting(self, rows: Rows, train: Positions, settings: Settings) -> Self:  # noqa: ARG002
        """This classifier with what only its training rows tell.

        Parameters
        ----------
        rows : Rows
            Feature rows of all images and views that take part.
        train : ndarray of int64, shape (n,)
            Positions of the training rows among them.
        settings : Settings
            Its seed draws what is estimated from some of the rows.

        Raises
        ------
        UserError
            If it cannot be fitted on such rows.
        """
        return self

    def fastest(self, n_rows: int, settings: Settings) -> Way:  # noqa: ARG002
        """The fastest way to it on this machine, with so many rows in all, that gives the same predictions.

        Parameters
        ----------
        n_rows : int
            Rows of all folds together.
        settings : Settings
            Seed and threads, and whether trees may be others than scikit-learn's.
        """
        return Way(named("scikit-learn"), partial(self.unfitted, settings))

    def kept(self, settings: Settings) -> Way:
        """The way to one that can be written to a file, and says the same of any rows when it is read again."""
        return Way(named("scikit-learn"), partial(self.unfitted, settings))


class WeighingClassifier(Classifier):
    """A classifier that can weigh the classes."""

    class_weights: bool = False
    """Weigh every class by the inverse of its frequency among the training rows."""

    @property
    def class_weight(self) -> Literal["balanced"] | None:
        """The same, as scikit-learn's estimators are told."""
        return "balanced" if self.class_weights else None
