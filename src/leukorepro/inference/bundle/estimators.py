"""Fitted estimators as bytes, by skops: data and names of types, of which only known ones are made; never a pickle."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sklearn.base import ClassifierMixin, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from leukorepro.core.errors import UserError

_TREE = "sklearn.tree._tree.Tree"
_GAUSSIAN_PROCESS = "sklearn.gaussian_process"

TRUSTED = frozenset(
    {
        "leukorepro.systems.classifiers.perceptron.Perceptron",
        "leukorepro.systems.classifiers.softmax_layer.SoftmaxLayer",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        f"{_GAUSSIAN_PROCESS}._gpc._BinaryGaussianProcessClassifierLaplace",
        f"{_GAUSSIAN_PROCESS}.kernels.ConstantKernel",
        f"{_GAUSSIAN_PROCESS}.kernels.Product",
        f"{_GAUSSIAN_PROCESS}.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        _TREE,
    }
)
"""Types that a file may hold beside those that skops itself takes for safe, which are scikit-learn's public estimators,
arrays, numbers and text: parts of such estimators, and ours."""


def to_bytes(classifier: ClassifierMixin, scaler: StandardScaler | None) -> bytes:
    """A fitted classifier behind its scaler, as a file that `skops.io.load` reads as a pipeline.

    Parameters
    ----------
    classifier : ClassifierMixin
        Fitted.
    scaler : StandardScaler or None
        Fitted; None where the classifier takes features as they are.

    Raises
    ------
    UserError
        If it has parts that would be refused when it is read.
    """
    steps = [] if scaler is None else [("scaler", scaler)]
    content: bytes = _skops().dumps(Pipeline([*steps, ("classifier", classifier)]))
    if unknown := _unknown(content):
        raise UserError(
            f"{type(classifier).__name__}: has parts that a model does not take ({', '.join(unknown)}); export an item "
            "with another classifier."
        )
    return content


def from_bytes(content: bytes, path: Path) -> tuple[ClassifierMixin, StandardScaler | None]:
    """What `to_bytes` was given.

    Parameters
    ----------
    content : bytes
    path : Path
        Of their file, for messages.

    Raises
    ------
    UserError
        If they are no such file, or hold a type that is not known; nothing of it is made then.
    """
    try:
        unknown = _unknown(content)
        pipeline = None if unknown else _skops().loads(content, trusted=sorted(TRUSTED))
    except Exception as error:  # noqa: BLE001 - what is no such file fails in every way
        raise UserError(f"{path}: not a readable classifier ({' '.join(str(error).split())}); {AGAIN}.") from None
    if unknown:
        raise UserError(f"{path}: holds types that a model does not take ({', '.join(unknown)}); {AGAIN}.")
    if not isinstance(pipeline, Pipeline) or not is_classifier(pipeline[-1]):
        raise UserError(f"{path}: holds a {type(pipeline).__name__}, where a fitted pipeline is expected; {AGAIN}.")
    return pipeline[-1], pipeline.named_steps.get("scaler")


AGAIN = "get a sound copy of the model, or export it again"
"""What to do about a model that is not as it was written."""


def _unknown(content: bytes) -> list[str]:
    """Types in a file that are not known."""
    return sorted(set(_skops().get_untrusted_types(data=content)) - TRUSTED)


_FOR_TORCH = "sklearn.externals.array_api_compat.torch"


def _skops() -> ModuleType:
    """`skops.io`, without torch: it imports all modules of scikit-learn, and one of them would, which takes seconds."""
    hidden = _FOR_TORCH not in sys.modules
    if hidden:
        sys.modules[_FOR_TORCH] = None  # type: ignore[assignment]
    try:
        return import_module("skops.io")
    finally:
        if hidden:
            del sys.modules[_FOR_TORCH]
