from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from torch import Tensor, nn

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.registry import check_input_size, find_backbone
from leukorepro.features.backbones.specification import TIMM, ChannelScaling, TimmWeights
from leukorepro.features.preprocessing import resize

DINO = "vit_small_patch14_dinov2.lvd142m"


def images(size: int, count: int = 4) -> Tensor:
    """Smooth random pictures, unlike one another, shape (count, size, size, 3)."""
    small = np.random.default_rng(0).integers(0, 256, (count, 9, 9, 3), dtype=np.uint8)
    return torch.from_numpy(np.stack([resize(image, size) for image in small]))


def drawn(name: str, **options: object) -> nn.Module:
    """timm's network with every parameter and statistic drawn here, so that nothing is without effect."""
    network = timm.create_model(name, **options).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator) * (0.5 / max(1, value[0].numel()) ** 0.5)
            value.copy_(1 + noise.abs() if "var" in key or ("norm" in key and "weight" in key) else noise)
    return network


def from_file(name: str, path: Path) -> FeatureNetwork:
    return build_network(find_backbone(TIMM + name), "pooled", f"file:{path}")


def close(ours: Tensor, expected: Tensor) -> bool:
    assert expected.std() > 1e-3
    return torch.allclose(ours, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_a_backbone_is_what_timm_says_of_its_weights() -> None:
    backbone = find_backbone("timm:resnet18.a1_in1k")
    assert backbone.weights == TimmWeights(
        "resnet18.a1_in1k", "timm/resnet18.a1_in1k", "model.safetensors", "apache-2.0"
    )
    assert (backbone.input_size, backbone.preprocessing, backbone.interpolation) == (224, "torch", "bicubic")
    assert backbone.layers["pooled"].dim is None, "known once the network is built"
    assert find_backbone("timm:resnet18").weights == backbone.weights, "timm's first weights of that network"
    assert find_backbone(f"timm:{DINO}").input_size == 518
    clip = find_backbone("timm:vit_base_patch16_clip_224.openai").preprocessing
    assert isinstance(clip, ChannelScaling)
    assert str(clip).startswith("mean (0.48145466, ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18.a1_in", r"unknown backbone 'timm:resnet18.a1_in'.*Close: timm:resnet18.a1_in1k, "),
        ("vit_smal_patch14_dinov2", r"unknown backbone.*timm:vit_small_patch14_dinov2,"),
        ("hf-hub:someone/something", r"unknown backbone.*See timm\.list_models\(\)"),
        ("crossvit_9_240", None),
        ("tf_efficientnetv2_b0", None),
    ],
)
def test_unknown_names_are_told_with_the_closest(name: str, expected: str | None) -> None:
    if expected is None:
        assert find_backbone(TIMM + name).network == name
    else:
        with pytest.raises(UserError, match=expected):
            find_backbone(TIMM + name)


def test_input_sizes_are_refused_for_the_networks_own_reason() -> None:
    check_input_size(find_backbone(f"timm:{DINO}"), 224)
    with pytest.raises(UserError, match=r"input_size 225 does not fit vit_small.*518.*divisible by patch size"):
        check_input_size(find_backbone(f"timm:{DINO}"), 225)
    beit = find_backbone("timm:beit_base_patch16_224")
    check_input_size(beit, 224)
    with pytest.raises(UserError, match=r"input_size 192 does not fit beit_base_patch16_224.*doesn't match model"):
        check_input_size(beit, 192)
    with pytest.raises(UserError, match="input_size 16 is too small for resnet18; it needs 32 pixels"):
        check_input_size(find_backbone("timm:resnet18"), 16)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18.a1_in1k", 64),
        pytest.param("mobilenetv3_small_050", 64, marks=pytest.mark.long),
        ("vit_tiny_patch16_224", 64),
        pytest.param("levit_128s", 224, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_features_are_what_timms_classifier_gets(name: str, size: int, suffix: str, tmp_path: Path) -> None:
    """A convolutional network, one with layers after the pooling, a transformer and one for one input size."""
    options = {"dynamic_img_size": True} if name.startswith("vit_") else {}
    reference = drawn(name, num_classes=7, **options)
    path = tmp_path / f"w{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(reference.state_dict(), path)
    network = from_file(name, path)
    config = resolve_data_config(pretrained_cfg=reference.pretrained_cfg)
    config.update(input_size=(3, size, size), crop_pct=1.0, crop_mode="squash")
    picture = Image.fromarray(images(100, 1)[0].numpy()).resize((130, 90))
    backbone = find_backbone(TIMM + name)
    batch = torch.from_numpy(resize(np.asarray(picture), size, backbone.interpolation))[None]
    with torch.inference_mode():
        scaled = create_transform(**config)(picture)[None]
        assert (network.preprocess(batch) - scaled).abs().max() < 1e-5
        expected = reference.forward_head(reference.forward_features(scaled), pre_logits=True)
        features = network(batch)
    assert features.shape == (1, network.dim)
    assert close(features, expected)
    assert network.body.num_classes == 0


def test_position_embeddings_fit_other_input_sizes(tmp_path: Path) -> None:
    """DINOv2's own names and its mask token are taken; at 70 pixels timm's network for 70 pixels gives the same."""
    state = drawn(DINO).state_dict()
    torch.save({**state, "mask_token": torch.zeros(1, 384)}, tmp_path / "w.pth")
    network = from_file(DINO, tmp_path / "w.pth")
    small = timm.create_model(
        DINO, img_size=70, pretrained=True, pretrained_cfg_overlay={"file": str(tmp_path / "w.pth")}
    ).eval()
    with torch.inference_mode():
        scaled = network.preprocess(images(70))
        assert close(network(images(70)), small(scaled))
        assert network(images(84)).shape == (4, network.dim) == (4, 384)


@pytest.mark.parametrize(("name", "size"), [("resnet18", 64), (DINO, 70), ("convnext_atto", 64)])
def test_random_weights_are_finite_and_tell_images_apart(name: str, size: int) -> None:
    backbone = find_backbone(TIMM + name)
    networks = [build_network(backbone, "pooled", "random", seed=s, calibration=images(size)) for s in (0, 0, 1)]
    features = networks[0](images(size))
    assert torch.isfinite(features).all()
    assert (features.std(0) > 1e-4).float().mean() > 0.5  # DINOv2's branches begin with a factor of 1e-5
    digests = [n.weights_sha256 for n in networks]
    assert digests[0] == digests[1] != digests[2]


def test_a_file_that_does_not_fit_is_told(tmp_path: Path) -> None:
    state = timm.create_model("resnet18").state_dict()
    del state["layer1.0.bn1.weight"]
    torch.save({**state, "extra.weight": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(
        UserError, match=r"w\.pth: does not fit timm's resnet18: .*layer1\.0\.bn1\.weight.*extra\.weight"
    ):
        from_file("resnet18", tmp_path / "w.pth")
    broken = {**timm.create_model("resnet18").state_dict(), "bn1.bias": torch.full((64,), float("nan"))}
    save_file(broken, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"w\.safetensors: values that are not finite in bn1\.bias"):
        from_file("resnet18", tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"none\.pth: no such file"):
        from_file("resnet18", tmp_path / "none.pth")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_in_the_projects_folder_are_taken_without_asking_anyone(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = drawn("resnet18.a1_in1k")
    path = tmp_path / f"resnet18.a1_in1k{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(reference.state_dict(), path)
    network = build_network(find_backbone("timm:resnet18"), "pooled", "imagenet", folder=tmp_path)
    assert network.weights_sha256 == from_file("resnet18", path).weights_sha256
    assert f"weights taken as they are (SHA-256 {network.file_sha256})" in capsys.readouterr().out
