"""Trainings with bfloat16 on a CPU, against those in float32; and what they are refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.core.device import cpu_has_bfloat16
from leukorepro.core.words import Architecture, Precision
from leukorepro.systems.networks.registry import IMAGE_NETWORKS, build_network
from leukorepro.systems.training import training
from leukorepro.systems.training.half_precision import TOLERANCE, errors, refusal
from leukorepro.systems.training.training import Hardware, Schedule, Trained, predict, train

pytestmark = [
    pytest.mark.skipif(not cpu_has_bfloat16(), reason="needs a CPU that has bfloat16"),
    pytest.mark.usefixtures("one_thread"),
]

SIZE, TRAIN, WATCHED = 32, np.arange(48), np.arange(48, 96)
LABELS = torch.arange(96) % 2


def images() -> np.ndarray:
    """Noise, and in the second class a brighter square."""
    pixels = np.random.default_rng(1).integers(60, 160, (96, SIZE, SIZE, 3))
    pixels[1::2, 8:24, 8:24] += 90
    return pixels.astype(np.uint8)


def fit(folder: Path, network: nn.Module, precision: Precision, epochs: int = 3, batch: int = 20) -> Trained:
    def loss(outputs: Tensor, _: Tensor, positions: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), LABELS[positions], reduction="none")

    return train(
        network,
        images(),
        TRAIN,
        WATCHED,
        loss,
        Schedule(epochs, batch, learning_rate=1e-3),
        seed=2,
        checkpoint=folder / precision,
        identity="",
        hardware=Hardware("cpu", precision),
    )


@pytest.mark.parametrize("architecture", IMAGE_NETWORKS)
@pytest.mark.parametrize("rows", [20, 3])
def test_layers_compute_what_they_do_in_float32(architecture: Architecture, rows: int) -> None:
    """Forwards and backwards, at the sizes of whole batches and of last ones: the tolerance tells mistakes apart."""
    network = build_network(architecture, (SIZE, SIZE, 3), 2, 0.25, seed=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = list(errors(network, torch.from_numpy(images()[:rows])))
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len({error.layer for error in found}) == len(layers)
    assert {"output", "input", "weight"} <= {error.what for error in found}
    assert 0.001 < np.median([error.size for error in found]) < 0.005
    assert max(error.size for error in found) < TOLERANCE / 2
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("architecture", "width", "tolerance"),
    [("two_convolutions", 0.25, 0.02), pytest.param("ten_convolutions", 0.5, 0.1, marks=pytest.mark.long)],
)
def test_losses_fall_as_in_float32(architecture: Architecture, width: float, tolerance: float, tmp_path: Path) -> None:
    """Their fall is several times the tolerance of the difference between the curves."""
    curves = {}
    for precision in ("float32", "mixed"):
        network = build_network(architecture, (SIZE, SIZE, 3), 2, width, seed=0)
        done = fit(tmp_path, network, precision, epochs=8)  # type: ignore[arg-type]
        assert done.precision == precision
        curves[precision] = done.epochs["train_loss"].to_numpy()
    assert curves["float32"][0] - curves["float32"][-1] > 3 * tolerance
    np.testing.assert_allclose(curves["mixed"], curves["float32"], rtol=0, atol=tolerance)
    assert not np.array_equal(curves["mixed"], curves["float32"])
    assert all(value.dtype == torch.float32 for value in network.state_dict().values() if value.is_floating_point())


class WrongInHalf(torch.autograd.Function):
    """Doubles a gradient where it is computed with bfloat16."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.half = values.dtype == torch.bfloat16
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * (2 if ctx.half else 1)


class Broken(nn.Conv2d):
    """A convolution that bfloat16 gets wrong: what it puts out, or its gradients, perhaps at one number of rows."""

    def __init__(self, wrong: str) -> None:
        super().__init__(3, 4, 3)
        self.wrong = wrong

    def forward(self, maps: Tensor) -> Tensor:
        made = super().forward(maps)
        if made.dtype != torch.bfloat16:
            return made
        if self.wrong == "output" or (self.wrong == "output of 8 rows" and len(maps) == 8):
            return made * 1.05
        return WrongInHalf.apply(made) if self.wrong == "gradient" else made


class Scaled(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.permute(0, 3, 1, 2).float() / 255


def broken(wrong: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(Scaled(), Broken(wrong), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("output", "layer 1 on 20 rows: "),
        ("output of 8 rows", "layer 1 on 8 rows: "),
        ("gradient", "layer 1 on 20 rows: "),
    ],
)
def test_a_layer_that_is_wrong_is_trained_in_float32(
    wrong: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """48 rows are batches of 20, 20 and 8; the result is that of a training that never asked, to the last bit."""
    assert fit(tmp_path / "right", broken("nothing"), "mixed").precision == "mixed"
    assert "float32" not in capsys.readouterr().out
    asked, plain = fit(tmp_path, broken(wrong), "mixed"), fit(tmp_path, broken(wrong), "float32")
    assert asked.precision == "float32"
    printed = capsys.readouterr().out
    assert f"trained in float32, not with bfloat16, on this CPU: {told}" in printed
    expected = plain.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in asked.network.state_dict().items())


def test_outputs_have_the_proof_at_their_own_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    """28 rows are batches of 20 and 8: one of a size that the layer is wrong at is enough."""
    network, rows = broken("output of 8 rows"), np.arange(28)
    full = predict(network, images(), rows, 20, Hardware("cpu"))
    np.testing.assert_array_equal(predict(network, images(), rows, 20, Hardware("cpu", "mixed")), full)
    assert "outputs computed in float32, not with bfloat16, on this CPU: layer 1 on 8 rows: " in capsys.readouterr().out
    assert not np.array_equal(predict(network, images(), rows[:20], 20, Hardware("cpu", "mixed")), full[:20])
    assert not capsys.readouterr().out


def test_one_dimensional_convolutions_are_refused() -> None:
    network = build_network("code_sequence", (90,), 2, 0.25, seed=0)
    assert "one-dimensional convolutions" in refusal(network, [torch.rand(8, 90)])


def test_a_cpu_without_bfloat16_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(training, "refusal", lambda *_: pytest.fail("asked"))
    assert fit(tmp_path, broken("output"), "mixed", epochs=1).precision == "float32"
