"""A multilayer perceptron."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from leukorepro.config.study.training import TrainedInEpochs
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings, Way, named

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

    from leukorepro.systems.classifiers.perceptron import Perceptron


class MlpSpec(Classifier, TrainedInEpochs):
    """Multilayer perceptron: rectified hidden layers, Adam, cross-entropy."""

    plural: ClassVar[str] = "perceptrons"
    kind: Literal["mlp"]
    hidden: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [100]  # noqa: RUF012 - pydantic copies it
    batch_size: Annotated[int, Field(ge=1)] = 200
    learning_rate: Annotated[float, Field(gt=0)] = 0.001

    def unfitted(self, settings: Settings) -> MLPClassifier:
        """scikit-learn's; every epoch is run."""
        from sklearn.neural_network import MLPClassifier

        epochs = self.epochs[settings.budget]
        return MLPClassifier(
            tuple(self.hidden),
            batch_size=self.batch_size,
            learning_rate_init=self.learning_rate,
            max_iter=epochs,
            n_iter_no_change=epochs,
            random_state=settings.seed,
        )

    def fastest(self, n_rows: int, settings: Settings) -> Way:  # noqa: ARG002
        """On torch."""
        return Way(named("torch"), partial(self._on_torch, settings))

    def _on_torch(self, settings: Settings) -> Perceptron:
        """torch is imported only here: it takes longer than most classifiers."""
        from leukorepro.systems.classifiers.perceptron import Perceptron

        return Perceptron(
            self.hidden,
            batch_size=self.batch_size,
            learning_rate_init=self.learning_rate,
            max_iter=self.epochs[settings.budget],
            random_state=settings.seed,
        )


ENTRY = MlpSpec
