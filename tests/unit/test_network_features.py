"""Features of trained networks: what is written of them, and what classifiers make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from torch import nn
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader, hdf5_writer, sha256_file, write_text
from leukorepro.core.words import Architecture
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import FITTED_ON, Features, read_features, write_rows
from leukorepro.features.identity import identity
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.run.specifications.fits import EncodingFit, FitsSpecification
from leukorepro.systems.classifiers.classify import classify
from leukorepro.systems.classifiers.kinds.knn import KnnSpec
from leukorepro.systems.classifiers.kinds.logistic_regression import LogisticRegressionSpec
from leukorepro.systems.classifiers.tasks import Task
from leukorepro.systems.fitted import ROWS, rows_digest
from leukorepro.systems.networks.layers import center_inputs, without_last_layer
from leukorepro.systems.networks.registry import IMAGE_NETWORKS, build_network, outline_network
from leukorepro.systems.training.network_features import write_network_features
from leukorepro.systems.training.network_fits import TRAINED_ON
from leukorepro.systems.training.training import Hardware

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, N_IMAGES = 32, 40
FOLDS = ("r0f0", "r0f1")
WIDTH = {"ten_convolutions": 0.5, "vgg16_70": 0.05, "resnet50_70": 0.05}
WIDE = {"resnet50_70": 2048, "vgg16_70": 4096, "ten_convolutions": 1024, "two_convolutions": 51 * 51 * 48}
"""Values before the last layer at full size, from the papers; of two convolutions at 224 pixels."""
IMAGES = ResolvedDescriptor(id="images-32", descriptor="images", input_size=SIZE)
CPU = Hardware(device="cpu")
IDS = [f"{i:03d}.png" for i in range(N_IMAGES)]
MANIFEST = pd.DataFrame(
    {
        "image_id": IDS,
        "label": np.tile(["all", "hem"], N_IMAGES // 2),
        "subject_id": IDS,
        "source_id": IDS,
        "official_split": "",
        "status": "ok",
    }
)
LEAKY = Protocol(rung="as_published", unit="view", scope="all")


def spec_of(architecture: Architecture) -> NetworkSpec:
    return NetworkSpec(
        kind="network",
        architecture=architecture,
        epochs={"demo": 1, "published": 1},
        batch_size=7,
        learning_rate=0.1,
        width={"demo": WIDTH[architecture], "published": 1.0},
    )


def network_of(architecture: Architecture, fold: int) -> nn.Module:
    """A network whose weights and running means are those of no other fold, large enough to tell images apart.

    One of the architectures has a mean that it subtracts.
    """
    network = build_network(architecture, (SIZE, SIZE, 3), 2, WIDTH[architecture], seed=fold)
    if architecture == "vgg16_70":
        center_inputs(network, torch.full((3, SIZE, SIZE), 0.1 * (1 + fold)))
    generator = torch.Generator().manual_seed(fold)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.copy_(0.1 * torch.randn(layer.num_features, generator=generator))
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data *= 2
    return network.eval()


def splits_of(protocol: Protocol, seed: int = 0) -> pd.DataFrame:
    """Two folds; positions in the feature file are not positions among the rows in use."""
    return make_splits(MANIFEST.iloc[3:], KFoldScheme(kind="k_fold", n_splits=2), protocol, seed, None)


def write_weights(folder: Path, architecture: Architecture) -> Path:
    path = folder / "weights.safetensors"
    states = {f"r0f{f}.{k}": v for f in (0, 1) for k, v in network_of(architecture, f).state_dict().items()}
    trained = splits_of(LEAKY).query("role == 'train'")
    numbers = trained["image_id"].str[:3].astype(int)
    rows = {f"r0f{f}": rows_digest(own.to_numpy()) for f, own in numbers.groupby(trained["fold"])}
    save_file(states, path, {TRAINED_ON: json.dumps({FITTED_ON: sha256_file(folder / "images.h5"), ROWS: rows})})
    return path


def write_images(folder: Path) -> Path:
    """Noise, a little darker for the first class; views and rows of the feature file beyond those of the split."""
    rng = np.random.default_rng(0)
    shift = np.where(np.arange(N_IMAGES) % 2 == 0, 0, 60)[:, None]
    images = (rng.integers(0, 190, (N_IMAGES, SIZE * SIZE * 3)) + shift).astype(np.uint8)
    path = folder / "images.h5"
    with hdf5_writer(path) as file:
        file.create_dataset("features", data=images)
        write_rows(file, IDS, ["identity"] * N_IMAGES)
        file.attrs.update(identity(IMAGES))
    return path


def encoded(folder: Path, architecture: Architecture = "ten_convolutions") -> tuple[Features, Path]:
    """Images, and the file of what the networks of two folds make of them."""
    features = read_features(write_images(folder), mapped=True)
    output = folder / "codes.h5"
    write_network_features(spec_of(architecture), write_weights(folder, architecture), features, "demo", CPU, output)
    return features, output


@pytest.mark.parametrize("architecture", IMAGE_NETWORKS)
def test_networks_are_cut_where_the_last_layer_takes_its_input(architecture: Architecture) -> None:
    network = outline_network(architecture, (SIZE, SIZE, 3), 2, 1.0)
    assert [*without_last_layer(network)] == [*network.children()][:-1]
    size = 224 if architecture == "two_convolutions" else 70
    whole = outline_network(architecture, (size, size, 3), 2, 1.0).eval()
    images = torch.empty((1, size, size, 3), dtype=torch.uint8, device="meta")
    assert without_last_layer(whole)(images).shape == (1, WIDE[architecture])


def test_a_network_that_ends_otherwise_is_not_cut() -> None:
    for network in (nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())):
        with pytest.raises(ValueError, match="cannot be cut"):
            without_last_layer(network)


@pytest.mark.parametrize("architecture", ["ten_convolutions", "vgg16_70", "resnet50_70"])
def test_codes_are_what_the_last_layer_of_the_folds_network_is_given(
    architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "leukorepro.systems.training.network_features.BLOCK_BYTES", 3000
    )  # several blocks, the last one short
    features, path = encoded(tmp_path, architecture)
    images = torch.from_numpy(np.array(features.matrix).reshape(-1, SIZE, SIZE, 3))
    with hdf5_reader(path) as file:
        assert sorted(file) == ["image_id", *FOLDS, "view"]
        assert file["image_id"].asstr()[:].tolist() == features.rows["image_id"].tolist()
        for fold, name in enumerate(FOLDS):
            given: list[torch.Tensor] = []
            network = network_of(architecture, fold)
            last = list(network.children())[-1]
            last.register_forward_hook(lambda _, inputs, __, given=given: given.append(inputs[0]))
            with torch.inference_mode():
                network(images)
            codes = file[name]["codes"]
            assert codes.dtype == np.float32
            assert codes[:].std(axis=0).max() > 1e-3  # rows differ, so that their order shows
            assert codes.id.get_offset() is not None  # in one piece
            np.testing.assert_allclose(codes[:], given[0].numpy(), rtol=1e-3, atol=1e-5 * codes[:].max())
        assert not np.allclose(file["r0f0/codes"][:], file["r0f1/codes"][:])


@pytest.mark.parametrize("scope", ["all", "train"])
def test_classifiers_on_codes_equal_plain_scikit_learn_on_those_of_the_fold(tmp_path: Path, scope: str) -> None:
    """Also where the protocol lets autoencoders see all rows: a network is trained in every fold."""
    features, codes = encoded(tmp_path)
    rule = LEAKY.model_copy(update={"scope": scope})
    splits = splits_of(rule)
    ours = {"lr": LogisticRegressionSpec(kind="logistic_regression", standardize=True), "knn": KnnSpec(kind="knn")}
    items = [("1", Item(item=name, features="images", reducer="net", classifier=name)) for name in ours]
    untouched = replace(features, matrix=_Unread(features.matrix))
    task = Task("s", "d", rule, "hem", items)
    done = classify(task, untouched, splits, MANIFEST, ours, {"net": codes})
    with pytest.raises(UserError, match=r"codes.h5: its fit for fold 1 saw other rows than those"):
        classify(task, untouched, splits_of(rule, seed=1), MANIFEST, ours, {"net": codes})

    label = MANIFEST.set_index("image_id")["label"]
    for fold, part in splits.groupby("fold"):
        with hdf5_reader(codes) as file:
            seen = pd.DataFrame(file[f"r0f{fold}"]["codes"][:], index=features.rows["image_id"])
        train, test = (part.loc[part["role"] == role, "image_id"] for role in ("train", "test"))
        scaler = StandardScaler().fit(seen.loc[train].to_numpy())
        plain = {"lr": LogisticRegression(max_iter=1000), "knn": KNeighborsClassifier()}
        for name, classifier in plain.items():
            scale = scaler.transform if name == "lr" else np.asarray
            classifier.fit(scale(seen.loc[train].to_numpy()), label[train])
            predicted = classifier.predict(scale(seen.loc[test].to_numpy()))
            rows = done.predictions[(done.predictions["item"] == name) & (done.predictions["fold"] == fold)]
            assert rows.set_index("image_id")["y_pred"].loc[test].tolist() == predicted.tolist()
            if name == "lr":
                scores = classifier.decision_function(scale(seen.loc[test].to_numpy()))
                assert np.ptp(scores) > 0.1
                np.testing.assert_allclose(rows.set_index("image_id")["score"].loc[test], scores, atol=1e-4)


class _Unread(np.ndarray):
    """Pixels that nobody may read."""

    def __new__(cls, matrix: np.ndarray) -> _Unread:
        return np.asarray(matrix).view(cls)

    def __getitem__(self, key: object) -> object:
        raise AssertionError("the images were read")


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    features, weights = read_features(write_images(tmp_path)), write_weights(tmp_path, "ten_convolutions")
    wrong = spec_of("vgg16_70")
    with pytest.raises(UserError, match=r"weights of r0f0 are not those of 'vgg16_70' with 5 % of the channels on"):
        write_network_features(wrong, weights, features, "demo", CPU, tmp_path / "x.h5")
    other = replace(features, path=weights)
    with pytest.raises(UserError, match=r"the network was trained on other images than those of .*weights.safetensors"):
        write_network_features(spec_of("ten_convolutions"), weights, other, "demo", CPU, tmp_path / "x.h5")
    with pytest.raises(UserError, match="no such file; train the network first"):
        write_network_features(wrong, tmp_path / "none.safetensors", features, "demo", CPU, tmp_path / "x.h5")
    weights.write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="not readable weights"):
        write_network_features(wrong, weights, features, "demo", CPU, tmp_path / "x.h5")
    assert not (tmp_path / "x.h5").exists()


def test_the_command_writes_the_features_of_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, expected = encoded(tmp_path)
    fit = EncodingFit(
        features=Path("images.h5"),
        parts=[IMAGES],
        weights=Path("weights.safetensors"),
        output=Path("of_command.h5"),
        network=spec_of("ten_convolutions"),
        budget="demo",
    )
    write_text(FitsSpecification(fits=[fit]).text, Path("spec.json"))
    done = CliRunner().invoke(app, ["models", "fit", "--spec", "spec.json", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    with hdf5_reader(Path("of_command.h5")) as ours, hdf5_reader(expected) as theirs:
        assert sorted(ours) == sorted(theirs)
        for fold in FOLDS:
            np.testing.assert_allclose(ours[fold]["codes"][:], theirs[fold]["codes"][:], rtol=1e-4, atol=1e-5)
