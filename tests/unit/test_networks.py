"""Architectures: their size against closed forms and published counts, their numbers against plain functions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, get_args

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.core.errors import UserError
from leukorepro.core.words import Architecture
from leukorepro.systems.networks.convolutional_autoencoder import code_size
from leukorepro.systems.networks.layers import (
    ChannelNorm,
    OneStepConv1d,
    SameConv1d,
    SameConv2d,
    ScalePixels,
    count_learnables,
    draw_weights,
    glorot_bound,
)
from leukorepro.systems.networks.registry import (
    CODE_NETWORKS,
    IMAGE_NETWORKS,
    build_autoencoder,
    build_network,
    outline_autoencoder,
    outline_network,
)

pytestmark = pytest.mark.usefixtures("one_thread")

EVERY = pytest.mark.parametrize("architecture", [*IMAGE_NETWORKS, *CODE_NETWORKS])
TORCH_COPIES = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
VGG = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
TEN = (128, 128, 64, 64, 32, 32, 16, 16, 8, 8)
BLOCKS = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}
"""Stages and blocks of ResNet-50 in Rezayi's Figure 3."""


def shape_of(architecture: Architecture, size: int) -> tuple[int, ...]:
    """Input shape, from the side of the images or the number of values of a code."""
    return (size,) if architecture in CODE_NETWORKS else (size, size, 3)


def inputs(architecture: Architecture, size: int, rows: int, device: str = "cpu") -> Tensor:
    """Random images or codes."""
    generator = None if device == "meta" else torch.Generator().manual_seed(size)
    shape = (rows, *shape_of(architecture, size))
    if architecture in CODE_NETWORKS:
        return torch.rand(shape, generator=generator, device=device)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator, device=device)


def convolutions(channels: tuple[int, ...], side: int) -> int:
    """Weights and biases of a chain of square convolutions."""
    return sum(side * side * n_in * n_out + n_out for n_in, n_out in pairwise((3, *channels)))


def dense(*units: int) -> int:
    """Weights and biases of a chain of fully connected layers."""
    return sum(n_in * n_out + n_out for n_in, n_out in pairwise(units))


def outputs_of(network: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Output of every module, by its name; the last one of a module that is used several times."""
    found: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        module.register_forward_hook(lambda _m, _i, output, name=name: found.__setitem__(name, output))
    network(batch)
    return found


def take_statistics(network: nn.Module, batch: Tensor) -> None:
    """Set batch norm's running statistics to those of a batch."""
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.momentum = 1.0
    network(batch)


def test_every_architecture_is_built() -> None:
    assert {*IMAGE_NETWORKS, *CODE_NETWORKS} == set(get_args(Architecture))


@pytest.mark.parametrize(
    ("architecture", "size", "n_classes", "learnables"),
    [
        ("vgg16_70", 70, 2, convolutions(VGG, 3) + dense(512 * 2 * 2, 4096, 4096, 2)),
        ("ten_convolutions", 70, 2, convolutions(TEN, 2) + 2 * sum(TEN) + dense(8 * 2 * 2, 1024, 2)),
        ("two_convolutions", 224, 5, (3 * 81 + 1) * 24 + (24 * 49 + 1) * 48 + dense(48 * 51 * 51, 5)),
        ("code_channels", 67500, 2, 86_503_162),  # Al-Hammadi (2024), Figure 4, in full
        ("code_sequence", 67500, 2, (32 + 1) * 40 + (32 * 40 + 1) * 80 + 4 * (40 + 80) + dense(80, 2)),
    ],
)
def test_learnables_are_those_of_the_paper_or_of_a_closed_form(
    architecture: Architecture, size: int, n_classes: int, learnables: int
) -> None:
    network = outline_network(architecture, shape_of(architecture, size), n_classes, 1.0)
    assert count_learnables(network) == learnables
    assert network(inputs(architecture, size, 2, "meta")).shape == (2, n_classes)


def test_the_residual_network_has_the_learnables_of_torchvision_and_another_last_layer() -> None:
    with torch.device("meta"):
        plain = torchvision.models.resnet50()
    expected = count_learnables(plain) - count_learnables(plain.fc) + dense(2048, 2)
    assert count_learnables(outline_network("resnet50_70", (70, 70, 3), 2, 1.0)) == expected


def test_stages_of_the_residual_network_have_the_sizes_of_the_pseudocode() -> None:
    network = outline_network("resnet50_70", (70, 70, 3), 2, 1.0)
    found = outputs_of(network, inputs("resnet50_70", 70, 2, "meta"))
    side = (70 + 2 * 3 - 7) // 2 + 1
    assert found["stage1.conv"].shape[1:] == (64, side, side)
    side = (side - 3) // 2 + 1
    assert found["stage1.pool"].shape[1:] == (64, side, side)
    for stage, channels, stride in ((2, 256, 1), (3, 512, 2), (4, 1024, 2), (5, 2048, 2)):
        side = (side - 1) // stride + 1
        # The stride is that of a block's first convolution, so that its second one sees the smaller map.
        assert found[f"stage{stage}.a.conv1"].shape[1:] == (channels // 4, side, side)
        assert found[f"stage{stage}"].shape[1:] == (channels, side, side)
        assert [name for name, _ in network.get_submodule(f"stage{stage}").named_children()] == list(BLOCKS[stage])
    assert side == 3
    assert found["flatten"].shape[1:] == (2048,)


def pseudocode(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """Rezayi's Figure 3, line by line, in evaluation."""

    def normalised(x: Tensor, name: str) -> Tensor:
        mean, variance, scale, shift = (
            weights[f"{name}.{kind}"][:, None, None] for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 0.001).sqrt() * scale + shift

    def main_path(x: Tensor, name: str, s: int) -> Tensor:
        x = normalised(functional.conv2d(x, weights[f"{name}.conv1.weight"], stride=s), f"{name}.bn1").relu()
        x = normalised(functional.conv2d(x, weights[f"{name}.conv2.weight"], padding=1), f"{name}.bn2").relu()
        return normalised(functional.conv2d(x, weights[f"{name}.conv3.weight"]), f"{name}.bn3")

    x = images.permute(0, 3, 1, 2) / 255
    x = functional.pad(x, (3, 3, 3, 3))
    x = normalised(functional.conv2d(x, weights["stage1.conv.weight"], stride=2), "stage1.norm").relu()
    x = functional.max_pool2d(x, 3, 2)
    for stage, blocks in BLOCKS.items():
        for block in blocks:
            name, s = f"stage{stage}.{block}", 2 if block == "a" and stage > 2 else 1
            shortcut = x
            if block == "a":
                shortcut = functional.conv2d(x, weights[f"{name}.downsample.conv.weight"], stride=s)
                shortcut = normalised(shortcut, f"{name}.downsample.norm")
            x = (main_path(x, name, s) + shortcut).relu()
    x = functional.avg_pool2d(x, 2).flatten(1)
    return x @ weights["classes.weight"].T + weights["classes.bias"]


def test_the_residual_network_computes_what_the_pseudocode_says() -> None:
    network = build_network("resnet50_70", (70, 70, 3), 2, 0.125, seed=1)
    images = inputs("resnet50_70", 70, 8)
    take_statistics(network, images)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:  # norms other than 1 and 0
                parameter.add_(0.2 * torch.rand(parameter.shape, generator=torch.Generator().manual_seed(len(name))))
        expected = pseudocode(network.state_dict(), images)
        assert expected.std() > 0.05
        torch.testing.assert_close(network.eval()(images), expected, rtol=1e-4, atol=1e-4)


def test_the_ten_convolutions_are_rectified_and_then_normalised() -> None:
    network = build_network("ten_convolutions", (70, 70, 3), 2, 0.25, seed=1)
    images = inputs("ten_convolutions", 70, 8)
    take_statistics(network, images)
    weights, x = network.state_dict(), images.permute(0, 3, 1, 2) / 255
    for pair in range(1, 6):
        for number in (1, 2):
            name = f"pair{pair}.conv{number}"
            x = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), weights[f"{name}.weight"], weights[f"{name}.bias"])
            mean, variance = (weights[f"pair{pair}.norm{number}.running_{kind}"] for kind in ("mean", "var"))
            x = (x.relu() - mean[:, None, None]) / (variance[:, None, None] + 0.001).sqrt()
        x = functional.max_pool2d(x, 2)
    x = functional.linear(x.flatten(1), weights["dense.weight"], weights["dense.bias"]).relu()
    expected = functional.linear(x, weights["classes.weight"], weights["classes.bias"])
    assert expected.std() > 0.05
    torch.testing.assert_close(network.eval()(images), expected, rtol=1e-4, atol=1e-4)


def test_the_vgg_network_is_that_of_torchvision_with_two_wide_layers_and_no_dropout() -> None:
    network = build_network("vgg16_70", (70, 70, 3), 2, 0.125, seed=1)
    with torch.no_grad():
        found = outputs_of(network, inputs("vgg16_70", 70, 2))
    sides = [output.shape[2] for name, output in found.items() if name.startswith("features.")]
    pools = [i for i, module in enumerate(network.get_submodule("features")) if isinstance(module, nn.MaxPool2d)]
    with torch.device("meta"):
        plain = torchvision.models.vgg16().features
    assert pools == [i for i, module in enumerate(plain) if isinstance(module, nn.MaxPool2d)]
    assert [sides[i] for i in pools] == [35, 17, 8, 4, 2]
    weights, x = network.state_dict(), found["flatten"]
    for name in ("dense1", "dense2"):
        x = functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]).relu()
    torch.testing.assert_close(
        found["classes"], functional.linear(x, weights["classes.weight"], weights["classes.bias"])
    )


@pytest.mark.parametrize(
    ("architecture", "shares"),
    [
        ("resnet50_70", []),
        ("vgg16_70", []),
        ("two_convolutions", []),
        ("ten_convolutions", [0.1] * 5),
        ("code_channels", [0.5, 0.5]),
        ("code_sequence", [0.5, 0.5]),
    ],
)
def test_dropout_is_that_of_the_paper(architecture: Architecture, shares: list[float]) -> None:
    network = outline_network(architecture, shape_of(architecture, 70), 2, 0.25)
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == shares


@TORCH_COPIES
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_same_padding_is_that_of_torch(kernel: int) -> None:
    generator = torch.Generator().manual_seed(kernel)
    ours = SameConv2d(2, 3, kernel)
    plain = nn.Conv2d(2, 3, kernel, padding="same")
    plain.load_state_dict(ours.state_dict())
    maps = torch.rand((2, 2, 5, 6), generator=generator)
    torch.testing.assert_close(ours(maps), plain(maps))


def test_an_even_kernel_sees_its_pixel_and_those_behind_it() -> None:
    layer = SameConv2d(1, 1, 2, bias=False)
    nn.init.ones_(layer.weight)
    maps = torch.zeros(1, 1, 4, 4)
    maps[0, 0, 1, 2] = 1
    assert layer(maps)[0, 0].nonzero().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]


@TORCH_COPIES
@pytest.mark.parametrize("steps", [1, 2, 31, 100])
def test_same_padding_of_sequences_is_that_of_torch(steps: int) -> None:
    ours, plain = SameConv1d(3, 4, 32), nn.Conv1d(3, 4, 32, padding="same")
    plain.load_state_dict(ours.state_dict())
    sequences = torch.rand((2, 3, steps), generator=torch.Generator().manual_seed(steps))
    torch.testing.assert_close(ours(sequences), plain(sequences))


@TORCH_COPIES
def test_the_code_as_channels_is_a_convolution_of_one_step_with_all_its_taps() -> None:
    dim, live = 50, 15  # 31 zeros are added, 15 of them in front
    ours = build_network("code_channels", (dim,), 2, 1.0, seed=0)
    plain = outline_network("code_channels", (dim,), 2, 1.0)
    assert isinstance(plain, nn.Sequential)
    plain.conv1, plain.conv2 = nn.Conv1d(dim, 40, 32, padding="same"), nn.Conv1d(40, 80, 32, padding="same")
    assert sum(p.numel() for p in plain.parameters()) == count_learnables(ours)
    draw_weights(plain, seed=9)
    weights = ours.state_dict()
    with torch.no_grad():
        for name, value in plain.state_dict().items():
            (value[:, :, live] if name in ("conv1.weight", "conv2.weight") else value).copy_(weights[name])
    codes, targets = inputs("code_channels", dim, 6), torch.tensor([0, 1, 0, 0, 1, 1])
    losses = []
    for network in (ours, plain):
        for dropout in (module for module in network.modules() if isinstance(module, nn.Dropout)):
            dropout.p = 0.0
        losses.append(functional.cross_entropy(network(codes), targets))
        losses[-1].backward()
    torch.testing.assert_close(losses[0], losses[1])
    gradients = {name: parameter.grad for name, parameter in ours.named_parameters()}
    for name, parameter in plain.named_parameters():
        gradient, expected = parameter.grad, gradients[name]
        assert gradient is not None
        assert expected is not None
        if gradient.ndim == 3:
            idle = [tap for tap in range(32) if tap != live]
            assert gradient[:, :, idle].count_nonzero() == 0
            assert expected.count_nonzero() > 0
            gradient = gradient[:, :, live]
        torch.testing.assert_close(expected, gradient, rtol=1e-4, atol=1e-6)


def test_the_code_as_a_sequence_normalises_channels_and_takes_the_mean_over_steps() -> None:
    network = build_network("code_sequence", (90,), 3, 0.2, seed=3).eval()
    codes = inputs("code_sequence", 90, 4)
    x = codes[:, None]
    for number in (1, 2):
        part = {name: network.get_submodule(f"{name}{number}") for name in ("conv", "norm", "layer_norm")}
        x = functional.conv1d(functional.pad(x, (15, 16)), part["conv"].weight, part["conv"].bias)
        x = (x / (1 + 1e-5) ** 0.5).relu()  # batch norm as it is before any training
        x = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    expected = functional.linear(x.mean(2), network.classes.weight, network.classes.bias)
    torch.testing.assert_close(network(codes), expected, rtol=1e-4, atol=1e-5)


def test_layer_norm_of_channels_has_a_scale_and_an_offset_for_each() -> None:
    layer = ChannelNorm(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        layer.bias.copy_(torch.tensor([0.0, 10.0, 20.0]))
    sequences = torch.rand((4, 3, 7), generator=torch.Generator().manual_seed(0))
    centred = (layer(sequences) - layer.bias[:, None]) / layer.weight[:, None]
    torch.testing.assert_close(centred.mean(1), torch.zeros(4, 7), rtol=0, atol=1e-5)


@EVERY
@pytest.mark.parametrize("size", [32, 40, 54])
def test_a_step_of_training_reaches_every_weight_and_lowers_the_loss(architecture: Architecture, size: int) -> None:
    size = code_size(size // 9 * 9) if architecture in CODE_NETWORKS else size
    network = build_network(architecture, shape_of(architecture, size), 3, 0.125, seed=0)
    batch, targets = inputs(architecture, size, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    for dropout in (module for module in network.modules() if isinstance(module, nn.Dropout)):
        dropout.p = 0.0
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    losses = []
    for _ in range(3):
        logits = network(batch)
        assert logits.shape == (6, 3)
        assert logits.dtype == torch.float32
        losses.append(functional.cross_entropy(logits, targets))
        optimizer.zero_grad()
        losses[-1].backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.ndim == 1 or parameter.grad.count_nonzero() > 0, name
        optimizer.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("architecture", IMAGE_NETWORKS)
@pytest.mark.parametrize("size", [32, 33, 36, 37, 54, 64, 71, 96])
def test_images_of_many_sizes_are_classified(architecture: Architecture, size: int) -> None:
    network = outline_network(architecture, (size, size, 3), 5, 0.25)
    assert network(inputs(architecture, size, 2, "meta")).shape == (2, 5)


@EVERY
def test_a_narrow_network_keeps_a_channel_in_every_layer(architecture: Architecture) -> None:
    size = 108 if architecture in CODE_NETWORKS else 32
    narrow = build_network(architecture, shape_of(architecture, size), 2, 0.001, seed=0)
    assert narrow(inputs(architecture, size, 4)).isfinite().all()
    counts = [count_learnables(outline_network(architecture, shape_of(architecture, size), 2, w)) for w in (0.5, 1.0)]
    assert 0 < count_learnables(narrow) < counts[0] < counts[1]


def test_width_is_a_share_of_the_channels_and_units() -> None:
    half = outline_network("vgg16_70", (70, 70, 3), 2, 0.5)
    channels = tuple(n // 2 for n in VGG)
    assert count_learnables(half) == convolutions(channels, 3) + dense(256 * 2 * 2, 2048, 2048, 2)


@EVERY
def test_weights_come_from_the_seed_alone(architecture: Architecture) -> None:
    shape = shape_of(architecture, 108 if architecture in CODE_NETWORKS else 32)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = build_network(architecture, shape, 2, 0.1, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    again, other = (build_network(architecture, shape, 2, 0.1, seed=seed).state_dict() for seed in (3, 4))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not any(torch.equal(value, other[name]) for name, value in first.items() if value.ndim > 1)


@EVERY
def test_weights_fill_the_interval_of_glorot(architecture: Architecture) -> None:
    size = 1000 if architecture in CODE_NETWORKS else 32
    network = build_network(architecture, shape_of(architecture, size), 2, 0.5, seed=0)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm):
            assert torch.equal(layer.weight, torch.ones_like(layer.weight)), name
            assert layer.bias.count_nonzero() == 0, name
        elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            taps = 32 if isinstance(layer, OneStepConv1d) else 1
            fan_in, fan_out = (taps * fan for fan in nn.init._calculate_fan_in_and_fan_out(layer.weight))
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert glorot_bound(layer) == pytest.approx(bound, rel=1e-12)
            assert layer.weight.abs().max() <= bound * (1 + 1e-6), name
            assert layer.bias is None or layer.bias.count_nonzero() == 0, name
            if layer.weight.numel() > 10_000:  # deviation of a uniform variable, within five standard errors of it
                assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03), name
                assert abs(layer.weight.mean().item()) < 5 * bound / (3 * layer.weight.numel()) ** 0.5, name


def test_pixels_are_scaled_from_black_to_white_in_their_places() -> None:
    images = torch.zeros((1, 2, 3, 3), dtype=torch.uint8)
    images[0, 1, 2, 0] = 255
    images[0, 0, 0, 2] = 51
    expected = torch.zeros(1, 3, 2, 3)
    expected[0, 0, 1, 2] = 1
    expected[0, 2, 0, 0] = 0.2
    scaled = ScalePixels()(images)
    torch.testing.assert_close(scaled, expected)
    assert scaled.dtype == torch.float32


def test_unsuitable_inputs_are_told() -> None:
    with pytest.raises(UserError, match=r"'vgg16_70': images of 31 x 31 pixels are too small; .* of 32 at least"):
        build_network("vgg16_70", (31, 31, 3), 2, 1.0, seed=0)
    with pytest.raises(ValueError, match=r"images of shape \(size, size, 3\), not \(40, 50, 3\)"):
        build_network("resnet50_70", (40, 50, 3), 2, 1.0, seed=0)
    with pytest.raises(ValueError, match=r"codes of shape \(dim,\), not \(40, 40, 3\)"):
        build_network("code_channels", (40, 40, 3), 2, 1.0, seed=0)


def test_layers_whose_weights_cannot_be_drawn_are_refused() -> None:
    with torch.device("meta"):
        network = nn.Sequential(nn.PReLU())
    with pytest.raises(ValueError, match="0: weights of a PReLU"):
        draw_weights(network, 0)


def test_the_autoencoder_has_the_layers_and_learnables_of_the_figure() -> None:
    network = outline_autoencoder("average")
    layers = [module for _, module in network.named_modules() if not list(module.children())]
    assert len(layers) == 20
    learnables = [0, 252, 0, 0, 2214, 0, 0, 6588, 0, 0, 0, 6588, 0, 0, 252, 0, 0, 30, 0, 0]
    assert [count_learnables(layer) for layer in layers] == learnables
    assert count_learnables(network) == 15_924
    found = outputs_of(network, torch.empty((2, 450, 450, 3), dtype=torch.uint8, device="meta"))
    assert found["encoder"].shape == (2, 67_500)
    assert found["encoder.conv3"].shape == (2, 27, 50, 50)
    assert found[""].shape == (2, 450, 450, 3)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_the_autoencoder_computes_what_the_figure_says(pooling: Any) -> None:
    network = build_autoencoder(pooling, seed=2)
    weights = network.state_dict()
    images = inputs("vgg16_70", 36, 3)

    def convolved(x: Tensor, name: str) -> Tensor:
        x = functional.conv2d(functional.pad(x, (1, 1, 1, 1)), weights[f"{name}.weight"], weights[f"{name}.bias"])
        return torch.where(x > 0, x, 0.01 * x)

    def pooled(x: Tensor) -> Tensor:
        squares = x.unflatten(3, (-1, 3)).unflatten(2, (-1, 3))
        return squares.mean((3, 5)) if pooling == "average" else squares.amax((3, 5))

    def depth_to_space(x: Tensor) -> Tensor:
        n, channels, side, _ = x.shape
        squares = x.reshape(n, channels // 9, 3, 3, side, side).permute(0, 1, 4, 2, 5, 3)
        return squares.reshape(n, channels // 9, 3 * side, 3 * side)

    with torch.no_grad():
        for name, value in weights.items():
            if value.ndim == 1:
                value.copy_(torch.rand(value.shape, generator=torch.Generator().manual_seed(len(name))) - 0.5)
        x = images.permute(0, 3, 1, 2) / 255
        code = convolved(pooled(convolved(pooled(convolved(x, "encoder.conv1")), "encoder.conv2")), "encoder.conv3")
        x = depth_to_space(convolved(code, "decoder.conv4"))
        x = convolved(depth_to_space(convolved(x, "decoder.conv5")), "decoder.conv6")
        torch.testing.assert_close(network.encode(images), code.flatten(1), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(network(images), x.permute(0, 2, 3, 1), rtol=1e-4, atol=1e-5)
    assert network.encode(images).is_contiguous()


def test_the_code_keeps_the_image_in_place() -> None:
    """A changed pixel changes the values of its own square and its neighbours, in each of the 27 maps."""
    network = build_autoencoder("average", seed=0)
    images = inputs("vgg16_70", 90, 1)
    changed = images.clone()
    changed[0, 49, 22] = 255 - changed[0, 49, 22]  # in the middle of the square 5, 2
    with torch.no_grad():
        difference = (network.encode(images) - network.encode(changed)).reshape(27, 10, 10)
    rows, columns = difference.abs().amax(0).nonzero().T
    assert set(rows.tolist()) <= {4, 5, 6}
    assert set(columns.tolist()) <= {1, 2, 3}
    assert difference[:, 5, 2].count_nonzero() > 20


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_the_autoencoder_learns(pooling: Any) -> None:
    network = build_autoencoder(pooling, seed=1)
    rows = torch.linspace(20, 230, 36).to(torch.uint8)
    images = torch.stack([rows[:, None, None].expand(36, 36, 3), rows.flip(0)[None, :, None].expand(36, 36, 3)])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for step in range(100):
        outputs, target = network(images), network.target(images)
        assert outputs.shape == target.shape
        losses.append(functional.mse_loss(outputs, target))
        optimizer.zero_grad()
        losses[-1].backward()
        for name, parameter in network.named_parameters() if step == 0 else ():
            assert parameter.grad is not None, name
            assert parameter.grad.count_nonzero() > 0, name
        optimizer.step()
    assert target.max() == 230 / 255
    assert losses[-1] < target.var() / 3


def test_autoencoders_come_from_the_seed_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = (build_autoencoder("average", seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["encoder.conv1.weight"], other["encoder.conv1.weight"])


def test_images_that_cannot_be_pooled_are_told() -> None:
    with pytest.raises(UserError, match=r"images of 40 x 40 pixels: .* multiple of 9, such as 36\."):
        build_autoencoder("average", 0)(torch.zeros((1, 40, 40, 3), dtype=torch.uint8))
    assert code_size(450) == 67_500
