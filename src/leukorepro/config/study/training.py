"""How a study's systems are trained in epochs: one specification for all networks that learn step by step."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from leukorepro.config.fields import PerBudget, Share, Strict, refuse_twice
from leukorepro.core.words import Budget, Centering, ScoreKind

Epochs = Annotated[int, Field(ge=1)]
Reach = Annotated[float, Field(ge=0, lt=1)]
"""How far something may be changed, as a share of it."""
NormMomentum = Annotated[float, Field(gt=0, le=1)]

TORCH_NORM_MOMENTUM = 0.1
"""Torch's default; the momentum of 0.99 of Keras is 0.01 here."""


class Recipe(NamedTuple):
    """How a system is trained, in words."""

    what: str
    optimizer: str
    learning_rate: float
    batch_size: int
    more: list[str]


def sgd(momentum: float) -> str:
    """Stochastic gradient descent, in words."""
    return f"SGD, momentum {momentum:g}"


class TrainedInEpochs(Strict):
    """What is trained in epochs, of which a demonstration has fewer."""

    plural: ClassVar[str]
    """What several of its kind are called."""
    epochs: PerBudget[Epochs]

    def recipe(self, budget: Budget) -> Recipe | None:  # noqa: ARG002
        """How it is trained, for a table of such systems; None where that says nothing more than its epochs."""
        return None


class RateDrop(Strict):
    """A learning rate that falls in steps."""

    factor: Share
    """What the rate is multiplied with."""
    every: Epochs
    """Epochs between two drops."""


class RateCosine(Strict):
    """A learning rate that rises to its full value, and falls along half a cosine from there."""

    warm_up: Reach = 0.0
    """Share of the epochs in which it rises, step by step from one epoch to the next."""


class Augmentation(Strict):
    """How training images are changed at random, anew in every epoch; all others stay as they are."""

    flips: list[Literal["horizontal", "vertical"]] = []
    """Each is done to every second image on average."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest angle that an image is turned by, either way, in degrees."""
    shift: Reach = 0.0
    """Largest way that an image is moved, in each direction, as a share of its side."""
    zoom: Reach = 0.0
    """Largest share that an image grows or shrinks by."""
    brightness: Reach = 0.0
    """Largest share that its values rise or fall by."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        refuse_twice(self.flips)
        if not self.words:
            raise ValueError("names no change; give flips, rotation, shift, zoom or brightness, or leave it out")
        return self

    @property
    def words(self) -> str:
        """What is done, in words."""
        told = [f"{flip} flips" for flip in self.flips]
        told += [f"turned by up to {self.rotation:g} degrees"] if self.rotation else []
        told += [
            f"{word} by up to {100 * reach:g} %"
            for word, reach in (("moved", self.shift), ("zoomed", self.zoom), ("brightened", self.brightness))
            if reach
        ]
        return ", ".join(told)


class TrainingSpec(TrainedInEpochs):
    """How the weights of a network are learnt from images, or from codes of them."""

    batch_size: Annotated[int, Field(ge=1)]
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Reach = 0.9
    """Of `sgd`."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """L2 penalty: half of it times the sum of squared weights is added to the loss; the biases of convolutions and of
    fully connected layers are free. MATLAB's default is 0.0001; Keras and torch have none."""
    rate_drop: RateDrop | None = None
    rate_cosine: RateCosine | None = None
    zero_center: Centering | None = None
    """What is subtracted from images: the mean of each `channel` over the training images, as MATLAB does by default
    since 2019, or their mean `image`, as it did before."""

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if self.rate_drop and self.rate_cosine:
            raise ValueError("rate_drop and rate_cosine are both given; a learning rate follows one of them")
        return self

    @property
    def sees_images(self) -> bool:
        """Whether any of its settings is about images, which codes have no part in."""
        return self.zero_center is not None

    def recipe_of(self, what: str, more: list[str]) -> Recipe:
        """Its recipe, with what only its kind can say.

        Parameters
        ----------
        what : str
            The beginning of the recipe: what is trained.
        more : list of str
            Further facts in a few words each, told behind those of every training.
        """
        drop, cosine = self.rate_drop, self.rate_cosine
        told = [f"rate times {drop.factor:g} every {drop.every} epochs"] if drop else []
        if cosine:
            rises = f"rising for {100 * cosine.warm_up:g} % of the epochs, then " if cosine.warm_up else ""
            told.append(f"rate {rises}falling along half a cosine")
        told += [f"weight decay {self.weight_decay:g}"] if self.weight_decay else []
        told += [f"less the training images' mean {self.zero_center}"] if self.zero_center else []
        optimizer = "Adam" if self.optimizer == "adam" else sgd(self.momentum)
        return Recipe(what, optimizer, self.learning_rate, self.batch_size, [*told, *more])


class ClassifierTrainingSpec(TrainingSpec):
    """How a network that tells classes apart is trained."""

    scores: ClassVar[ScoreKind] = "probability"
    class_weights: bool = False
    """Weigh every class by the inverse of its frequency among the training rows."""
    norm_momentum: PerBudget[NormMomentum] = {"demo": TORCH_NORM_MOMENTUM, "published": TORCH_NORM_MOMENTUM}
    """Share of the way that every step moves batch norm's running means and variances: one less what Keras calls
    momentum, 0.01 by its default."""
    augment: Augmentation | None = None

    @property
    def sees_images(self) -> bool:
        """Augmentation changes images as well."""
        return super().sees_images or self.augment is not None

    def recipe_of(self, what: str, more: list[str]) -> Recipe:
        """With what only classifiers have.

        Parameters
        ----------
        what : str
            The beginning of the recipe: what is trained.
        more : list of str
            Further facts in a few words each, told behind those of every classifier.
        """
        told = ["classes weighed by the inverse of their frequency"] if self.class_weights else []
        told += [f"training images changed anew in every epoch: {self.augment.words}"] if self.augment else []
        return super().recipe_of(what, [*told, *more])
