"""Backbones that are trained further: where they are cut, what changes, and what is computed once."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import torchvision
import yaml
from feature_data import write_parts
from project_data import ROOT, make_project, write_run
from safetensors.torch import load_file
from torch import Tensor, nn

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import HoldOutScheme, Protocol
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import FineTunedSpec
from leukorepro.core.errors import UserError
from leukorepro.core.tables.predictions import EPOCHS_TABLE, PARTS_TABLE
from leukorepro.data.split_tables import write_splits
from leukorepro.data.splits import make_splits
from leukorepro.features.backbones.cuts import cut, find_starts
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import BACKBONES, find_backbone, starts_of
from leukorepro.features.backbones.specification import TIMM
from leukorepro.features.backbones.tunable import build_tunable, outline, steps_of
from leukorepro.features.fusion import Features
from leukorepro.features.lookup import resolve_tuning
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.run import plan
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.specifications.fits import FineTunedFit
from leukorepro.systems.fits.fine_tuned import fit
from leukorepro.systems.training import training

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = "timm:test_resnet"
SIZE, N_IMAGES = 32, 24
RULE = Protocol(rung="source_disjoint", unit="source", scope="train")


def learnables(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", BACKBONES)
def test_both_halves_have_the_librarys_parameters_wherever_a_network_is_cut(name: str) -> None:
    """Counts of torchvision and timm; every start of the registry is a place where one value crosses."""
    backbone = BACKBONES[name]
    module, _, function = backbone.build.partition(":")
    with torch.device("meta"):
        if backbone.build.startswith(TIMM):
            known = timm.create_model(function)
        else:
            known = getattr(importlib.import_module(module), function)(**backbone.options)
            known.aux1 = known.aux2 = known.AuxLogits = nn.Identity()  # of GoogLeNet and Inception-v3
    complete = outline(backbone, 1000)
    graph, starts = steps_of(backbone, complete), starts_of(backbone)
    found = find_starts(complete, graph)
    assert [found[start] for start in starts.names] == sorted({found[start] for start in starts.names})
    assert found[starts.names[0]] == 1
    trained = []
    for word in ("all", "block", "fc", "last"):
        frozen, rest = cut(complete, graph, found[starts.find(word, name)])
        assert learnables(frozen) + learnables(rest) == learnables(known)
        trained.append(learnables(rest))
    assert trained == sorted(trained, reverse=True)
    assert trained[0] == learnables(known)
    assert trained[-1] == learnables(known.get_submodule(starts.last))


def test_timm_tells_where_its_networks_can_be_cut() -> None:
    resnet, vit = (starts_of(find_backbone(f"timm:{name}")) for name in ("test_resnet", "test_vit"))
    assert (resnet.block, resnet.last) == ("layer4", "fc")
    assert (vit.block, vit.last) == ("blocks.5", "head")
    assert {"conv1", "layer1", "layer2", "layer3", "layer4"} < set(resnet.names)
    entry = BACKBONES["efficientnet_lite0"]
    told = starts_of(find_backbone(entry.build))
    assert entry.starts is not None
    assert (entry.starts.block, entry.starts.last) == (told.block, told.last)
    with pytest.raises(UserError, match=r"timm's .* does not end in one fully connected layer"):
        starts_of(find_backbone("timm:deit_tiny_distilled_patch16_224"))
    with pytest.raises(UserError, match="cannot be taken apart"):
        starts_of(find_backbone("timm:swin_tiny_patch4_window7_224"))


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 32), ("timm:test_vit", 160)])
def test_a_cut_network_computes_what_the_librarys_does(name: str, size: int, tmp_path: Path) -> None:
    """Its own weights, but for the new last layer, whichever half they are in."""
    library = torchvision.models.mobilenet_v2() if name in BACKBONES else timm.create_model(name.removeprefix("timm:"))
    file = tmp_path / "weights.pth"
    torch.save(library.state_dict(), file)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8))
    backbone = find_backbone(name)
    last = starts_of(backbone).last
    for start in ("all", "block", "last"):
        network = build_tunable(backbone, start, file, 5, size, seed=1)
        library.set_submodule(last, network.trained.get_submodule(last))
        with torch.no_grad():
            expected = library.eval()(network.scaling(images))
            assert torch.allclose(network(images), expected, rtol=1e-4, atol=1e-5)
        assert expected.shape == (3, 5)
        assert network.frozen is None or not network.train().frozen.training


def test_a_layer_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(UserError, match=r"resnet50 has no layer 'layer5' to be trained from\. Known: all, block, fc, "):
        starts_of(BACKBONES["resnet50"]).find("layer5", "resnet50")
    with pytest.raises(UserError, match=r"Did you mean 'block'\?"):
        starts_of(BACKBONES["vgg16"]).find("blok", "vgg16")
    with pytest.raises(UserError, match=r"test_resnet has no layer 'layer9' to be trained from\."):
        build_network(find_backbone(TINY), "layer9.input", "random")


class Problem(NamedTuple):
    """Images of two classes, weights, and what a job is told."""

    folder: Path
    weights: Path
    manifest: pd.DataFrame
    pixels: np.ndarray


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """Noise, darker for the first class; and a network with weights of its own."""
    folder = tmp_path_factory.mktemp("tuned")
    labels = np.tile(["all", "hem"], N_IMAGES // 2)
    noise = np.random.default_rng(0).integers(0, 90, (N_IMAGES, SIZE, SIZE, 3))
    pixels = (noise + np.where(labels == "all", 20, 150)[:, None, None, None]).astype(np.uint8)
    ids = [f"{i:03d}.png" for i in range(N_IMAGES)]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "path": ids,
            "label": labels,
            "subject_id": ids,
            "source_id": ids,
            "official_split": "",
            "sha256": ids,
            "width": SIZE,
            "height": SIZE,
            "status": "ok",
        }
    )
    manifest.to_csv(folder / "manifest.csv", index=False)
    splits = make_splits(manifest, HoldOutScheme(kind="hold_out", test_share=0.25), RULE, 0, None)
    write_splits(splits, folder / "splits.csv")
    network = build_network(find_backbone(TINY), "pooled", "random", calibration=torch.from_numpy(pixels[:8]))
    weights = folder / "tiny.pth"
    torch.save(network.body.state_dict(), weights)
    part = ResolvedDescriptor(id=f"images-{SIZE}", descriptor="images", input_size=SIZE)
    write_part(folder, manifest, part, pixels)
    return Problem(folder, weights, manifest, pixels)


def write_part(folder: Path, manifest: pd.DataFrame, part: Part, values: np.ndarray) -> Path:
    rows = manifest[["image_id"]].assign(view="identity")
    return write_parts(folder, Features(values.reshape(len(values), -1), rows), [part], folder / "manifest.csv")


def told(problem: Problem, folder: Path, train_from: str, *, weights: str = "", **settings: Any) -> FineTunedFit:
    """What the job is told; what comes before the first trained layer is computed here where it is asked for."""
    spec = FineTunedSpec.model_validate(
        {
            "kind": "fine_tuned",
            "train_from": train_from,
            "epochs": {"demo": 3, "published": 9},
            "batch_size": 6,
            "learning_rate": 0.003,
            **settings,
        }
    )
    weights = weights or f"file:{problem.weights}"
    name = f"timm_test_resnet-pooled-{weights.partition(':')[0]}-{SIZE}"
    extractor = ResolvedExtractor(id=name, backbone=TINY, layer="pooled", weights=weights, input_size=SIZE)
    tuning = resolve_tuning(extractor, train_from, changes_images=spec.augment is not None, where="here")
    features = problem.folder / f"{tuning.input.id}.h5"
    if isinstance(tuning.input, ResolvedExtractor):
        pixels = torch.from_numpy(problem.pixels)
        layer = tuning.input.layer
        network = build_network(find_backbone(TINY), layer, weights, calibration=pixels, input_size=SIZE)
        with torch.no_grad():
            write_part(problem.folder, problem.manifest, tuning.input, network(pixels).numpy())
    return FineTunedFit(
        features=features,
        parts=[tuning.input],
        splits=problem.folder / "splits.csv",
        manifest=problem.folder / "manifest.csv",
        folder=folder / "net",
        study="s",
        dataset="d",
        protocol=RULE,
        served_rungs=["source_disjoint"],
        items=[("1", Item(item="net", features="tiny", classifier="net"))],
        label_set=None,
        positive_class="all",
        fitted_tables=[],
        all_epochs=[],
        reducer=None,
        classifier="net",
        budget="demo",
        seed=0,
        precision="float32",
        network=spec,
        tuning=tuning,
        weights=None,
    )


def run(fit_told: FineTunedFit) -> tuple[pd.DataFrame, dict[str, Tensor]]:
    """Epochs, and the weights of the only fold by the library's names."""
    fit(fit_told, 1, "cpu")
    weights = load_file(fit_told.folder / "weights.safetensors")
    assert all(name.startswith("r0f0.trained.") for name in weights)
    epochs = EPOCHS_TABLE.read(fit_told.folder / "epochs.csv")
    return epochs, {name.removeprefix("r0f0.trained."): value for name, value in weights.items()}


@pytest.mark.parametrize("train_from", ["last", "block", "layer3", "all"])
def test_what_is_trained_changes_and_nothing_else_is_kept(problem: Problem, tmp_path: Path, train_from: str) -> None:
    _, weights = run(told(problem, tmp_path, train_from))
    begin = {"last": "fc", "block": "layer4", "layer3": "layer3", "all": "conv1"}[train_from]
    before = torch.load(problem.weights)
    names = list(before)
    expected = names[next((i for i, name in enumerate(names) if name.startswith(begin)), len(names)) :]
    assert set(weights) == {*expected, "fc.weight", "fc.bias"}
    assert all(not torch.equal(weights[name], before[name]) for name in expected)
    assert weights["fc.weight"].shape == (2, 96)


def test_weights_that_changed_since_they_were_looked_up_are_not_trained(problem: Problem, tmp_path: Path) -> None:
    fit_told = told(problem, tmp_path, "all")
    network = fit_told.tuning.network.model_copy(update={"file_sha256": "0" * 64})
    changed = fit_told.model_copy(update={"tuning": fit_told.tuning.model_copy(update={"network": network})})
    with pytest.raises(UserError, match=r"tiny\.pth: was changed since its SHA-256 was taken \(00000000\.\.\., now"):
        fit(changed, 1, "cpu")


def test_what_is_frozen_gives_the_same_whether_it_is_at_hand_or_computed(problem: Problem, tmp_path: Path) -> None:
    """Augmentation that changes nothing leaves the images as they are, but has the frozen half computed anew."""
    still = {"brightness": 1e-9}
    for train_from, weights in (("last", "random"), ("block", "")):
        at_hand = told(problem, tmp_path / train_from, train_from, weights=weights)
        anew = told(problem, tmp_path / f"{train_from} anew", train_from, weights=weights, augment=still)
        assert isinstance(anew.tuning.input, ResolvedDescriptor)
        assert not isinstance(at_hand.tuning.input, ResolvedDescriptor)
        first, second = run(at_hand)[0], run(anew)[0]
        losses = ["train_loss", "test_loss"]
        np.testing.assert_allclose(first[losses], second[losses], rtol=1e-3, atol=1e-5)
        assert first["train_loss"].iloc[-1] < first["train_loss"].iloc[0]


def test_a_killed_training_ends_in_the_same_weights(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(told(problem, tmp_path / "whole", "block"))[1]
    killed = told(problem, tmp_path / "killed", "block")
    save, epochs = training.save_checkpoint, iter(range(3))

    def save_twice(*given: Any) -> float:
        save(*given)
        if next(epochs) == 1:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(training, "save_checkpoint", save_twice)
    with pytest.raises(KeyboardInterrupt):
        run(killed)
    monkeypatch.setattr(training, "save_checkpoint", save)
    continued = run(killed)[1]
    assert whole.keys() == continued.keys()
    assert all(torch.equal(value, continued[name]) for name, value in whole.items())


def test_it_learns(problem: Problem, tmp_path: Path) -> None:
    """Augmentation, a falling rate and weight decay along the way."""
    more = {"augment": {"flips": ["horizontal"], "rotation": 20}, "rate_cosine": {"warm_up": 0.2}, "weight_decay": 1e-4}
    given = told(problem, tmp_path, "block", epochs={"demo": 5, "published": 5}, **more)
    epochs, _ = run(given)
    assert epochs["test_accuracy"].iloc[-1] == 1
    assert len(PARTS_TABLE.read(given.folder / "predictions.parquet")) == N_IMAGES // 4


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    shutil.copy(ROOT / "config/studies/finetune.yaml", "config/studies")
    return tmp_path


def resolved(project: Path, *networks: str) -> ResolvedStudy:
    return resolve(write_run(project, study="finetune", extractors=list(networks))).studies[0]


def test_every_network_has_its_layers_and_reads_what_they_get(project: Path) -> None:
    """One file of pooled features for the machines and the last layer; images as each network wants them."""
    study = resolved(project, "vgg16", "efficientnet_lite0", TINY)
    inputs = {
        features: {name: tuning.input.id for name, tuning in of_network.items()}
        for features, of_network in study.tunings.items()
    }
    assert inputs == {
        "vgg16": {
            "from_last": "vgg16-relu7-random_0-224",
            "from_block": "vgg16-features.24.input-random_0-224",
            "from_all": "images-224",
        },
        "efficientnet_lite0": {
            "from_last": "efficientnet_lite0-gap-random_0-224",
            "from_block": "efficientnet_lite0-blocks.5.input-random_0-224",
            "from_all": "images-224-bicubic",
        },
        "timm_test_resnet": {
            "from_last": "timm_test_resnet-pooled-random_0-160",
            "from_block": "timm_test_resnet-layer4.input-random_0-160",
            "from_all": "images-160",
        },
    }
    parts = {part for of_network in inputs.values() for part in of_network.values()}
    assert parts <= set(study.parts)
    assert set(plan.used_parts(study)) == parts | {"vgg16-gap-random_0-224"}
    assert len(plan.networks_of(study)) == 9
    assert plan.classified_feature_sets(study) == ["vgg16", "efficientnet_lite0", "timm_test_resnet"]


def test_a_wrong_layer_is_told_when_the_workflow_starts(project: Path) -> None:
    file = Path("config/studies/finetune.yaml")
    file.write_text(file.read_text().replace("train_from: block", "train_from: layer9"))
    with pytest.raises(
        UserError, match=r"^config/studies/finetune.yaml: extractors.resnet50, classifiers.from_block.train"
    ):
        resolve(write_run(project, study="finetune"))


def test_neither_images_nor_several_networks_are_trained_further() -> None:
    study = yaml.safe_load((ROOT / "config/studies/finetune.yaml").read_text())
    study["feature_sets"]["resnet50"] = ["resnet50", "resnet50"]
    with pytest.raises(ValueError, match="give one that is a single extractor, and no reducer"):
        Study.model_validate(study)
    study["feature_sets"]["resnet50"] = ["resnet50"]
    study["classifiers"]["from_last"]["zero_center"] = "channel"
    with pytest.raises(ValueError, match="a trained network gets images as it was trained on them"):
        Study.model_validate(study)
