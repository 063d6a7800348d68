"""Møller's scaled conjugate gradient, as a torch optimiser.

A conjugate-gradient method without a line search: the curvature along the search direction is measured by a second
gradient close by, and a Levenberg-Marquardt term keeps it positive and the step trustworthy. It is for full-batch,
deterministic losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

OVERFLOWED = -8.0
"""Comparison ratio of a trial step whose loss is not finite: by the rule for lambda, the next step is ten times
shorter along the same direction."""


class SCG(Optimizer):
    """Scaled conjugate gradient (Møller 1993) with the parameters of MATLAB's `trainscg`.

    One call of `step` is one iteration, which MATLAB counts as one epoch. It costs two evaluations of the loss with
    its gradient, one for the curvature and one at the new point, whose gradient the next iteration starts from; after
    an unsuccessful iteration the curvature is known and one evaluation is enough. An unsuccessful iteration leaves
    the parameters as they were, so the loss never rises.

    Parameters
    ----------
    params : iterable of Tensor
        Parameters of one dtype (float32 or float64) on one device; no groups. They become views of flat buffers, of
        another one during an evaluation than between steps: move a model to its device first, and take views of
        parameters anew in the closure.
    sigma : float
        Length of the step, along the search direction, by which the curvature is measured.
    initial_lambda : float
        Initial scale of the Levenberg-Marquardt term.
    gradient_tolerance : float
        `converged` is true once the Euclidean norm of the gradient is not above it.

    Attributes
    ----------
    loss : float
        Loss at the current parameters.
    gradient_norm : float
        Euclidean norm of the gradient at the current parameters.
    n_evaluations : int
        Evaluations of the loss with its gradient so far.
    n_successes : int
        Iterations so far that moved the parameters.
    converged : bool
        Whether `gradient_norm` is at most `gradient_tolerance`.

    Raises
    ------
    ValueError
        If the parameters are of several groups, dtypes or devices, not floating point, or a number is out of range.

    Notes
    -----
    M. F. Møller (1993), "A scaled conjugate gradient algorithm for fast supervised learning", Neural Networks 6,
    525-533; its symbols are used below. Directions restart every n-th success, n being the number of parameters.

    Three things that the paper leaves to the arithmetic are fixed here. (1) `sigma` is raised to the square root of
    the dtype's resolution times (1 + norm of the parameters) when it is below that: a shorter step would drown in
    rounding. In float64 that is never so below a norm of 3,000; in float32 it always is. (2) A trial step whose loss
    is not finite counts as unsuccessful. (3) A direction that does not descend restarts from the gradient.

    The values that decide an iteration are read from the device twice, once for the curvature and once at the new
    point.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        sigma: float = 5e-5,
        initial_lambda: float = 5e-7,
        gradient_tolerance: float = 0.0,
    ) -> None:
        if not (sigma > 0 and initial_lambda > 0 and gradient_tolerance >= 0):
            raise ValueError("SCG: sigma and initial_lambda must be above 0, gradient_tolerance not below 0")
        super().__init__(params, {"sigma": sigma, "initial_lambda": initial_lambda})
        self.gradient_tolerance = gradient_tolerance
        self._parameters: list[Tensor] = self.param_groups[0]["params"]
        first = self._parameters[0]
        kinds = {(p.dtype, p.device) for p in self._parameters}
        if len(self.param_groups) > 1 or len(kinds) > 1 or not first.dtype.is_floating_point:
            raise ValueError("SCG: takes one group of floating-point parameters of one dtype on one device")

        self._point = torch.cat([p.detach().reshape(-1) for p in self._parameters])  # what the parameters view
        self._trial = torch.empty_like(self._point)  # what they view while the curvature or a step is tried
        self._trial_gradient = torch.zeros_like(self._point)
        self._place(self._point)
        # Everything that outlives a step, under the first parameter, for state_dict.
        self._memory: dict[str, Any] = self.state[first]

    @property
    def loss(self) -> float:
        """Loss at the current parameters; NaN before the first evaluation."""
        return float(self._memory.get("loss", math.nan))

    @property
    def gradient_norm(self) -> float:
        """Euclidean norm of the gradient at the current parameters; NaN before the first evaluation."""
        return math.sqrt(self._memory.get("gradient_square", math.nan))

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the loss with its gradient so far."""
        return int(self._memory.get("n_evaluations", 0))

    @property
    def n_successes(self) -> int:
        """Iterations so far that moved the parameters."""
        return int(self._memory.get("n_successes", 0))

    @property
    def converged(self) -> bool:
        """Whether the norm of the gradient is within the tolerance."""
        return self.gradient_norm <= self.gradient_tolerance

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a saved state; the parameters' own values are to be loaded beforehand."""
        super().load_state_dict(state_dict)
        self._memory = self.state[self._parameters[0]]
        for key in ("gradient", "direction"):  # torch hands over the saved tensors themselves
            self._memory[key] = self._memory[key].clone()

    @torch.no_grad()
    def start(self, closure: Callable[[], Tensor]) -> float:
        """Evaluate the loss and its gradient at the parameters as they are, and begin anew from there.

        The first `step` does this by itself; call it to know the loss before the first step.

        Parameters
        ----------
        closure : callable
            As for `step`.

        Returns
        -------
        float
            The loss.

        Raises
        ------
        FloatingPointError
            If the loss or its gradient is not finite.
        """
        gradient = torch.zeros_like(self._point)
        loss = self._evaluate(closure, self._point, gradient)
        value, square = _read(loss, torch.dot(gradient, gradient))
        if not math.isfinite(value + square):
            raise FloatingPointError("SCG: the loss or its gradient is not finite at the starting point")
        self._memory.update(
            loss=value,
            gradient=gradient,
            gradient_square=square,
            direction=gradient.neg(),
            slope=square,
            direction_square=square,
            curvature=0.0,
            scale=self.param_groups[0]["initial_lambda"],
            raised_scale=0.0,
            success=True,
            n_successes=0,
            n_evaluations=1,
        )
        return value

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> float:  # type: ignore[override]
        """Make one iteration.

        Parameters
        ----------
        closure : callable
            Computes the loss at the parameters' present values and their gradients, and returns the loss, a tensor
            with one element. It clears the gradients and calls `backward`, as torch's closures do; or it overwrites
            the gradients in place, which saves copying them.

        Returns
        -------
        float
            The loss after the iteration.

        Raises
        ------
        FloatingPointError
            If the loss at the starting point, or the curvature, is not finite.
        """
        memory = self._memory
        if "loss" not in memory:
            self.start(closure)
        if memory["gradient_square"] == 0.0:
            return self.loss
        gradient, direction = memory["gradient"], memory["direction"]
        mu = memory["slope"]  # of the loss downhill along the direction

        if memory["success"]:  # second-order information (step 2)
            self._measure_curvature(closure)
        square, delta, scale = memory["direction_square"], memory["curvature"], memory["scale"]

        delta += (scale - memory["raised_scale"]) * square  # scale (3), and make it positive (4)
        if delta <= 0:
            raised = 2 * (scale - delta / square)
            delta = -delta + scale * square
            scale = raised
        alpha = mu / delta  # step size (5)

        torch.add(self._point, direction, alpha=alpha, out=self._trial)
        trial = self._trial_gradient
        loss = self._evaluate(closure, self._trial, trial)
        new_loss, new_square, overlap, trial_slope = _read(
            loss, torch.dot(trial, trial), torch.dot(trial, gradient), torch.dot(trial, direction)
        )
        finite = math.isfinite(new_loss) and math.isfinite(new_square)
        ratio = 2 * delta * (memory["loss"] - new_loss) / mu**2 if finite else OVERFLOWED  # comparison (6)

        memory["success"] = success = ratio >= 0
        if success:  # (7)
            self._point, self._trial = self._trial, self._point
            memory["gradient"], self._trial_gradient = trial, gradient
            memory["n_successes"] += 1
            beta = (new_square - overlap) / mu
            mu = new_square - beta * trial_slope
            if memory["n_successes"] % direction.numel() == 0 or mu <= 0:
                beta, mu = 0.0, new_square
            direction.mul_(beta).sub_(trial)
            memory.update(loss=new_loss, gradient_square=new_square, slope=mu, raised_scale=0.0)
            if ratio >= 0.75:
                scale /= 4
        else:
            memory["raised_scale"] = scale
        if ratio < 0.25:  # (8)
            scale += delta * (1 - ratio) / square
        memory.update(curvature=delta, scale=scale)
        self._place(self._point)
        return self.loss

    def _measure_curvature(self, closure: Callable[[], Tensor]) -> None:
        """Second derivative of the loss along the direction, times its squared length, by a forward difference."""
        memory, direction, probe = self._memory, self._memory["direction"], self._trial_gradient
        square = torch.dot(direction, direction)
        resolution = math.sqrt(torch.finfo(direction.dtype).eps)
        length = (1 + torch.linalg.vector_norm(self._point)).mul(resolution)
        sigma = length.clamp_(min=self.param_groups[0]["sigma"]) / square.sqrt()
        torch.addcmul(self._point, direction, sigma, out=self._trial)
        self._evaluate(closure, self._trial, probe)
        probe.sub_(memory["gradient"])
        square_, delta = _read(square, torch.dot(direction, probe) / sigma)
        if not math.isfinite(delta):
            raise FloatingPointError("SCG: the curvature is not finite; is the loss smooth at the current parameters?")
        memory.update(direction_square=square_, curvature=delta)

    def _evaluate(self, closure: Callable[[], Tensor], point: Tensor, gradient: Tensor) -> Tensor:
        """Loss at a point, and its gradient into a flat buffer; the parameters are left at the point."""
        self._memory["n_evaluations"] = self.n_evaluations + 1
        self._place(point)
        views = self._views(gradient)
        for parameter, view in zip(self._parameters, views, strict=True):
            parameter.grad = view
        with torch.enable_grad():
            loss = closure()
        for parameter, view in zip(self._parameters, views, strict=True):
            if parameter.grad is None:
                view.zero_()
            elif parameter.grad is not view:
                view.copy_(parameter.grad)
            parameter.grad = view
        return loss.detach()

    def _place(self, point: Tensor) -> None:
        """Let the parameters view a flat buffer."""
        for parameter, view in zip(self._parameters, self._views(point), strict=True):
            parameter.data = view

    def _views(self, flat: Tensor) -> list[Tensor]:
        parts = torch.split_with_sizes(flat, [p.numel() for p in self._parameters])
        return [part.view_as(p) for part, p in zip(parts, self._parameters, strict=True)]


def _read(*scalars: Tensor) -> list[float]:
    """Bring numbers from the device in one transfer."""
    values: list[float] = torch.stack([s.double().reshape(()) for s in scalars]).tolist()
    return values
