"""Sparse autoencoder with the semantics of MATLAB's trainAutoencoder, trained by scaled conjugate gradient."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from tqdm import tqdm

from leukorepro.core.device import choose_device, full_precision
from leukorepro.core.errors import UserError
from leukorepro.core.words import Device
from leukorepro.systems.autoencoders.encoder import Encoder, Float32, finite_rows
from leukorepro.systems.autoencoders.scg import SCG

ErrorDivisor = Literal["rows", "cells"]
L2Factor = Literal["half", "rows"]


class SparseAutoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Sparse autoencoder: one logistic layer that encodes, one that decodes.

    Parameters
    ----------
    n_hidden : int
        Hidden units.
    max_epochs : int
        Epochs after which the fit stops at the latest; an epoch is one iteration of the optimiser over all rows.
    gradient_tolerance : float
        The fit stops when the Euclidean norm of the gradient is not above it.
    l2_weight : float
        Weight of the L2 term, W in equation 1 of the paper.
    sparsity_weight : float
        Weight of the sparsity term, P in equation 1.
    sparsity_target : float
        Mean activation that the sparsity term asks of every hidden unit, in (0, 1).
    error_divisor : {'rows', 'cells'}
        Whether the squared error is divided by the number of rows, as equation 1 says, or by rows times features.
    l2_factor : {'half', 'rows'}
        What stands before the sum of squared weights: 1/2, as in MATLAB's documentation, or 1 over the number of rows,
        as in equation 2.
    seed : int
        Of the initial weights; the same on every device.
    device : {'auto', 'cpu', 'cuda'}
        Where to train; `auto` takes a GPU if there is one.
    progress : bool
        Whether to show a progress bar.

    Attributes
    ----------
    encoder_ : Encoder
        Scaling and encoding layer, with the record of the fit; needs no torch.
    decoder_weight_ : array of float32, shape (n_features, n_hidden)
    decoder_bias_ : array of float32, shape (n_features,)
    loss_, gradient_norm_ : array of float64, shape (n_epochs_ + 1,)
        Loss and Euclidean norm of its gradient, before the first epoch and after every epoch.
    n_epochs_ : int
        Epochs that were made.
    stopped_by_ : {'epochs', 'gradient'}
        Why the fit ended.
    n_evaluations_ : int
        Evaluations of the loss with its gradient.
    n_features_in_ : int

    Notes
    -----
    Source: Atteia (2022), section 2.2.4, who uses MATLAB's `trainAutoencoder`. Choices, where the two differ or are
    silent:

    * Every feature is scaled to [0, 1] by its minimum and maximum over the training rows (MATLAB's `ScaleData` with a
      logistic decoder). A constant feature becomes 0. MATLAB's `mapminmax` leaves it as it is, which is the same for
      the usual case, a feature that is always 0, and beyond the decoder's reach for a constant above 1. Rows seen
      later are scaled alike and not clipped.
    * Equation 2 prints 1/N before the sum of squared weights, N being the number of rows; MATLAB's documentation has
      1/2 there and the same three sums otherwise: `l2_factor`. The sum is over the weights of both layers, without
      biases.
    * Whether MATLAB divides the squared error by rows or by rows times features is not documented: `error_divisor`.
    * MATLAB does not document the initial weights either. They are uniform in [-0.1, 0.1], biases as well: the
      toolbox's `randsmall`. The toolbox's other usual choice, Nguyen and Widrow's, is meant for layers with few
      inputs; here it ended in a higher loss after as many epochs.
    * MATLAB trains in double precision, this class in single: half the time, and on GPUs far less. Sums over rows or
      weights that enter the loss are accumulated in double precision. TF32 and other shortened formats are off during
      the fit.

    A fit is deterministic on one device with one number of threads, so a killed fit is simply done again.
    """

    def __init__(
        self,
        n_hidden: int,
        max_epochs: int = 750,
        gradient_tolerance: float = 1e-6,
        l2_weight: float = 0.001,
        sparsity_weight: float = 1.0,
        sparsity_target: float = 0.05,
        error_divisor: ErrorDivisor = "rows",
        l2_factor: L2Factor = "half",
        seed: int = 0,
        device: Device = "auto",
        progress: bool = False,
    ) -> None:
        self.n_hidden = n_hidden
        self.max_epochs = max_epochs
        self.gradient_tolerance = gradient_tolerance
        self.l2_weight = l2_weight
        self.sparsity_weight = sparsity_weight
        self.sparsity_target = sparsity_target
        self.error_divisor = error_divisor
        self.l2_factor = l2_factor
        self.seed = seed
        self.device = device
        self.progress = progress

    def fit(self, X: ArrayLike, y: object = None) -> SparseAutoencoder:  # noqa: ARG002  (scikit-learn's signature)
        """Train on all rows.

        Parameters
        ----------
        X : array-like, shape (n_rows, n_features)
            Features in their own units, finite.
        y : object
            Not used.

        Returns
        -------
        SparseAutoencoder
            Itself.

        Raises
        ------
        UserError
            If a value of `X` is not finite (row and feature are named), or a GPU is asked for and there is none.
        ValueError
            If a parameter is out of range.
        """
        self._check_parameters()
        rows = finite_rows(X, "autoencoder")
        device = choose_device(self.device)
        x_min, x_range = _scaling(rows)
        n_features = rows.shape[1]
        scaled = rows - x_min
        scaled /= x_range
        with full_precision():
            objective = AutoencoderLoss(
                torch.from_numpy(scaled).to(device),
                self.n_hidden,
                self.l2_weight,
                self.sparsity_weight,
                self.sparsity_target,
                self.error_divisor,
                self.l2_factor,
            )
            parameters = initial_parameters(n_features, self.n_hidden, self.seed).to(device)
            optimiser = SCG([parameters], gradient_tolerance=self.gradient_tolerance)

            def evaluate() -> Tensor:
                return objective(parameters, parameters.grad)  # SCG provides the buffer of the gradient

            losses = [optimiser.start(evaluate)]
            norms = [optimiser.gradient_norm]
            with tqdm(total=self.max_epochs, unit="epoch", disable=not self.progress, desc="autoencoder") as bar:
                while len(losses) <= self.max_epochs and not optimiser.converged:
                    losses.append(optimiser.step(evaluate))
                    norms.append(optimiser.gradient_norm)
                    bar.set_postfix_str(f"loss {losses[-1]:.5g}", refresh=False)
                    bar.update()

        weight, bias, decoder_weight, decoder_bias = (
            part.cpu().numpy().copy() for part in split_parameters(parameters, n_features, self.n_hidden)
        )
        self.decoder_weight_, self.decoder_bias_ = decoder_weight, decoder_bias
        self.stopped_by_ = "gradient" if optimiser.converged else "epochs"
        self.loss_, self.gradient_norm_ = np.array(losses), np.array(norms)
        self.n_epochs_ = len(losses) - 1
        self.n_evaluations_ = optimiser.n_evaluations
        self.n_features_in_ = n_features
        self.encoder_ = Encoder(x_min, x_range, weight, bias, self.loss_, self.gradient_norm_, self.stopped_by_)
        return self

    def transform(self, X: ArrayLike) -> Float32:
        """Activations of the hidden units, in [0, 1]; shape (n_rows, n_hidden). As `Encoder.transform`."""
        check_is_fitted(self)
        return self.encoder_.transform(X)

    def reconstruct(self, X: ArrayLike) -> Float32:
        """What the decoder makes of the codes of `X`, in the features' own units; shape (n_rows, n_features).

        Raises
        ------
        UserError
            As `Encoder.transform`.
        """
        outputs: Float32 = expit(self.transform(X) @ self.decoder_weight_.T + self.decoder_bias_)
        outputs *= self.encoder_.x_range
        outputs += self.encoder_.x_min
        return outputs

    def _check_parameters(self) -> None:
        if self.n_hidden < 1 or self.max_epochs < 1:
            raise ValueError("SparseAutoencoder: n_hidden and max_epochs must be at least 1")
        if min(self.gradient_tolerance, self.l2_weight, self.sparsity_weight) < 0:
            raise ValueError("SparseAutoencoder: gradient_tolerance, l2_weight, sparsity_weight must not be below 0")
        if not 0 < self.sparsity_target < 1:
            raise ValueError("SparseAutoencoder: sparsity_target must lie between 0 and 1")
        if self.error_divisor not in ("rows", "cells"):
            raise ValueError(f"SparseAutoencoder: error_divisor is 'rows' or 'cells', not {self.error_divisor!r}")
        if self.l2_factor not in ("half", "rows"):
            raise ValueError(f"SparseAutoencoder: l2_factor is 'half' or 'rows', not {self.l2_factor!r}")


class AutoencoderLoss:
    """Loss of the sparse autoencoder and its analytic gradient.

    Five matrix products give both; elementwise work is done in place, in buffers that are allocated once.

    Parameters
    ----------
    scaled : Tensor, shape (n_rows, n_features)
        Features scaled to [0, 1]; its dtype and device are those of the computation.
    n_hidden, l2_weight, sparsity_weight, sparsity_target, error_divisor, l2_factor
        As for `SparseAutoencoder`.

    Notes
    -----
    Atteia (2022), equations 1 to 3; see `SparseAutoencoder`.
    """

    def __init__(
        self,
        scaled: Tensor,
        n_hidden: int,
        l2_weight: float,
        sparsity_weight: float,
        sparsity_target: float,
        error_divisor: ErrorDivisor,
        l2_factor: L2Factor,
    ) -> None:
        n_rows, n_features = scaled.shape
        self.scaled = scaled
        self.n_hidden = n_hidden
        self.decay = l2_weight if l2_factor == "half" else 2 * l2_weight / n_rows
        """Of the weights, in a gradient step."""
        self.sparsity_weight = sparsity_weight
        self.sparsity_target = sparsity_target
        self.divisor = n_rows if error_divisor == "rows" else n_rows * n_features
        self._outputs = torch.empty_like(scaled)
        self._errors = torch.empty_like(scaled)
        self._codes = scaled.new_empty(n_rows, n_hidden)
        self._code_errors = scaled.new_empty(n_rows, n_hidden)

    @torch.no_grad()
    def __call__(self, parameters: Tensor, gradient: Tensor | None) -> Tensor:
        """Loss, and its gradient into a buffer.

        Parameters
        ----------
        parameters : Tensor, shape (n,)
            Encoder weights, encoder biases, decoder weights, decoder biases, in one vector.
        gradient : Tensor, shape (n,), or None
            Overwritten with the gradient; None if only the loss is wanted.

        Returns
        -------
        Tensor, scalar of float64
            The loss; infinite if a hidden unit is 0, or 1, on all rows.
        """
        n_rows, n_features = self.scaled.shape
        weight, bias, decoder_weight, decoder_bias = split_parameters(parameters, n_features, self.n_hidden)
        codes, outputs, errors, code_errors = self._codes, self._outputs, self._errors, self._code_errors

        torch.addmm(bias, self.scaled, weight.T, out=codes).sigmoid_()
        torch.addmm(decoder_bias, codes, decoder_weight.T, out=outputs).sigmoid_()
        torch.sub(outputs, self.scaled, out=errors)
        activation = codes.mean(0).double()
        loss = _sum_of_squares(errors) / self.divisor
        loss += self.decay / 2 * (_sum_of_squares(weight) + _sum_of_squares(decoder_weight))
        loss += self.sparsity_weight * sparsity_penalty(activation, self.sparsity_target)
        if gradient is None:
            return loss

        target, factor = self.sparsity_target, 2 / self.divisor
        d_weight, d_bias, d_decoder_weight, d_decoder_bias = split_parameters(gradient, n_features, self.n_hidden)
        # Backward through the decoder; `factor` is left to the products.
        torch.ops.aten.sigmoid_backward.grad_input(errors, outputs, grad_input=errors)
        torch.addmm(decoder_weight, errors.T, codes, beta=self.decay, alpha=factor, out=d_decoder_weight)
        torch.sum(errors, 0, out=d_decoder_bias).mul_(factor)
        # Through the encoder, where the sparsity term joins.
        d_activation = (1 - target) / (1 - activation) - target / activation
        d_activation = (d_activation * (self.sparsity_weight / n_rows)).to(codes.dtype)
        torch.addmm(d_activation, errors, decoder_weight, alpha=factor, out=code_errors)
        torch.ops.aten.sigmoid_backward.grad_input(code_errors, codes, grad_input=code_errors)
        torch.addmm(weight, code_errors.T, self.scaled, beta=self.decay, out=d_weight)
        torch.sum(code_errors, 0, out=d_bias)
        return loss


def sparsity_penalty(mean_activation: Tensor, target: float) -> Tensor:
    """Kullback-Leibler penalty that keeps hidden units mostly inactive.

    Parameters
    ----------
    mean_activation : Tensor, shape (n_hidden,)
        Mean activation of each hidden unit over the training rows, in (0, 1).
    target : float
        Desired mean activation, in (0, 1).

    Returns
    -------
    Tensor, scalar
        Sum over hidden units, in nats; 0 where every mean equals `target`.

    Notes
    -----
    Atteia (2022), equation 3.
    """
    active = target * torch.log(target / mean_activation)
    silent = (1 - target) * torch.log((1 - target) / (1 - mean_activation))
    return (active + silent).sum()


def initial_parameters(n_features: int, n_hidden: int, seed: int) -> Tensor:
    """Weights and biases that a fit starts from: uniform in [-0.1, 0.1], drawn on the CPU.

    Parameters
    ----------
    n_features : int
        Columns of the features.
    n_hidden : int
        Hidden units.
    seed : int
        Of the draws.

    Returns
    -------
    Tensor of float32, shape (2 * n_features * n_hidden + n_hidden + n_features,)
        In the order of `split_parameters`.
    """
    generator = torch.Generator().manual_seed(seed)
    size = 2 * n_features * n_hidden + n_hidden + n_features
    return torch.empty(size).uniform_(-0.1, 0.1, generator=generator)


def split_parameters(parameters: Tensor, n_features: int, n_hidden: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Views of a parameter vector.

    Parameters
    ----------
    parameters : Tensor, shape (2 * n_features * n_hidden + n_hidden + n_features,)
        As `initial_parameters` gives them; a change of a view changes it.
    n_features : int
        Columns of the features.
    n_hidden : int
        Hidden units.

    Returns
    -------
    tuple of Tensor
        Encoder weights (n_hidden, n_features), encoder biases (n_hidden,), decoder weights (n_features, n_hidden),
        decoder biases (n_features,).
    """
    n_weights = n_features * n_hidden
    sizes = [n_weights, n_hidden, n_weights, n_features]
    weight, bias, decoder_weight, decoder_bias = torch.split_with_sizes(parameters, sizes)
    return weight.view(n_hidden, n_features), bias, decoder_weight.view(n_features, n_hidden), decoder_bias


def _sum_of_squares(matrix: Tensor) -> Tensor:
    """Sum of squares, row by row in the matrix's dtype, then in double precision."""
    norms: Tensor = torch.linalg.vector_norm(matrix, dim=1)
    return norms.double().square().sum()


def _scaling(rows: Float32) -> tuple[Float32, Float32]:
    """Minimum and range of every feature; a range of 0, or below single precision, counts as 1."""
    x_min = rows.min(axis=0)
    x_range = rows.max(axis=0) - x_min
    if not np.isfinite(x_range).all():
        raise UserError(
            f"autoencoder: the values of feature {int((~np.isfinite(x_range)).argmax())} span more than single "
            "precision holds; scale the features down."
        )
    x_range[x_range < np.finfo(np.float32).tiny] = 1
    return x_min, x_range
