"""What computes classifiers on this machine, and what all fits of a job share; quick to import.

Whatever computes a classifier gives the same numbers on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from leukorepro.core.words import Budget

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.base import ClassifierMixin

    from leukorepro.systems.classifiers.kernels import Part, Positions, Rows

EXTENSION = "scikit-learn-intelex"


@dataclass(frozen=True)
class Settings:
    """What all fits of a job share.

    Attributes
    ----------
    seed : int
        Of whatever a classifier draws.
    budget : {'demo', 'published'}
        Which of a network's numbers of epochs is used.
    threads : int
        No number depends on them.
    fast_trees : bool
        Trees and forests by scikit-learn's extension, where it is installed: other ones than scikit-learn's.
    progress : bool
        Whether a bar tells how many fits are done.
    """

    seed: int = 0
    budget: Budget = "published"
    threads: int = 1
    fast_trees: bool = False
    progress: bool = True


def features(rows: Rows, of: Positions, _: Positions) -> NDArray[Any]:
    """Some rows as they are.

    Parameters
    ----------
    rows : Rows
        Feature rows of all images and views that take part.
    of : ndarray of int64, shape (n,)
        Positions of the rows that are asked for.
    _ : ndarray of int64
        Positions of the training rows, which other ways look at.

    Returns
    -------
    ndarray, shape (n, D)
    """
    return rows.matrix[of]


def batches(rows: Rows, of: Positions, _: Positions) -> Part:
    """Some rows, of which the classifier reads a batch at a time.

    Parameters
    ----------
    rows : Rows
        Feature rows of all images and views that take part.
    of : ndarray of int64, shape (n,)
        Positions of the rows that are asked for.
    _ : ndarray of int64
        Positions of the training rows, which other ways look at.
    """
    from leukorepro.systems.classifiers.kernels import Part

    return Part(rows, of)


@dataclass(frozen=True)
class Way:
    """A way to compute a classifier."""

    engine: str
    """What computes it, with its version, as it is recorded."""
    unfitted: Callable[[], ClassifierMixin]
    given: Callable[[Rows, Positions, Positions], NDArray[Any] | Part] = features
    """What it is given of some rows, to learn from or to be asked about, when it is fitted on others."""
    in_main_thread: bool = False
    """Whether it wants the main thread, because it keeps Python's lock while it computes."""


@cache
def named(package: str) -> str:
    """A package with its version."""
    return f"{package} {version(package)}"


@cache
def has_extension() -> bool:
    """Whether scikit-learn's extension for x86 processors is installed; says so where it is not."""
    found = find_spec("sklearnex") is not None
    if not found:
        print(f"{EXTENSION} is not installed here: scikit-learn computes in its place")
    return found


def by_extension(module: str, name: str, **parameters: Any) -> Way:
    """An estimator of scikit-learn's extension; scikit-learn itself stays as it is.

    Parameters
    ----------
    module : str
        Of the extension, below `sklearnex`.
    name : str
        Of the estimator's class in it.
    **parameters : Any
        That the estimator is made with.
    """
    return Way(named(EXTENSION), partial(_extended, module, name, parameters), in_main_thread=True)


def _extended(module: str, name: str, parameters: dict[str, Any]) -> ClassifierMixin:
    estimator: ClassifierMixin = getattr(import_module(f"sklearnex.{module}"), name)(**parameters)
    return estimator
