"""A support vector machine, on kernel matrices that folds and classifiers share."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from leukorepro.core.words import Budget, ScoreKind
from leukorepro.systems.classifiers.classifier import WeighingClassifier
from leukorepro.systems.classifiers.engines import Settings, Way, by_extension, has_extension, named

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.svm import SVC

    from leukorepro.systems.classifiers.kernels import Positions, Rows

KERNEL_ROWS = 16_384
"""Rows up to which a matrix of all their products is kept: 2 GiB."""

CACHE_MB = 1000
"""Kernel values that a machine keeps while it is fitted."""


class SvmSpec(WeighingClassifier):
    """Support vector machine, one against one for several classes."""

    kind: Literal["svm"]
    kernel: Literal["linear", "poly", "rbf"]
    C: Annotated[float, Field(gt=0)] = 1.0
    degree: Annotated[int, Field(ge=1)] = 3
    coef0: float = 0.0
    gamma: Literal["scale", "auto", "median"] | Annotated[float, Field(gt=0)] = "scale"
    """`median`: 1 / s^2 with the kernel scale s = `scale_factor` times the median distance between training rows."""
    scale_factor: Annotated[float, Field(gt=0)] = 1.0
    """Only with `gamma: median`: MATLAB's automatic kernel scale is not published, so a study can vary it."""
    standardize: bool = True

    @property
    def scores(self) -> ScoreKind:
        """Distances from the separating surface, in the kernel's space."""
        return "margin"

    @property
    def steps(self) -> str:
        """Those of a linear machine are others."""
        return "linear svm" if self.kernel == "linear" else self.kind

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """Pairs of training rows: products of features are computed once for all folds.

        A linear kernel separates rows badly, and its solver passes over them the more often the more they are.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Not looked at.
        """
        return train ** (3 if self.kernel == "linear" else 2) / 1e6

    def holds(self, rows: int, columns: int) -> int:
        """Features and, up to a number of rows, all products of them.

        Parameters
        ----------
        rows : int
            Of training and test together.
        columns : int
            Of the features.
        """
        return super().holds(rows, columns) + (8 * rows**2 if rows <= KERNEL_ROWS else 0)

    def fitting(self, rows: Rows, train: Positions, settings: Settings) -> Self:
        """With the kernel's width as a number.

        Parameters
        ----------
        rows : Rows
            Feature rows of all images and views that take part.
        train : ndarray of int64, shape (n,)
            Positions of the training rows, which an automatic width is estimated from.
        settings : Settings
            Its seed draws the rows of that estimate.
        """
        from leukorepro.systems.classifiers.kernels import kernel_width

        return self.model_copy(
            update={"gamma": kernel_width(self.gamma, self.scale_factor, rows.matrix[train], settings.seed)}
        )

    def unfitted(self, settings: Settings) -> SVC:  # noqa: ARG002
        """scikit-learn's; the width must be a number by now."""
        from sklearn.svm import SVC

        return SVC(
            C=self.C,
            kernel=self.kernel,
            degree=self.degree,
            coef0=self.coef0,
            gamma=self.gamma,
            class_weight=self.class_weight,
            cache_size=CACHE_MB,
        )

    def fastest(self, n_rows: int, settings: Settings) -> Way:
        """scikit-learn's solver on a kernel matrix; of very many rows, the extension's solver.

        Parameters
        ----------
        n_rows : int
            Rows of all folds together: of very many, no kernel matrix is kept.
        settings : Settings
            What all fits of the job share.
        """
        if _matrix_is_kept(n_rows):
            return Way(f"{named('scikit-learn')} on a kernel matrix", self._on_matrix, self._kernel_matrix)
        if has_extension():  # on one thread: on several, the last digits would depend on how many
            return by_extension("svm", "SVC", **self.unfitted(settings).get_params(), n_jobs=1)
        return Way(named("scikit-learn"), partial(self.unfitted, settings))

    def _on_matrix(self) -> SVC:
        from sklearn.svm import SVC

        return SVC(C=self.C, kernel="precomputed", class_weight=self.class_weight, cache_size=CACHE_MB)

    def _kernel_matrix(self, rows: Rows, of: Positions, train: Positions) -> NDArray[Any]:
        from leukorepro.systems.classifiers.kernels import Kernel

        return Kernel(self.kernel, float(self.gamma), self.degree, self.coef0).matrix(rows, of, train)


@cache
def _matrix_is_kept(n_rows: int) -> bool:
    """Whether a kernel matrix of so many rows is kept; says so where it is not."""
    if n_rows <= KERNEL_ROWS:
        return True
    print(f"{n_rows} rows: no kernel matrix is kept of more than {KERNEL_ROWS}; SVMs compute kernels as they go")
    return False


ENTRY = SvmSpec
