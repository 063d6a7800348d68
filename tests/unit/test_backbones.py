from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

from leukorepro.errors import UserError
from leukorepro.features.backbones import BACKBONES, Backbone, Layer, TorchvisionWeights, find_backbone
from leukorepro.features.networks import build_network
from leukorepro.features.parameters import calibrate_batch_norm, parameters_digest, randomise_parameters
from leukorepro.features.preprocessing import resize

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
MOBILENET = SHARED / "data" / "weights" / "mobilenet_v2_imagenet.pth"


def images(size: int, count: int = 4, seed: int = 0) -> Tensor:
    """Smooth random pictures, unlike one another, shape (count, size, size, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 9, 9, 3), dtype=np.uint8)
    return torch.from_numpy(np.stack([resize(image, size) for image in small]))


def complete_torchvision_network(name: str) -> nn.Module:
    """torchvision's whole network as it is built for its ImageNet weights, with weights drawn here."""
    options = {} if name == "mobilenet_v2" else {"transform_input": True, "init_weights": False}
    network = torchvision.models.get_model(name, weights=None, **options)
    randomise_parameters(network, seed=3)
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that matter: nothing is left at 0 and 1
            module.running_mean.copy_(torch.rand(module.num_features, generator=generator) - 0.5)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) * 2 + 1)
    return network.eval()


def test_importing_the_registry_imports_no_network_library() -> None:
    code = (
        "import sys, leukorepro.features.backbones as b; "
        "print([m for m in ('torch', 'torchvision', 'numpy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_backbone_names_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UserError, match=r"unknown backbone 'mobilnet_v2'.*googlenet.*Did you mean 'mobilenet_v2'\?"):
        find_backbone("mobilnet_v2")


def test_unknown_layer_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"googlenet has no layer 'gab'. Known: gap. Did you mean 'gap'\?"):
        find_backbone("googlenet").find_layer("gab")


@pytest.mark.parametrize("name", BACKBONES)
def test_weights_entry_is_torchvisions(name: str) -> None:
    weights = BACKBONES[name].weights
    entry = torchvision.models.get_weight(weights.name)
    assert entry in torchvision.models.get_model_weights(name)
    assert entry.url.rpartition("/")[2] == weights.file
    assert len(weights.sha256_prefix) == 8
    assert set(weights.sha256_prefix) <= set("0123456789abcdef")
    assert entry.transforms().crop_size == [BACKBONES[name].input_size]


@pytest.mark.parametrize("name", BACKBONES)
def test_features_are_those_in_front_of_torchvisions_classifier(name: str, tmp_path: Path) -> None:
    """The whole network, torchvision's own transforms and a hook in front of the classifier give the same features."""
    backbone = BACKBONES[name]
    reference = complete_torchvision_network(name)
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    size = backbone.input_size
    picture = Image.fromarray(images(150, count=1)[0].numpy()).resize((170, 130))

    seen: list[Tensor] = []
    classifier = reference.classifier if name == "mobilenet_v2" else reference.dropout
    classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1)))
    transforms = torchvision.models.get_weight(backbone.weights.name).transforms(resize_size=size, crop_size=size)
    square = torchvision.transforms.functional.resize(picture, [size, size])
    with torch.inference_mode():
        reference(transforms(square)[None])
        network = build_network(backbone, "gap", f"file:{tmp_path / 'weights.pth'}")
        features = network(torch.tensor(resize(np.asarray(picture), size))[None])

    assert features.shape == (1, backbone.layers["gap"].dim)
    assert features.dtype == torch.float32
    assert seen[0].std() > 0.01
    assert torch.allclose(features, seen[0], rtol=1e-4, atol=1e-5 * float(seen[0].abs().max()))
    assert not any(part in key for key in network.state_dict() for part in ("aux", "Aux", "fc", "classifier"))


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


@pytest.mark.parametrize("shape", [(450, 450), (120, 333), (1, 7)])
def test_resize_equals_torchvisions(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    reference = torchvision.transforms.Resize((224, 224))(Image.fromarray(image))
    assert np.array_equal(resize(image, 224), np.asarray(reference))


@pytest.mark.parametrize("name", BACKBONES)
def test_random_weights_give_finite_features_of_the_declared_length(name: str) -> None:
    backbone = BACKBONES[name]
    batch = images(backbone.input_size)
    features = build_network(backbone, "gap", "random", calibration=batch)(batch)
    assert features.shape == (4, backbone.layers["gap"].dim)
    assert torch.isfinite(features).all()
    assert (features.std(0) > 1e-3).float().mean() > 0.5  # most features tell the images apart
    assert 0.01 < float(features.mean()) < 10  # neither overflows nor vanishes, however deep


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


def test_another_network_is_one_entry() -> None:
    """A cut inside the classifier, without batch norm: nothing but the registry entry is needed."""
    squeezenet = Backbone(
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
    whole = trained(tmp_path / "whole.pth").read_bytes()
    for name, content in {"half": whole[: len(whole) // 2], "empty": b"", "text": b"not weights\n" * 9}.items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.pth: not a complete file of tensors"):
            build_from(path)
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
    with pytest.raises(UserError, match="not a complete file of tensors"):
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
