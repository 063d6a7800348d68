"""A new last layer of a network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from leukorepro.config.study.training import Recipe, TrainedInEpochs, sgd
from leukorepro.core.words import Budget
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings, Way, named

if TYPE_CHECKING:
    from leukorepro.systems.classifiers.softmax_layer import SoftmaxLayer


class SoftmaxSpec(Classifier, TrainedInEpochs):
    """A new last layer of a network whose other layers stay as they are, trained by stochastic gradient descent."""

    plural: ClassVar[str] = "last layers"
    kind: Literal["softmax"]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.0001
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the features that are dropped at random in every step of the training."""

    def recipe(self, budget: Budget) -> Recipe:  # noqa: ARG002
        """By stochastic gradient descent."""
        more = [f"weight decay {self.weight_decay:g}"] if self.weight_decay else []
        more += [f"dropout {self.dropout:g}"] if self.dropout else []
        what = "new last layer of a network whose other layers stay as they are"
        return Recipe(what, sgd(self.momentum), self.learning_rate, self.batch_size, more)

    def effort(self, train: int, tested: int, columns: int, budget: Budget) -> float:  # noqa: ARG002
        """Features, for every row in every epoch.

        Parameters
        ----------
        train, tested : int
            Rows of a fold that train, and that are asked about.
        columns : int
            Of the features.
        budget : {'demo', 'published'}
            Which of its numbers of epochs is used.
        """
        return self.epochs[budget] * train * columns / 1e6

    def unfitted(self, settings: Settings) -> SoftmaxLayer:
        """Ours: scikit-learn has none."""
        from leukorepro.systems.classifiers.softmax_layer import SoftmaxLayer

        return SoftmaxLayer(
            epochs=self.epochs[settings.budget],
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            random_state=settings.seed,
        )

    def fastest(self, n_rows: int, settings: Settings) -> Way:  # noqa: ARG002
        """The only one.

        Parameters
        ----------
        n_rows : int
            Not looked at.
        settings : Settings
            Its seed and its budget.
        """
        return self.kept(settings)

    def kept(self, settings: Settings) -> Way:
        """The only one."""
        return Way(named("numpy"), partial(self.unfitted, settings))


ENTRY = SoftmaxSpec
