"""The new last layer of a frozen network: a softmax on its features, trained by stochastic gradient descent.

Where every layer but the last stays as it is, the features in front of the last one never change: they are computed
once, and what is left of the fine-tuning is this layer. Its gradient is a product of two small matrices, so that NumPy
takes a fifth of the time of torch, whose import alone takes longer than most fits.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from leukorepro.core.errors import UserError

Floats = NDArray[np.floating[Any]]


class SoftmaxLayer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fully connected layer and a softmax; cross-entropy, stochastic gradient descent with momentum.

    Parameters
    ----------
    epochs : int
        Every one is run.
    batch_size : int
        Rows of one step; the last step of an epoch takes what is left.
    learning_rate : float
        The same in every step.
    momentum : float
        Share of a step that the next one repeats, in [0, 1).
    weight_decay : float
        L2 penalty: half of it times the sum of squared weights is added to the mean loss; intercepts are free.
    dropout : float
        Share of the features that are set to 0 in each row of each step, in [0, 1); the others are divided by the
        share that is left.
    random_state : int
        Of the initial weights, the order of rows and the dropout.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    weights_ : ndarray, shape (D, n_classes)
    intercepts_ : ndarray, shape (n_classes,)

    Notes
    -----
    As MATLAB's `trainNetwork` with `sgdm`: weights begin uniform within sqrt(6 / (D + n_classes)), intercepts at 0, and
    features are not scaled. Two of its defaults are not followed: rows are put into a new order in every epoch, not
    once for all, and rows that fill no whole batch are not passed over.

    One `numpy.random.Generator` draws the weights, then in each epoch the order of rows, then in each step the dropout.
    Rows of float64 are computed in float64, others in float32.

    Errors of a softmax lie between -1 and 1: whatever the learning rate, a step is no longer than the features allow,
    and weights grow steadily at most. Only a weight decay that outgrows the learning rate makes them diverge.
    """

    def __init__(
        self,
        epochs: int = 20,
        batch_size: int = 30,
        learning_rate: float = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0001,
        dropout: float = 0.0,
        random_state: int = 0,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows of two classes or more.

        Parameters
        ----------
        X : array_like, shape (N, D)
            Features.
        y : array_like, shape (N,)
            Classes.

        Raises
        ------
        UserError
            If the weights are not finite in the end.
        """
        rows = _floats(X)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        answers = np.eye(len(self.classes_), dtype=rows.dtype)[codes]
        random = np.random.default_rng(self.random_state)
        shape = rows.shape[1], len(self.classes_)
        bound = np.sqrt(6 / sum(shape))
        weights = random.uniform(-bound, bound, shape).astype(rows.dtype)
        intercepts = np.zeros(shape[1], rows.dtype)
        steps = np.zeros_like(weights), np.zeros_like(intercepts)
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            for _ in range(self.epochs):
                order = random.permutation(len(rows))
                for start in range(0, len(rows), self.batch_size):
                    batch = order[start : start + self.batch_size]
                    seen = rows[batch]
                    if self.dropout:
                        drop(seen, self.dropout, random)
                    errors = _softmax(seen @ weights + intercepts)
                    errors -= answers[batch]
                    errors /= len(batch)
                    for parameter, step, gradient in (
                        (weights, steps[0], seen.T @ errors + self.weight_decay * weights),
                        (intercepts, steps[1], errors.sum(0)),
                    ):
                        step *= self.momentum
                        step -= self.learning_rate * gradient
                        parameter += step
        if not np.isfinite(weights).all():
            raise UserError(
                f"softmax: weights are not finite after {self.epochs} epochs with learning_rate {self.learning_rate:g} "
                f"and weight_decay {self.weight_decay:g}; set one of them lower, so that their product is below 1, or "
                "scale the features with `standardize: true`."
            )
        self.weights_, self.intercepts_ = weights, intercepts
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities of the classes, shape (N, n_classes); no feature is dropped."""
        return _softmax(_floats(X) @ self.weights_ + self.intercepts_)

    def predict(self, X: ArrayLike) -> NDArray[np.object_]:
        """Classes of rows, shape (N,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(1)], dtype=object)


def drop(rows: Floats, share: float, random: np.random.Generator) -> None:
    """Set a share of the features to 0 in each row, drawn anew, and divide the others by the share that is left.

    Parameters
    ----------
    rows : ndarray, shape (n, D)
        Changed in place; their expectation stays.
    share : float
        In [0, 1), cut to a 65,536th: draws of 16 bits are faster than those of floats.
    random : Generator
    """
    limit = int(share * 2**16)
    rows *= random.integers(0, 2**16, rows.shape, dtype=np.uint16) >= limit
    rows *= 2**16 / (2**16 - limit)


def _softmax(outputs: Floats) -> Floats:
    """Exponentials over their sum in each row; in place."""
    outputs -= outputs.max(1, keepdims=True)
    np.exp(outputs, out=outputs)
    outputs /= outputs.sum(1, keepdims=True)
    return outputs


def _floats(X: ArrayLike) -> Floats:
    rows = np.asarray(X)
    return rows if rows.dtype == np.float64 else rows.astype(np.float32, copy=False)
