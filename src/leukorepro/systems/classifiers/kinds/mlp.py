"""A multilayer perceptron."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from leukorepro.config.study.training import TrainedInEpochs
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings, Way, batches, named

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

    from leukorepro.systems.classifiers.perceptron import Perceptron

TORCH = 250 * 2**20
"""Bytes that PyTorch takes, in the measure of arrays of which a job has copies."""


class MlpSpec(Classifier, TrainedInEpochs):
    """Multilayer perceptron: rectified hidden layers, Adam, cross-entropy."""

    plural: ClassVar[str] = "perceptrons"
    kind: Literal["mlp"]
    hidden: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [100]  # noqa: RUF012 - pydantic copies it
    output: Literal["logistic", "softmax"] = "logistic"
    """Of two classes: one logistic unit, as scikit-learn's, or two units with a softmax, as is usual in Keras. Both can
    say the same, but learn otherwise: a step moves the difference of two units twice as far."""
    batch_size: Annotated[int, Field(ge=1)] = 200
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    tolerance: Annotated[float, Field(gt=0)] | None = None
    """Stops a training whose loss has not fallen by so much in more than ten epochs; 0.0001 is scikit-learn's default.
    Else every epoch is run."""
    l2: Annotated[float, Field(ge=0)] = 0.0001
    """Penalty of the squared weights, over the rows of a batch: scikit-learn's `alpha`. Keras' layers have none."""

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """Weights, for every row in every epoch; a training that may stop before is told at its longest.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Which of its numbers of epochs is used.
        """
        sizes = [columns, *self.hidden]
        return self.epochs[budget] * train * sum(a * b for a, b in pairwise(sizes)) / 1e6

    def holds(self, rows: int, columns: int) -> int:  # noqa: ARG002
        """Its weights with the optimiser's moments, and PyTorch where it is ours: rows are read batch by batch.

        Parameters
        ----------
        rows : int
            Not looked at.
        columns : int
            Of the features.
        """
        return 16 * columns * self.hidden[0] + (TORCH if self.output == "softmax" else 0)

    def unfitted(self, settings: Settings) -> MLPClassifier | Perceptron:
        """scikit-learn's. It has no softmax of two units: then ours."""
        if self.output == "softmax":
            return self._on_torch(settings)
        from sklearn.neural_network import MLPClassifier

        epochs = self.epochs[settings.budget]
        return MLPClassifier(
            tuple(self.hidden),
            batch_size=self.batch_size,
            learning_rate_init=self.learning_rate,
            alpha=self.l2,
            max_iter=epochs,
            **({"n_iter_no_change": epochs} if self.tolerance is None else {"tol": self.tolerance}),
            random_state=settings.seed,
        )

    def fastest(self, n_rows: int, settings: Settings) -> Way:  # noqa: ARG002
        """On torch, which reads its rows batch by batch.

        Parameters
        ----------
        n_rows : int
            Not looked at.
        settings : Settings
            Its seed and its budget.
        """
        return Way(named("torch"), partial(self._on_torch, settings), batches)

    def kept(self, settings: Settings) -> Way:
        """As in a workflow: scikit-learn's takes longer and ends in other last digits."""
        return self.fastest(0, settings)

    def _on_torch(self, settings: Settings) -> Perceptron:
        """torch is imported only here: it takes longer than most classifiers."""
        from leukorepro.systems.classifiers.perceptron import Perceptron

        return Perceptron(
            self.hidden,
            self.output,
            batch_size=self.batch_size,
            learning_rate_init=self.learning_rate,
            max_iter=self.epochs[settings.budget],
            tol=self.tolerance,
            alpha=self.l2,
            random_state=settings.seed,
        )


ENTRY = MlpSpec
