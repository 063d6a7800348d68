"""K nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from leukorepro.core.errors import UserError
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier

    from leukorepro.systems.classifiers.kernels import Positions, Rows


class KnnSpec(Classifier):
    """K nearest neighbours, Euclidean, each with one vote."""

    kind: Literal["knn"]
    n_neighbors: Annotated[int, Field(ge=1)] = 5

    @property
    def rows_needed(self) -> int:
        """As many as neighbours."""
        return self.n_neighbors

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """Products of every tested row with every training row.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Not looked at.
        """
        return train * tested * columns / 1e6

    def fitting(self, rows: Rows, train: Positions, settings: Settings) -> Self:  # noqa: ARG002
        """Refuses fewer training rows than neighbours.

        Parameters
        ----------
        rows : Rows
            Not looked at.
        train : ndarray of int64, shape (n,)
            Positions of the training rows.
        settings : Settings
            Not looked at.

        Raises
        ------
        UserError
            If there are fewer.
        """
        if self.n_neighbors > len(train):
            raise UserError(f"knn: {self.n_neighbors} neighbours, {len(train)} training rows; set n_neighbors lower.")
        return self

    def unfitted(self, settings: Settings) -> KNeighborsClassifier:  # noqa: ARG002
        """scikit-learn's."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(self.n_neighbors)


ENTRY = KnnSpec
