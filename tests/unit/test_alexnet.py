"""AlexNet in two groups, as Caffe and MATLAB have it, and the fully connected layers of three networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from leukorepro.features.backbones.alexnet import alexnet_caffe
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.run.resolve import resolve

ROOT = Path(__file__).resolve().parents[2]


def test_it_has_the_learnables_and_the_maps_of_the_published_network() -> None:
    with torch.device("meta"):
        network = alexnet_caffe()
        maps = {}
        batch = torch.empty(1, 3, 227, 227)
        for name, layer in network.named_children():
            batch = layer(batch)
            maps[name] = tuple(batch.shape[1:])
    assert sum(parameter.numel() for parameter in network.parameters()) == 60_965_224
    expected = {"conv1": (96, 55, 55), "pool1": (96, 27, 27), "pool2": (256, 13, 13), "pool5": (256, 6, 6)}
    assert expected.items() <= maps.items()
    assert maps["pool5"] == maps["size"], "the published input needs no other size"
    published = [
        *("conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3", "relu3", "conv4", "relu4"),
        *("conv5", "relu5", "pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"),
    ]  # models/bvlc_alexnet/train_val.prototxt
    assert [name for name in maps if name not in ("size", "flatten")] == published


def test_groups_and_norms_are_those_written_out() -> None:
    network = alexnet_caffe().eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 96, 7, 7, generator=generator)
    layer = network.conv2
    halves: list[Tensor] = [
        nn.functional.conv2d(x[:, part * 48 : part * 48 + 48], layer.weight[rows], layer.bias[rows], padding=2)
        for part in (0, 1)
        for rows in [slice(part * 128, part * 128 + 128)]
    ]
    torch.testing.assert_close(layer(x), torch.cat(halves, 1), rtol=1e-5, atol=1e-6)
    padded = nn.functional.pad(100 * x, (0, 0, 0, 0, 2, 2))
    squares = torch.stack([padded[:, i : i + 96] ** 2 for i in range(5)]).sum(0)
    torch.testing.assert_close(network.norm1(100 * x), 100 * x / (1 + 1e-4 / 5 * squares) ** 0.75)


@pytest.mark.parametrize("name", ["alexnet", "alexnet_caffe", "vgg16", "vgg19"])
def test_fully_connected_layers_are_the_last_three_of_their_networks(name: str) -> None:
    backbone = BACKBONES[name]
    with torch.device("meta"):
        network = alexnet_caffe() if name == "alexnet_caffe" else torchvision.models.get_model(name)
    modules = dict(network.named_modules())
    dense = [key for key, module in modules.items() if isinstance(module, nn.Linear)]
    assert [backbone.layers[layer].node for layer in ("fc6", "fc7", "fc8")] == dense
    assert [backbone.layers[layer].dim for layer in ("fc6", "fc7", "fc8")] == [modules[k].out_features for k in dense]
    names = list(modules)
    rectifier = backbone.layers["relu7"].node
    assert rectifier == names[names.index(dense[1]) + 1]
    assert isinstance(modules[str(rectifier)], nn.ReLU)


def test_without_its_weights_it_is_left_out_of_the_study_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run = resolve(Path("config/runs/simulated.yaml"), {"weights": "imagenet"})
    study = next(study for study in run.studies if study.study.key == "hayat2022")
    left_out = [f"{table}/AlexNet, grouped" for table in ("II", "III", "IV")]
    assert left_out == [name for name in study.left_out_items if "AlexNet" in name]
    assert "ImageNet weights of AlexNet in two groups are published in no form" in study.left_out_items[left_out[0]]
