from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import skimage.data
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from timm.data import create_transform, resolve_data_config
from torch import Tensor, nn

from leukorepro.core.errors import UserError
from leukorepro.core.words import Preprocessing
from leukorepro.features.backbones.networks import FeatureNetwork, build_network, count_features
from leukorepro.features.backbones.parameters import (
    calibrate_batch_norm,
    parameters_digest,
    randomise_parameters,
    reset_parameters,
)
from leukorepro.features.backbones.registry import BACKBONES, check_input_size, find_backbone
from leukorepro.features.backbones.specification import (
    TIMM,
    Backbone,
    Interpolation,
    Layer,
    OwnWeights,
    PackagedWeights,
    TimmWeights,
    TorchvisionWeights,
)
from leukorepro.features.backbones.weights import find_imagenet_weights
from leukorepro.features.preprocessing import resize

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
MOBILENET = SHARED / "data" / "weights" / "mobilenet_v2_imagenet.pth"


def images(size: int, count: int = 4, seed: int = 0) -> Tensor:
    """Smooth random pictures, unlike one another, shape (count, size, size, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 9, 9, 3), dtype=np.uint8)
    return torch.from_numpy(np.stack([resize(image, size) for image in small]))


def test_importing_the_registry_imports_no_network_library() -> None:
    code = (
        "import sys, leukorepro.features.backbones.registry as b; "
        "[b.check_input_size(b.find_backbone(n), 224) for n in b.BACKBONES if 'inception_res' not in n]; "
        "print([m for m in ('torch', 'torchvision', 'timm', 'numpy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_backbone_names_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UserError, match=r"unknown backbone 'mobilnet_v2'.*googlenet.*Did you mean 'mobilenet_v2'\?"):
        find_backbone("mobilnet_v2")


def test_unknown_layer_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"googlenet has no layer 'gab'. Known: gap, flat. Did you mean 'gap'\?"):
        find_backbone("googlenet").find_layer("gab")


LIBRARIES = [name for name, backbone in BACKBONES.items() if not isinstance(backbone.weights, OwnWeights)]
"""Networks of torchvision and timm; those of this package have tests of their own."""


@pytest.mark.parametrize("name", LIBRARIES)
def test_weights_entry_is_the_librarys(name: str) -> None:
    backbone = BACKBONES[name]
    assert backbone.default_layer in backbone.layers
    if isinstance(backbone.weights, TimmWeights):
        described = find_backbone(backbone.build)
        for field in ("weights", "input_size", "preprocessing", "interpolation", "options"):
            assert getattr(backbone, field) == getattr(described, field)
        return
    if isinstance(backbone.weights, PackagedWeights):
        described = find_backbone(backbone.build)
        for field in ("input_size", "preprocessing", "interpolation", "options"):
            assert getattr(backbone, field) == getattr(described, field)
        return
    entry = torchvision.models.get_weight(backbone.weights.name)
    assert entry in torchvision.models.get_model_weights(name)
    assert entry.url.rpartition("/")[2] == backbone.weights.file
    assert len(backbone.weights.sha256_prefix) == 8
    assert set(backbone.weights.sha256_prefix) <= set("0123456789abcdef")
    assert max(32, *entry.meta["min_size"]) == backbone.min_input_size
    transforms = entry.transforms()
    assert transforms.crop_size == [backbone.input_size]
    assert transforms.interpolation.value == backbone.interpolation


LITES = [name for name, backbone in BACKBONES.items() if isinstance(backbone.weights, PackagedWeights)]
PICTURES = {
    "coffee.png": (skimage.data.coffee, {"espresso"}),
    "chelsea.png": (skimage.data.chelsea, {"tabby", "tiger cat", "Egyptian cat"}),
    "china.jpg": (partial(load_sample_image, "china.jpg"), {"palace", "monastery", "bell cote"}),
}
"""Photographs that scikit-image and scikit-learn bring along, and the ImageNet classes that are right for each."""


@pytest.mark.parametrize("name", [LITES[0], *(pytest.param(name, marks=pytest.mark.long) for name in LITES[1:])])
def test_packaged_weights_are_those_of_the_code_that_they_were_made_for_and_classify(name: str) -> None:
    backbone = BACKBONES[name]
    path = find_imagenet_weights(backbone)
    reference = EfficientNet.from_pretrained(name.replace("_", "-"), weights_path=str(path)).eval()
    network = build_network(backbone, "gap", "imagenet")
    assert network.file_sha256 == backbone.weights.sha256
    classes = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    for picture, right in PICTURES.values():
        photograph = picture()
        side = min(photograph.shape[:2])
        top, left = (photograph.shape[0] - side) // 2, (photograph.shape[1] - side) // 2
        middle = np.ascontiguousarray(photograph[top : top + side, left : left + side])
        batch = torch.from_numpy(resize(middle, backbone.input_size, backbone.interpolation))[None]
        with torch.inference_mode():
            features = network(batch)
            scaled = batch.permute(0, 3, 1, 2) / 127.5 - 1
            expected = reference.extract_features(scaled).mean((2, 3))
            scores = reference._fc(features)
        assert torch.allclose(features, expected, atol=1e-4)
        assert classes[int(scores.argmax())] in right


def test_an_input_that_is_too_small_is_told() -> None:
    check_input_size(BACKBONES["alexnet"], 63)
    with pytest.raises(UserError, match=r"input_size 62 is too small for alexnet; it needs 63 pixels or more\."):
        check_input_size(BACKBONES["alexnet"], 62)


SIZE = 96
"""Side of the inputs of the next tests: no network minds, and all of them are quick."""


NOT_HERE = ("flat", "fc7", "fc8")
"""A map, and layers next to others that are: `test_alexnet` looks where they are."""
VECTORS = [(name, layer) for name in LIBRARIES for layer in BACKBONES[name].layers if layer not in NOT_HERE]


@pytest.fixture(scope="module", params=VECTORS, ids="-".join)
def seeded(request: pytest.FixtureRequest) -> tuple[str, str, FeatureNetwork]:
    """Every backbone of a library cut at each of its layers that gives a vector, with random weights."""
    name, layer = request.param
    return name, layer, build_network(BACKBONES[name], layer, "random", calibration=images(SIZE, 6, seed=1))


PRINTED_DIMENSIONS = {
    **{("alexnet", "fc6"): 4096, ("vgg16", "fc6"): 4096, ("vgg19", "fc6"): 4096},
    **{("alexnet", "relu7"): 4096, ("vgg16", "relu7"): 4096, ("vgg19", "relu7"): 4096},
    **{("vgg16", "gap"): 512, ("vgg19", "gap"): 512, ("googlenet", "gap"): 1024, ("densenet121", "gap"): 1024},
    **{(f"efficientnet_lite{size}", "gap"): 1280 for size in range(3)},
    **{("mobilenet_v2", "gap"): 1280, ("inception_resnet_v2", "gap"): 1536},
    **{("inception_v3", "gap"): 2048, ("resnet50", "gap"): 2048, ("resnet101", "gap"): 2048},
}
"""Lengths of the feature vectors as the networks' own papers give them."""


def beheaded(name: str, layer: str) -> nn.Module:
    """The library's whole network with its own forward, its classifier replaced, without numbers yet."""
    with torch.device("meta"):
        if BACKBONES[name].build.startswith(TIMM):
            return timm.create_model(BACKBONES[name].network, num_classes=0)
        network = torchvision.models.get_model(name, weights=None, **INCEPTIONS.get(name, {}))
    if layer == "fc6":
        network.classifier = network.classifier[: 2 if name == "alexnet" else 1]
    elif layer == "relu7":
        network.classifier[-1] = nn.Identity()
    elif name.startswith("vgg"):
        network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), nn.Identity()
    else:
        setattr(network, "classifier" if hasattr(network, "classifier") else "fc", nn.Identity())
    return network


INCEPTIONS = {n: {"transform_input": True, "init_weights": False} for n in ("googlenet", "inception_v3")}


def library_transform(name: str) -> Callable[[Image.Image], Tensor]:
    """The library's own transform of the published weights, made to keep the whole image."""
    if BACKBONES[name].build.startswith(TIMM):
        config = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(BACKBONES[name].network).to_dict())
        return create_transform(**{**config, "input_size": (3, SIZE, SIZE), "crop_pct": 1.0, "crop_mode": "squash"})
    scale = torchvision.models.get_weight(BACKBONES[name].weights.name).transforms(resize_size=SIZE, crop_size=SIZE)
    return lambda picture: scale(torchvision.transforms.functional.resize(picture, [SIZE, SIZE]))


def test_features_are_those_in_front_of_the_librarys_classifier(seeded: tuple[str, str, FeatureNetwork]) -> None:
    """The library's transform and its own forward, without the classifier, give the same features."""
    name, layer, network = seeded
    reference = beheaded(name, layer)
    wrong = reference.load_state_dict(network.body.state_dict(), strict=False, assign=True)
    assert not wrong.unexpected_keys
    assert all(key.lower().startswith("aux") or key.endswith("num_batches_tracked") for key in wrong.missing_keys)
    picture = Image.fromarray(images(150, count=1)[0].numpy()).resize((170, 130))
    with torch.inference_mode():
        expected = reference.eval()(library_transform(name)(picture)[None])
        batch = torch.from_numpy(resize(np.asarray(picture), SIZE, BACKBONES[name].interpolation))[None]
        features = network(batch)
    assert features.shape == (1, network.dim) == (1, PRINTED_DIMENSIONS[name, layer])
    assert features.dtype == torch.float32
    assert expected.std() > 0.01
    if layer == "fc6":
        assert float(features.min()) < 0, "before the rectifier"
    elif layer == "relu7":
        assert float(features.min()) == 0, "after the rectifier"
    assert torch.allclose(features, expected, rtol=1e-4, atol=2e-4 * float(expected.abs().max()))


def test_random_weights_give_finite_features_of_the_declared_length(seeded: tuple[str, str, FeatureNetwork]) -> None:
    name, layer, network = seeded
    features = network(images(SIZE))
    assert network.dim == BACKBONES[name].layers[layer].dim
    assert features.shape == (4, network.dim)
    assert torch.isfinite(features).all()
    responding = features[:, features.any(0)]
    assert responding.shape[1] > 0.3 * network.dim  # untrained, half the units of a rectified layer respond to nothing
    assert (responding.std(0) > 1e-3).float().mean() > 0.5  # most features tell the images apart
    assert 0.01 < float(features.abs().mean()) < 20  # neither overflows nor vanishes, however deep
    smallest = network(images(BACKBONES[name].min_input_size))
    assert smallest.shape == features.shape
    assert torch.isfinite(smallest).all()


PRINTED_MAPS = {
    **{"alexnet": (6, 6, 256), "vgg16": (7, 7, 512), "vgg19": (7, 7, 512), "mobilenet_v2": (7, 7, 1280)},
    **{"resnet101": (7, 7, 2048), "densenet121": (7, 7, 1024), "inception_resnet_v2": (5, 5, 1536)},
}
"""Last feature maps at 224 x 224, of the networks' papers and, of Inception-ResNet-v2, of Keras at that size."""


@pytest.mark.parametrize("name", PRINTED_MAPS)
def test_a_flattened_feature_map_has_as_many_columns_as_its_published_shape(name: str) -> None:
    assert count_features(BACKBONES[name], "flat", 224) == np.prod(PRINTED_MAPS[name])


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0"])
def test_a_flattened_feature_map_is_what_is_averaged_channel_by_channel(name: str) -> None:
    """A network of torchvision, and one of timm, which pools by itself."""
    flat, gap = (
        build_network(BACKBONES[name], layer, "random", calibration=images(64, 2), input_size=64)
        for layer in ("flat", "gap")
    )
    assert flat.weights_sha256 == gap.weights_sha256
    with torch.inference_mode():
        columns, means = flat(images(64)), gap(images(64))
    assert columns.shape == (4, flat.dim) == (4, 2 * 2 * 1280)
    maps = columns.reshape(4, gap.dim, -1)
    assert maps.std(2).max() > 0.01
    assert torch.allclose(maps.mean(2), means, rtol=1e-4, atol=1e-5)


def test_preprocessing_equals_torchvisions_transforms() -> None:
    picture = Image.fromarray(images(90, count=1)[0].numpy()).resize((300, 260))
    expected = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms(resize_size=224, crop_size=224)(
        picture.resize((224, 224), Image.Resampling.BILINEAR)
    )
    network = build_network(BACKBONES["mobilenet_v2"], "gap", "random", calibration=images(64))
    batch = torch.tensor(resize(np.asarray(picture), 224))[None]
    scaled = network.preprocess(batch)
    assert scaled.is_contiguous(memory_format=torch.channels_last)
    assert (scaled[0] - expected).abs().max() < 1e-5


def documented(image: NDArray[np.uint8], preprocessing: str) -> NDArray[np.float64]:
    """Keras' and TensorFlow's documentation, word by word, in double precision; shape (3, height, width)."""
    x = image.astype(np.float64)
    match preprocessing:
        case "torch":  # "scale pixels between 0 and 1 and then normalize each channel with respect to ImageNet"
            x = (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        case "tf":  # "scale pixels between -1 and 1, sample-wise"
            x = x / 127.5 - 1
        case "caffe":  # "convert from RGB to BGR, then zero-center each color channel, without scaling"
            x = x[..., ::-1] - [103.939, 116.779, 123.68]
        case "per_image":  # "(x - mean) / adjusted_stddev", "adjusted_stddev = max(stddev, 1.0/sqrt(N))"
            x = x / 255
            x = (x - x.mean()) / max(x.std(), 1 / np.sqrt(x.size))
    return x.transpose(2, 0, 1)


@pytest.mark.parametrize("preprocessing", get_args(Preprocessing))
def test_each_way_of_scaling_is_as_documented(preprocessing: Preprocessing) -> None:
    """On a picture, a uniform image, and one whose deviation is below the floor."""
    almost = np.full((64, 64, 3), 200, dtype=np.uint8)
    almost[0, 0, 0] = 201
    batch = np.stack([images(64, count=1)[0].numpy(), np.full_like(almost, 7), almost])
    network = build_network(
        BACKBONES["mobilenet_v2"], "gap", "random", calibration=images(64), preprocessing=preprocessing
    )
    scaled = network.preprocess(torch.from_numpy(batch))
    assert scaled.is_contiguous(memory_format=torch.channels_last)
    assert scaled.dtype == torch.float32
    for ours, image in zip(scaled, batch, strict=True):
        expected = documented(image, preprocessing)
        assert np.allclose(ours, expected, rtol=1e-5, atol=2e-5 * max(1, np.abs(expected).max()))


def test_another_way_of_scaling_replaces_the_backbones_own() -> None:
    own = build_network(BACKBONES["googlenet"], "gap", "random", calibration=images(64))
    same = build_network(BACKBONES["googlenet"], "gap", "random", calibration=images(64), preprocessing="tf")
    other = build_network(BACKBONES["googlenet"], "gap", "random", calibration=images(64), preprocessing="caffe")
    assert torch.equal(own(images(64)), same(images(64)))
    assert not torch.allclose(own(images(64)), other(images(64)), rtol=0.01)


@pytest.mark.parametrize("interpolation", get_args(Interpolation))
@pytest.mark.parametrize("shape", [(450, 450), (120, 333), (1, 7)])
def test_resize_equals_torchvisions(shape: tuple[int, int], interpolation: Interpolation) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mode = torchvision.transforms.InterpolationMode(interpolation)
    reference = torchvision.transforms.Resize((224, 224), mode)(Image.fromarray(image))
    assert np.array_equal(resize(image, 224, interpolation), np.asarray(reference))


def test_random_weights_follow_the_seed_and_nothing_else() -> None:
    def digest(seed: int, threads: int = 1) -> str:
        torch.manual_seed(threads)  # the global generator plays no part
        before, state = torch.get_num_threads(), torch.get_rng_state()
        torch.set_num_threads(threads)
        network = build_network(BACKBONES["mobilenet_v2"], "gap", "random", seed=seed, calibration=images(96))
        torch.set_num_threads(before)
        assert torch.equal(torch.get_rng_state(), state)
        assert network.file_sha256 is None
        return network.weights_sha256

    assert digest(0) == digest(0, threads=2)
    assert digest(0) != digest(1)


def test_random_weights_have_the_variance_of_he_initialisation() -> None:
    layer = nn.Conv2d(64, 256, 3).requires_grad_(False)
    randomise_parameters(layer, seed=0)
    assert float(layer.weight.var()) == pytest.approx(2 / (64 * 9), rel=0.02)  # 147,456 draws: 3 sigma is 0.7 %
    assert float(layer.weight.abs().max()) <= (6 / (64 * 9)) ** 0.5
    assert not layer.bias.any()


def test_calibration_normalises_every_layer() -> None:
    """Closed form: after a layer is calibrated, its output has mean 0 and variance 1, and the next one sees that."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 5, 3), nn.BatchNorm2d(5))
    network.eval().requires_grad_(False)
    batch = torch.rand(16, 3, 32, 32) * 50 + 7
    calibrate_batch_norm(network, batch)
    assert not any(module.training for module in network.modules())
    assert network[1].momentum == 0.1

    first = network[0](batch).double().movedim(1, 0).flatten(1).numpy()
    assert np.allclose(network[1].running_mean, first.mean(1), rtol=1e-4)
    assert np.allclose(network[1].running_var, first.var(1, ddof=1), rtol=1e-4)
    for end in (2, 5):
        output = network[:end](batch).movedim(1, 0).flatten(1)
        assert output.mean(1).abs().max() < 1e-4
        assert (output.var(1) - 1).abs().max() < 1e-3


def test_equal_calibration_images_are_refused() -> None:
    black = torch.zeros(3, 64, 64, 3, dtype=torch.uint8)
    with pytest.raises(UserError, match="features are equal for all 3 calibration images"):
        build_network(BACKBONES["mobilenet_v2"], "gap", "random", calibration=black)


def test_random_weights_without_images_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="calibration images"):
        build_network(BACKBONES["mobilenet_v2"], "gap", "random")


def test_parameters_of_unknown_kind_are_not_left_as_memory_was() -> None:
    with pytest.raises(ValueError, match="1: parameters of a LayerNorm cannot be initialised here"):
        reset_parameters(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)))
    norm = nn.BatchNorm2d(3, device="meta").to_empty(device="cpu")
    reset_parameters(norm)
    values = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    assert [v.tolist() for v in values] == [[1.0] * 3, [0.0] * 3, [0.0] * 3, [1.0] * 3]


def test_another_network_is_one_entry() -> None:
    """A cut inside the classifier, without batch norm: nothing but the registry entry is needed."""
    squeezenet = Backbone(
        title="SqueezeNet 1.1",
        build="torchvision.models:squeezenet1_1",
        layers={"fire9": Layer("features.12", dim=512, pool="avg"), "classes": Layer("classifier.3", dim=1000)},
        default_layer="fire9",
        input_size=224,
        weights=TorchvisionWeights("SqueezeNet1_1_Weights.IMAGENET1K_V1", "squeezenet1_1-b8a52dc0.pth"),
    )
    for layer, dim in (("fire9", 512), ("classes", 1000)):
        network = build_network(squeezenet, layer, "random")
        assert network(images(64)).shape == (4, dim)


def trained(path: Path, **changes: Tensor | None) -> Path:
    """A state dict of MobileNetV2 with some entries changed, or left out where None."""
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()
    state.update({name: value for name, value in changes.items() if value is not None})
    torch.save({name: value for name, value in state.items() if changes.get(name, value) is not None}, path)
    return path


def test_auxiliary_heads_and_classifiers_in_a_file_are_passed_over(tmp_path: Path) -> None:
    complete = torchvision.models.googlenet(weights=None, init_weights=False)
    assert any(key.startswith("aux1") for key in complete.state_dict())
    save_file(complete.state_dict(), tmp_path / "w.safetensors")
    torch.save(complete.state_dict(), tmp_path / "w.pth")
    networks = [build_network(BACKBONES["googlenet"], "gap", f"file:{p}") for p in sorted(tmp_path.iterdir())]
    assert networks[0].weights_sha256 == networks[1].weights_sha256
    kept = networks[0].body.state_dict()
    assert all(torch.equal(kept[key], complete.state_dict()[key]) for key in kept)
    assert not any(part in key for key in kept for part in ("aux", "fc"))


def build_from(path: Path) -> str:
    return build_network(BACKBONES["mobilenet_v2"], "gap", f"file:{path}").weights_sha256


def test_a_file_without_classifier_and_counters_is_as_good_as_a_complete_one(tmp_path: Path) -> None:
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()
    torch.save(state, tmp_path / "complete.pth")
    kept = {k: v for k, v in state.items() if k.startswith("features") and not k.endswith("num_batches_tracked")}
    torch.save(kept, tmp_path / "kept.pth")
    digests = {build_from(tmp_path / "complete.pth"), build_from(tmp_path / "kept.pth")}
    assert len(digests) == 1
    changed = {**kept, "features.0.1.bias": kept["features.0.1.bias"] + 1e-7}
    torch.save(changed, tmp_path / "changed.pth")
    assert build_from(tmp_path / "changed.pth") not in digests


def test_a_file_that_does_not_fit_is_told_key_by_key(tmp_path: Path) -> None:
    path = trained(
        tmp_path / "w.pth",
        **{"features.0.1.bias": None, "features.18.0.weight": torch.ones(2, 3), "module.x": torch.ones(1)},
    )
    expected = (
        r"w\.pth: does not fit the network: missing features\.0\.1\.bias; unexpected module\.x; "
        r"wrong shape features\.18\.0\.weight \(2, 3\) instead of \(1280, 320, 1, 1\)\."
    )
    with pytest.raises(UserError, match=expected):
        build_from(path)


def test_a_value_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    path = trained(tmp_path / "w.pth", **{"features.0.1.bias": torch.full((32,), float("nan"))})
    with pytest.raises(UserError, match=r"not finite in features\.0\.1\.bias"):
        build_from(path)


def test_files_that_are_no_state_dict_are_refused(tmp_path: Path) -> None:
    half = tmp_path / "half.pth"
    whole = trained(tmp_path / "whole.pth").read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"half\.pth: not a complete file of tensors"):
        build_from(half)
    with pytest.raises(UserError, match=r"half\.safetensors: not a complete file of tensors"):
        build_from(half.rename(tmp_path / "half.safetensors"))
    torch.save({"epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match="holds no state dict"):
        build_from(tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match="no such file"):
        build_from(tmp_path / "absent.pth")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"x": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(UserError, match=r"holds more than tensors \(.*\), which could run code"):
        build_from(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


def test_digest_does_not_depend_on_memory_layout() -> None:
    layer = nn.Conv2d(4, 4, 3)
    digest = parameters_digest(layer)
    assert parameters_digest(layer.to(memory_format=torch.channels_last)) == digest


@pytest.mark.skipif(not MOBILENET.is_file(), reason="no shared MobileNetV2 weights")
def test_trained_weights_from_a_file_tell_images_apart() -> None:
    network = build_network(BACKBONES["mobilenet_v2"], "gap", f"file:{MOBILENET}")
    assert f"{network.file_sha256}  weights/{MOBILENET.name}" in (MOBILENET.parent / "SHA256SUMS").read_text()
    features = network(images(224))
    assert torch.isfinite(features).all()
    assert float(features.min()) >= 0  # pooled after ReLU6
    assert float(features.max()) <= 6
    assert (features.std(0) > 1e-3).float().mean() > 0.5
