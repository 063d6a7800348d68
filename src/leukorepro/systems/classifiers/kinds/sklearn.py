"""Any classifier of scikit-learn, by the name of its class."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from leukorepro.core.errors import unknown
from leukorepro.core.words import ScoreKind
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

OF_THE_RUN = ("random_state", "n_jobs")
"""Parameters that a run chooses: its seed, and how many fits there are at a time."""


class SklearnSpec(Classifier):
    """Any classifier of scikit-learn, by the name of its class, such as `ExtraTreesClassifier`."""

    kind: Literal["sklearn"]
    estimator: str
    """Its class. Classifiers that are made of others, such as `VotingClassifier`, cannot be described here."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Of its constructor; `random_state` is the run's seed."""

    @model_validator(mode="after")
    def _can_be_made(self) -> SklearnSpec:
        """Everything that scikit-learn would say when it is fitted, said when the configuration is read."""
        known = estimators()
        if self.estimator not in known:
            raise ValueError(f"estimator: {unknown('classifier of scikit-learn', self.estimator, known)}")
        accepted = inspect.signature(known[self.estimator]).parameters
        for name in self.parameters:
            if name in OF_THE_RUN:
                raise ValueError(f"parameters.{name}: the run chooses it; leave it out")
            if name not in accepted:
                raise ValueError(f"parameters: {unknown(f'parameter of {self.estimator}', name, accepted)}")
        if needed := [n for n, p in accepted.items() if p.default is p.empty and n not in self.parameters]:
            raise ValueError(f"estimator: {self.estimator} needs `{needed[0]}`, which is not given; choose another")
        try:
            estimator = self.unfitted(Settings())
            estimator._validate_params()
        except (TypeError, ValueError) as error:
            raise ValueError(f"parameters: {' '.join(str(error).split())}") from None
        if not any(hasattr(estimator, method) for method in ("predict_proba", "decision_function")):
            raise ValueError(
                f"estimator: {self.estimator} gives neither probabilities nor decision values, which curves need; "
                "choose another"
            )
        return self

    @property
    def title(self) -> str:
        """Its class."""
        return self.estimator

    @property
    def kind_in_words(self) -> str:
        """By its class."""
        return f"scikit-learn's {self.estimator}"

    @property
    def scores(self) -> ScoreKind:
        """Probabilities where it gives any, else decision values."""
        return "probability" if hasattr(self.unfitted(Settings()), "predict_proba") else "margin"

    def unfitted(self, settings: Settings) -> ClassifierMixin:
        """scikit-learn's."""
        kind = estimators()[self.estimator]
        seeded = {"random_state": settings.seed} if "random_state" in inspect.signature(kind).parameters else {}
        return kind(**self.parameters, **seeded)


@cache
def estimators() -> dict[str, type[ClassifierMixin]]:
    """Every classifier that scikit-learn's public modules offer, by the name of its class.

    Those of `sklearn.utils.all_estimators`, which imports private modules too, and torch with them.
    """
    import sklearn
    from sklearn.base import BaseEstimator, ClassifierMixin

    modules = [module.name for module in pkgutil.iter_modules(sklearn.__path__) if module.name in sklearn.__all__]
    return {
        name: value
        for module in modules
        for name, value in sorted(vars(import_module(f"sklearn.{module}")).items())
        if inspect.isclass(value)
        and issubclass(value, ClassifierMixin)
        and issubclass(value, BaseEstimator)
        and not inspect.isabstract(value)
    }


ENTRY = SklearnSpec
