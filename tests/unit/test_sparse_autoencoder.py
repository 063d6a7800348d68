"""The sparse autoencoder against autograd, differences, closed forms, and what a sparse autoencoder is for."""

from __future__ import annotations

import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from leukorepro.core.errors import UserError
from leukorepro.systems.autoencoders import encoder as encoder_module
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.autoencoders.sparse_autoencoder import (
    AutoencoderLoss,
    SparseAutoencoder,
    initial_parameters,
    sparsity_penalty,
    split_parameters,
)

READINGS = [("rows", "half"), ("cells", "half"), ("rows", "rows")]
"""Divisor of the squared error, and factor of the weight penalty."""

L2_WEIGHT = 0.01


def pooled_features(n_rows: int = 120, n_features: int = 24, n_sources: int = 4, seed: int = 0) -> NDArray[np.float32]:
    """Non-negative features of low rank, in different units, as average pooling gives."""
    random = np.random.default_rng(seed)
    sources = random.gamma(2.0, 1.0, (n_rows, n_sources)) @ random.random((n_sources, n_features))
    noise = 0.05 * random.random((n_rows, n_features))
    return ((sources + noise) * 10.0 ** random.uniform(-2, 2, n_features)).astype(np.float32)


def small_objective(
    reading: tuple[str, str], dtype: torch.dtype = torch.float64
) -> tuple[AutoencoderLoss, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scaled = torch.rand(9, 6, dtype=torch.float64, generator=generator).to(dtype)
    objective = AutoencoderLoss(scaled, 4, L2_WEIGHT, 0.7, 0.1, *reading)
    size = 2 * 4 * 6 + 4 + 6
    return objective, torch.randn(size, dtype=torch.float64, generator=generator).to(dtype)


def loss_of_the_paper(objective: AutoencoderLoss, parameters: torch.Tensor, reading: tuple[str, str]) -> torch.Tensor:
    """Equations 1 to 3, written as printed or with MATLAB's 1/2 in equation 2, for autograd."""
    error_divisor, l2_factor = reading
    x = objective.scaled
    weight, bias, decoder_weight, decoder_bias = split_parameters(parameters, x.shape[1], objective.n_hidden)
    codes = 1 / (1 + torch.exp(-(x @ weight.T + bias)))
    outputs = 1 / (1 + torch.exp(-(codes @ decoder_weight.T + decoder_bias)))
    error = ((x - outputs) ** 2).sum(dim=1).mean() if error_divisor == "rows" else ((x - outputs) ** 2).mean()
    weights = (1 / len(x) if l2_factor == "rows" else 0.5) * ((weight**2).sum() + (decoder_weight**2).sum())
    rho, mean = objective.sparsity_target, codes.mean(dim=0)
    sparsity = (rho * torch.log(rho / mean) + (1 - rho) * torch.log((1 - rho) / (1 - mean))).sum()
    return error + L2_WEIGHT * weights + objective.sparsity_weight * sparsity


@pytest.mark.parametrize("reading", READINGS)
def test_loss_and_gradient_equal_autograd_on_the_printed_equations(reading):
    objective, parameters = small_objective(reading)
    gradient = torch.full_like(parameters, torch.nan)
    loss = objective(parameters, gradient)
    parameters.requires_grad_()
    expected = loss_of_the_paper(objective, parameters, reading)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient, parameters.grad, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("reading", READINGS)
def test_gradient_equals_central_differences(reading):
    """Step 1e-5: truncation and rounding both stay below 1e-8."""
    objective, parameters = small_objective(reading)
    gradient = torch.empty_like(parameters)
    objective(parameters, gradient)
    steps = 1e-5 * torch.eye(len(parameters), dtype=torch.float64)
    differences = [(objective(parameters + s, None) - objective(parameters - s, None)) / 2e-5 for s in steps]
    torch.testing.assert_close(torch.stack(differences), gradient, rtol=0, atol=1e-8)


@pytest.mark.parametrize("reading", READINGS)
def test_single_precision_agrees_with_double(reading):
    results = []
    for dtype in (torch.float32, torch.float64):
        objective, parameters = small_objective(reading, dtype)
        gradient = torch.empty_like(parameters)
        results.append((objective(parameters, gradient), gradient.double()))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-6, atol=0)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("target", [0.05, 0.5, 0.9])
def test_sparsity_penalty_is_the_divergence_of_two_coins(target):
    means = np.array([0.01, 0.3, 0.5, 0.999])
    expected = sum(entropy([target, 1 - target], [m, 1 - m]) for m in means)
    assert sparsity_penalty(torch.from_numpy(means), target).item() == pytest.approx(expected, rel=1e-12)
    assert sparsity_penalty(torch.full((3,), target, dtype=torch.float64), target).item() == pytest.approx(0, abs=1e-15)


def test_features_are_scaled_to_the_unit_interval_and_constants_to_zero():
    X = pooled_features()
    X[:, 3], X[:, 7] = 0.0, 5.0
    fitted = SparseAutoencoder(3, max_epochs=2).fit(X)
    scaled = (X - fitted.encoder_.x_min) / fitted.encoder_.x_range
    varying = np.delete(scaled, [3, 7], axis=1)
    np.testing.assert_array_equal(varying.min(axis=0), 0)
    np.testing.assert_array_equal(varying.max(axis=0), 1)
    np.testing.assert_array_equal(scaled[:, [3, 7]], 0)


def test_the_units_of_the_features_do_not_matter():
    """Powers of two scale floats exactly, so the codes are equal to the last bit."""
    X = pooled_features()
    plain = SparseAutoencoder(3, max_epochs=5).fit(X)
    units = 2.0 ** np.arange(-12, 12, dtype=np.float32)
    other = SparseAutoencoder(3, max_epochs=5).fit(X * units)
    np.testing.assert_array_equal(other.transform(X * units), plain.transform(X))


def test_transform_and_reconstruct_equal_torch():
    """Another implementation of the two layers; differences are those of rounding in float32."""
    X = pooled_features()
    fitted = SparseAutoencoder(5, max_epochs=30).fit(X)
    e = fitted.encoder_
    scaled = (torch.from_numpy(X) - torch.from_numpy(e.x_min)) / torch.from_numpy(e.x_range)
    codes = torch.sigmoid(torch.nn.functional.linear(scaled, torch.from_numpy(e.weight), torch.from_numpy(e.bias)))
    np.testing.assert_allclose(fitted.transform(X), codes, rtol=0, atol=2e-6)
    outputs = torch.sigmoid(codes @ torch.from_numpy(fitted.decoder_weight_).T + torch.from_numpy(fitted.decoder_bias_))
    np.testing.assert_allclose((fitted.reconstruct(X) - e.x_min) / e.x_range, outputs, rtol=0, atol=1e-5)


def test_blocks_of_rows_change_nothing(monkeypatch):
    X = pooled_features()
    fitted = SparseAutoencoder(5, max_epochs=3).fit(X)
    whole = fitted.transform(X)
    monkeypatch.setattr(encoder_module, "BLOCK_ROWS", 7)
    np.testing.assert_allclose(fitted.transform(X), whole, rtol=0, atol=1e-6)


def test_values_far_outside_the_training_range_saturate():
    X = pooled_features()
    fitted = SparseAutoencoder(5, max_epochs=3).fit(X)
    with np.errstate(over="raise"):
        codes = fitted.transform(np.stack([X[0] * 1e9, X[0] * -1e9]))
    assert np.isfinite(codes).all()
    assert ((codes >= 0) & (codes <= 1)).all()


def test_training_reconstructs():
    """Four sources make the features, so six units must explain nearly all of their variance; without penalties."""
    X = pooled_features()
    fitted = SparseAutoencoder(6, max_epochs=400, l2_weight=0, sparsity_weight=0).fit(X)
    residual = ((fitted.reconstruct(X) - X) / X.std(axis=0)).var(axis=0)
    assert residual.mean() < 0.05


def test_a_strong_sparsity_weight_holds_the_mean_activation_at_its_target():
    X = pooled_features()
    fitted = SparseAutoencoder(6, max_epochs=300, sparsity_weight=200.0, sparsity_target=0.2).fit(X)
    np.testing.assert_allclose(fitted.transform(X).mean(axis=0), 0.2, atol=0.02)
    free = SparseAutoencoder(6, max_epochs=300, sparsity_weight=0.0, sparsity_target=0.2).fit(X)
    assert np.abs(free.transform(X).mean(axis=0) - 0.2).max() > 0.1


@pytest.mark.parametrize("reading", READINGS)
def test_the_record_of_the_fit_is_true(reading):
    """Never rising; the first and last values are those of the initial and the final parameters."""
    X = pooled_features()
    fitted = SparseAutoencoder(5, max_epochs=40, error_divisor=reading[0], l2_factor=reading[1], seed=3).fit(X)
    assert fitted.n_epochs_ == 40
    assert fitted.stopped_by_ == "epochs"
    assert fitted.loss_.shape == fitted.gradient_norm_.shape == (41,)
    assert (np.diff(fitted.loss_) <= 0).all()
    assert fitted.n_evaluations_ <= 81

    e = fitted.encoder_
    scaled = torch.from_numpy((X - e.x_min) / e.x_range).double()
    objective = AutoencoderLoss(scaled, 5, 0.001, 1.0, 0.05, *reading)
    final = torch.cat([torch.from_numpy(a).ravel() for a in (e.weight, e.bias, fitted.decoder_weight_)])
    final = torch.cat([final, torch.from_numpy(fitted.decoder_bias_)])
    for parameters, loss, norm in (
        (initial_parameters(24, 5, 3), fitted.loss_[0], fitted.gradient_norm_[0]),
        (final, fitted.loss_[-1], fitted.gradient_norm_[-1]),
    ):
        gradient = torch.empty(len(parameters), dtype=torch.float64)
        assert objective(parameters.double(), gradient).item() == pytest.approx(loss, rel=1e-6)
        assert gradient.norm().item() == pytest.approx(norm, rel=1e-3)


def test_a_gradient_within_tolerance_ends_the_fit():
    fitted = SparseAutoencoder(2, max_epochs=500, gradient_tolerance=0.05).fit(pooled_features())
    assert fitted.stopped_by_ == "gradient"
    assert fitted.n_epochs_ < 500
    assert fitted.gradient_norm_[-1] <= 0.05 < fitted.gradient_norm_[:-1].min()


def test_a_fit_is_repeatable_and_seeded():
    X = pooled_features()
    first, again = (SparseAutoencoder(5, max_epochs=25, seed=1).fit(X) for _ in range(2))
    other = SparseAutoencoder(5, max_epochs=25, seed=2).fit(X)
    assert pickle.dumps(first) == pickle.dumps(again)
    assert not np.array_equal(first.encoder_.weight, other.encoder_.weight)


def test_what_is_written_is_read_back(tmp_path):
    X = pooled_features()
    fitted = SparseAutoencoder(5, max_epochs=4).fit(X)
    for name in ("a.h5", "b.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            fitted.encoder_.write(file.create_group("all"))
    with h5py.File(tmp_path / "a.h5", "r") as file:
        read = Encoder.read(file["all"], tmp_path / "a.h5")
        assert file["all"]["loss"].shape == (5,)
    np.testing.assert_array_equal(read.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(read.loss, fitted.loss_)
    np.testing.assert_array_equal(read.gradient_norm, fitted.gradient_norm_)
    assert read.stopped_by == "epochs"
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_group_without_an_encoder_is_named(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file.create_group("r0f1")
        group["weight"] = np.zeros((2, 2))
        with pytest.raises(UserError, match=r"x\.h5: group '/r0f1' holds no encoder \(x_min, .*bias"):
            Encoder.read(group, tmp_path / "x.h5")


def test_the_encoder_needs_no_torch():
    code = "import sys; import leukorepro.systems.autoencoders.encoder; "
    code += "sys.exit(bool({'torch', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(value):
    X = pooled_features()
    fitted = SparseAutoencoder(2, max_epochs=1).fit(X)
    X[17, 5] = value
    for use in (SparseAutoencoder(2).fit, fitted.transform):
        with pytest.raises(UserError, match="row 17, feature 5"):
            use(X)


def test_wrong_shapes_are_refused():
    X = pooled_features()
    fitted = SparseAutoencoder(2, max_epochs=1).fit(X)
    with pytest.raises(UserError, match=r"\(120, 23\) given, \(n_rows, 24\) expected"):
        fitted.transform(X[:, 1:])
    for wrong in (X[0], X[:0]):
        with pytest.raises(UserError, match="expected"):
            SparseAutoencoder(2).fit(wrong)
    with pytest.raises(NotFittedError):
        SparseAutoencoder(2).transform(X)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_hidden": 0},
        {"max_epochs": 0},
        {"sparsity_target": 1.0},
        {"l2_weight": -1.0},
        {"error_divisor": "columns"},
        {"l2_factor": "columns"},
    ],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="SparseAutoencoder"):
        SparseAutoencoder(**{"n_hidden": 2, **wrong}).fit(pooled_features())


def test_it_is_a_scikit_learn_estimator():
    estimator = SparseAutoencoder(4, max_epochs=3, error_divisor="cells")
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert copy.set_params(n_hidden=2).fit_transform(pooled_features()).shape == (120, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_and_gpu_start_equal_and_stay_close():
    X = pooled_features()
    cpu, gpu = (SparseAutoencoder(5, max_epochs=20, device=d).fit(X) for d in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.loss_[0], cpu.loss_[0], rtol=1e-6)
    np.testing.assert_allclose(gpu.loss_[-1], cpu.loss_[-1], rtol=1e-2)


def test_codes_are_what_the_definition_says():
    """One unit, by hand."""
    record = np.zeros(1)
    one = np.ones(1, dtype=np.float32)
    encoder = Encoder(2 * one, 4 * one, 3 * one[None], -one, record, record, "epochs")
    np.testing.assert_allclose(encoder.transform([[2.0], [4.0]]), expit([[-1.0], [0.5]]), rtol=1e-6)
