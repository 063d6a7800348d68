"""GoogLeNet without batch norm: the paper's table, Caffe's norms, and a forward pass written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

from leukorepro.features.backbones.googlenet import googlenet_caffe
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.parameters import randomise_parameters
from leukorepro.features.backbones.registry import BACKBONES

BACKBONE = BACKBONES["googlenet_caffe"]
SHAPES = {
    "conv1": (64, 112, 112),
    "maxpool1": (64, 56, 56),
    "conv3": (192, 56, 56),
    "maxpool2": (192, 28, 28),
    "inception3a": (256, 28, 28),
    "inception3b": (480, 28, 28),
    "maxpool3": (480, 14, 14),
    "inception4a": (512, 14, 14),
    "inception4d": (528, 14, 14),
    "inception4e": (832, 14, 14),
    "maxpool4": (832, 7, 7),
    "inception5a": (832, 7, 7),
    "inception5b": (1024, 7, 7),
}
"""Szegedy et al. (2015), table 1."""


def pictures(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 96, 96, 3), generator=generator, dtype=torch.uint8)


def test_it_has_the_learnables_and_the_shapes_of_the_published_network() -> None:
    with torch.device("meta"):
        network = googlenet_caffe().eval()
        assert sum(parameter.numel() for parameter in network.parameters()) == 6_998_552  # Caffe's model
        assert network.dropout.p == 0.4  # its pool5/drop_7x7_s1
        shapes = {}
        for name in SHAPES:
            network.get_submodule(name).register_forward_hook(
                lambda _, __, output, name=name: shapes.update({name: tuple(output.shape[1:])})
            )
        assert network(torch.empty(2, 3, 224, 224)).shape == (2, 1000)
    assert shapes == SHAPES
    assert not [name for name in network.state_dict() if "bn" in name]


@pytest.fixture(scope="module")
def cut() -> FeatureNetwork:
    return build_network(BACKBONE, "gap", "random", seed=3, calibration=pictures(2))


def written_out(network: FeatureNetwork, batch: Tensor) -> Tensor:
    """The features by plain operations on the parameters, from Caffe's definition of each layer."""
    values = network.body.state_dict()

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = values[f"{name}.conv.weight"]
        return conv2d(x, weight, values[f"{name}.conv.bias"], stride, (weight.shape[-1] - 1) // 2).clamp(min=0)

    def pool(x: Tensor) -> Tensor:
        return max_pool2d(x, 3, 2, ceil_mode=True)

    def normalise(x: Tensor) -> Tensor:
        """x_c / (1 + 0.0001 / 5 * the sum of squares of the five channels about c) ^ 0.75."""
        squares = torch.nn.functional.pad(x**2, (0, 0, 0, 0, 2, 2))
        sums = sum(squares[:, shift : shift + x.shape[1]] for shift in range(5))
        return x / (1 + 1e-4 / 5 * sums) ** 0.75

    def block(x: Tensor, name: str) -> Tensor:
        branches = [convolve(x, f"{name}.branch1")]
        for branch in ("branch2", "branch3"):
            branches.append(convolve(convolve(x, f"{name}.{branch}.0"), f"{name}.{branch}.1"))
        branches.append(convolve(max_pool2d(x, 3, 1, 1), f"{name}.branch4.1"))
        return torch.cat(branches, 1)

    x = batch.permute(0, 3, 1, 2).double() - torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1)
    values = {name: value.double() for name, value in values.items()}
    x = normalise(pool(convolve(x, "conv1", stride=2)))
    x = pool(normalise(convolve(convolve(x, "conv2"), "conv3")))
    for stage in (("3a", "3b"), ("4a", "4b", "4c", "4d", "4e"), ("5a", "5b")):
        for name in stage:
            x = block(x, f"inception{name}")
        x = pool(x) if stage[0] != "5a" else x
    return x.mean((2, 3))


def test_features_are_those_of_the_layers_written_out(cut: FeatureNetwork) -> None:
    batch = pictures(3)
    with torch.inference_mode():
        features = cut(batch)
        expected = written_out(cut, batch)
    assert features.shape == (3, 1024)
    assert expected.std() > 0.01 * expected.mean() > 0
    torch.testing.assert_close(features.double(), expected, rtol=1e-4, atol=1e-4 * float(expected.max()))


def test_a_converted_file_is_read_with_or_without_its_classifier(tmp_path: Path) -> None:
    network = googlenet_caffe()
    randomise_parameters(network, seed=1)
    state = network.state_dict()
    digests = []
    for name, kept in (("whole", state), ("headless", {n: v for n, v in state.items() if not n.startswith("fc.")})):
        save_file(kept, tmp_path / f"{name}.safetensors")
        digests.append(build_network(BACKBONE, "gap", f"file:{tmp_path / name}.safetensors").weights_sha256)
    assert digests[0] == digests[1]
