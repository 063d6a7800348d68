"""Scaled conjugate gradient against closed forms, torch's autograd and an independent implementation."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from paramz.optimization.scg import SCG as paramz_scg
from scipy.optimize import rosen, rosen_der
from torch import Tensor, nn

from leukorepro.systems.autoencoders.scg import SCG

Loss = Callable[[Tensor], Tensor]


def minimise(loss: Loss, start: list[float] | Tensor, steps: int, tolerance: float = 0.0) -> tuple[Tensor, SCG, list]:
    """Minimise by SCG with an autograd closure; the point, the optimiser and the losses."""
    point = torch.as_tensor(start, dtype=torch.float64).clone().requires_grad_()
    optimiser = SCG([point], gradient_tolerance=tolerance)
    closure = autograd_closure(optimiser, lambda: loss(point))
    losses = [optimiser.start(closure)]
    while len(losses) <= steps and not optimiser.converged:
        losses.append(optimiser.step(closure))
    return point.detach(), optimiser, losses


def autograd_closure(optimiser: SCG, loss: Callable[[], Tensor]) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def quadratic(eigenvalues: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A symmetric matrix of given eigenvalues in a random basis, and a right-hand side."""
    n = len(eigenvalues)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=generator)).Q
    return basis @ torch.diag(eigenvalues) @ basis.T, torch.randn(n, dtype=torch.float64, generator=generator)


def spread(n: int, condition: float) -> Tensor:
    return torch.logspace(0, math.log10(condition), n, dtype=torch.float64)


def network(seed: int = 1) -> tuple[nn.Sequential, Callable[[], Tensor]]:
    """A 3-4-2 network and its loss on fixed data; the L2 term makes the minimum a proper one."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(40, 3, dtype=torch.float64), torch.randn(40, 2, dtype=torch.float64)

    def loss() -> Tensor:
        return (net(x) - y).square().mean() + 0.05 * sum(p.square().sum() for p in net.parameters())

    return net, loss


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("n", "condition"), [(5, 10.0), (20, 100.0), (40, 100.0), (100, 1000.0)])
def test_a_quadratic_is_solved_in_about_its_dimension_of_steps(n, condition, seed):
    """In exact arithmetic conjugate gradients end after n steps. Rounding and the Levenberg-Marquardt term leave the
    bounds 1.25 n for a gradient 1e-3 times the initial one, and 2 n (one restart) for 1e-6 times."""
    matrix, right = quadratic(spread(n, condition), seed)
    solution, start = torch.linalg.solve(matrix, right), torch.zeros(n)
    for reduction, bound in ((1e-3, 1.25 * n), (1e-6, 2 * n)):
        tolerance = reduction * right.norm().item()
        point, optimiser, losses = minimise(
            lambda x: 0.5 * x @ matrix @ x - right @ x, start, int(bound), tolerance=tolerance
        )
        assert optimiser.converged
        assert len(losses) - 1 <= bound
        assert (point - solution).norm() <= tolerance  # the least eigenvalue is 1


def test_as_many_steps_as_there_are_different_eigenvalues():
    """A property of conjugate gradients, and of no method that only follows the gradient."""
    eigenvalues = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64).repeat(20)
    matrix, right = quadratic(eigenvalues)
    tolerance = 1e-5 * right.norm().item()
    _, optimiser, losses = minimise(lambda x: 0.5 * x @ matrix @ x - right @ x, torch.zeros(60), 9, tolerance=tolerance)
    assert optimiser.converged
    assert len(losses) - 1 == 3


@pytest.mark.parametrize("start", [[-1.2, 1.0], [-1.2, 1.0, -1.2, 1.0]])
def test_rosenbrock_is_minimised(start):
    point, optimiser, _ = minimise(rosenbrock, start, 300, tolerance=1e-8)
    assert optimiser.converged
    torch.testing.assert_close(point, torch.ones_like(point), rtol=0, atol=1e-7)


def test_rosenbrock_costs_about_as_much_as_with_the_implementation_of_paramz():
    """Netlab's SCG, in paramz, counts a function and a gradient as one evaluation each; ours come in pairs, so twice
    our number is compared with theirs. Same order: within a factor of two either way."""
    start = np.array([-1.2, 1.0])
    theirs, _, evaluations, _ = paramz_scg(rosen, rosen_der, start, maxiters=2000, xtol=1e-12, ftol=1e-20, gtol=1e-16)
    ours, optimiser, _ = minimise(rosenbrock, list(start), 2000, tolerance=1e-8)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert 0.5 < 2 * optimiser.n_evaluations / evaluations < 2


def test_a_network_reaches_the_minimum_that_paramz_reaches():
    net, loss = network()
    start = nn.utils.parameters_to_vector(net.parameters()).detach().numpy().copy()

    def value(x: np.ndarray) -> float:
        nn.utils.vector_to_parameters(torch.from_numpy(x), net.parameters())
        return loss().item()

    def gradient(x: np.ndarray) -> np.ndarray:
        nn.utils.vector_to_parameters(torch.from_numpy(x), net.parameters())
        parts = torch.autograd.grad(loss(), list(net.parameters()))
        return torch.cat([p.reshape(-1) for p in parts]).numpy()

    theirs, _, evaluations, _ = paramz_scg(value, gradient, start, maxiters=2000, xtol=1e-12, ftol=0, gtol=1e-14)

    net, loss = network()
    optimiser = SCG(net.parameters(), gradient_tolerance=1e-7)
    closure = autograd_closure(optimiser, loss)
    while not optimiser.converged and optimiser.n_evaluations < 4000:
        optimiser.step(closure)
    assert optimiser.converged
    assert optimiser.loss == pytest.approx(value(theirs), rel=1e-9)
    assert 0.5 < 2 * optimiser.n_evaluations / evaluations < 2


def test_loss_never_rises_and_a_failed_step_changes_nothing():
    """On Rosenbrock from afar some steps fail; each must leave point, loss and gradient bit for bit."""
    point = torch.tensor([-3.0, 7.0, 2.0, -5.0], dtype=torch.float64, requires_grad=True)
    optimiser = SCG([point])
    closure = autograd_closure(optimiser, lambda: rosenbrock(point))
    loss, failures = optimiser.start(closure), 0
    for _ in range(200):
        before, successes, norm = point.detach().clone(), optimiser.n_successes, optimiser.gradient_norm
        new = optimiser.step(closure)
        assert new <= loss
        if optimiser.n_successes == successes:
            failures += 1
            assert torch.equal(point.detach(), before)
            assert (new, optimiser.gradient_norm) == (loss, norm)
        loss = new
    assert failures > 0


def test_loss_and_gradient_are_those_of_the_current_point():
    point, optimiser, _ = minimise(rosenbrock, [-1.2, 1.0, 0.5], 17)
    assert optimiser.loss == pytest.approx(rosen(point.numpy()), rel=1e-12)
    assert optimiser.gradient_norm == pytest.approx(np.linalg.norm(rosen_der(point.numpy())), rel=1e-9)


def test_at_most_two_evaluations_per_iteration_one_after_a_failure():
    calls = 0
    point = torch.tensor([-3.0, 7.0], dtype=torch.float64, requires_grad=True)
    optimiser = SCG([point])

    def counted() -> Tensor:
        nonlocal calls
        calls += 1
        return rosenbrock(point)

    closure = autograd_closure(optimiser, counted)
    optimiser.start(closure)
    after_failure = False
    for _ in range(60):
        before, successes = calls, optimiser.n_successes
        optimiser.step(closure)
        assert calls - before == (1 if after_failure else 2)
        after_failure = optimiser.n_successes == successes
    assert optimiser.n_evaluations == calls


def test_negative_curvature_is_left_behind():
    """cos has a maximum at 0; from near it the curvature is negative and the method must still descend to pi."""
    point, optimiser, _ = minimise(lambda x: torch.cos(x).sum(), [0.05], 100, tolerance=1e-9)
    assert optimiser.converged
    assert point.item() == pytest.approx(math.pi, abs=1e-8)


def test_a_trial_that_is_not_finite_is_refused():
    """-log(x) - log(1-x) exists on (0, 1) alone; steps beyond must shrink, not spread NaN. Minimum at 1/2."""
    point, optimiser, losses = minimise(lambda x: -(x.log() + (1 - x).log()).sum(), [1e-4, 0.999], 300, tolerance=1e-9)
    assert optimiser.converged
    assert all(math.isfinite(v) for v in losses)
    np.testing.assert_allclose(point, 0.5, atol=1e-9)


def test_a_start_that_is_not_finite_is_an_error():
    with pytest.raises(FloatingPointError, match="starting point"):
        minimise(lambda x: x.log().sum(), [-1.0], 1)


def test_writing_gradients_in_place_equals_autograd():
    matrix, right = quadratic(spread(12, 50.0))
    expected, _, losses = minimise(lambda x: 0.5 * x @ matrix @ x - right @ x, torch.zeros(12), 10)
    point = torch.zeros(12, dtype=torch.float64)
    optimiser = SCG([point])

    def closure() -> Tensor:
        torch.sub(matrix @ point, right, out=point.grad)
        return 0.5 * point @ matrix @ point - right @ point

    for _ in range(10):
        optimiser.step(closure)
    torch.testing.assert_close(point, expected, rtol=1e-9, atol=1e-9)
    assert optimiser.loss == pytest.approx(losses[-1], rel=1e-12)


def test_a_saved_state_continues_as_if_unbroken():
    net, loss = network()
    optimiser = SCG(net.parameters())
    closure = autograd_closure(optimiser, loss)
    for _ in range(15):
        optimiser.step(closure)
    saved = copy.deepcopy((net.state_dict(), optimiser.state_dict()))
    expected = [optimiser.step(closure) for _ in range(15)]

    other, other_loss = network()
    resumed = SCG(other.parameters())
    other.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    assert [resumed.step(autograd_closure(resumed, other_loss)) for _ in range(15)] == expected
    assert resumed.n_evaluations == optimiser.n_evaluations


def test_float32_reaches_the_float64_minimum():
    """Single precision: the same loss to 1e-5 of it, in at most half as many epochs again."""
    losses = {}
    for dtype in (torch.float32, torch.float64):
        net, _ = network()
        generator = torch.Generator().manual_seed(5)
        x = torch.randn(60, 3, generator=generator).to(dtype)
        net.to(dtype)

        def loss(net=net, x=x) -> Tensor:
            return (net(x) - x[:, :2] * x[:, 1:]).square().mean() + 0.01 * sum(
                p.square().sum() for p in net.parameters()
            )

        optimiser = SCG(net.parameters())
        closure = autograd_closure(optimiser, loss)
        for _ in range(100 if dtype == torch.float64 else 150):
            optimiser.step(closure)
        losses[dtype] = optimiser.loss
    assert losses[torch.float32] == pytest.approx(losses[torch.float64], rel=1e-5)


def test_what_it_cannot_take_is_refused():
    a, b = torch.zeros(2, requires_grad=True), torch.zeros(2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match="one group"):
        SCG([a, b])
    with pytest.raises(ValueError, match="one group"):
        SCG([{"params": [a]}, {"params": [torch.ones(1, requires_grad=True)]}])
    with pytest.raises(ValueError, match="sigma"):
        SCG([a], sigma=0)
