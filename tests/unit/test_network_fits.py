"""Networks over the folds of a split: what they see, what they say, and what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Protocol, Scheme
from leukorepro.config.study.systems import NetworkSpec
from leukorepro.config.study.training import Augmentation
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer, sha256_file
from leukorepro.core.tables.predictions import RECONSTRUCTED
from leukorepro.core.words import Precision
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import FITTED_ON, write_rows
from leukorepro.systems.classifiers.tasks import Model, Task
from leukorepro.systems.fitted import ROWS
from leukorepro.systems.networks.registry import build_network
from leukorepro.systems.training import training
from leukorepro.systems.training.network_fits import Build, NetworkFits, NetworkJob, fit_network
from leukorepro.systems.training.training import Hardware

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, N_IMAGES = 32, 24
THREE_FOLDS = KFoldScheme(kind="k_fold", n_splits=3)
RULE = Protocol(rung="source_disjoint", unit="source", scope="train")
SPEC = NetworkSpec(
    kind="network",
    architecture="two_convolutions",
    epochs={"demo": 3, "published": 9},
    batch_size=6,
    optimizer="sgd",
    learning_rate=0.02,
    width={"demo": 0.1, "published": 1.0},
)


def images_of(labels: np.ndarray) -> np.ndarray:
    """Noise, darker for the first class."""
    noise = np.random.default_rng(0).integers(0, 90, (len(labels), SIZE, SIZE, 3))
    return (noise + np.where(labels == "all", 20, 150)[:, None, None, None]).astype(np.uint8)


def dataset(folder: Path, images: np.ndarray | None = None) -> tuple[pd.DataFrame, Path]:
    labels = np.tile(["all", "hem"], N_IMAGES // 2)
    ids = [f"{i:03d}.png" for i in range(N_IMAGES)]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": labels,
            "subject_id": [f"s{i // 2}" for i in range(N_IMAGES)],
            "source_id": ids,
            "official_split": "",
            "status": "ok",
        }
    )
    path = folder / "images.h5"
    with hdf5_writer(path) as file:
        pixels = images_of(labels) if images is None else images
        file.create_dataset("features", data=pixels.reshape(N_IMAGES, -1))
        write_rows(file, ids, ["identity"] * N_IMAGES)
    return manifest, path


def builder(spec: NetworkSpec) -> Build:
    return lambda rows, n_classes, seed: build_network(
        spec.architecture, rows.shape[1:], n_classes, spec.width["demo"], seed
    )


def fit(
    folder: Path,
    *,
    images: np.ndarray | None = None,
    spec: NetworkSpec = SPEC,
    scheme: Scheme = THREE_FOLDS,
    items: list[tuple[str, Item]] | None = None,
    fitted: tuple[str, ...] = (),
    all_epochs: tuple[str, ...] = (),
    codes: Path | None = None,
    precision: Precision = "float32",
) -> NetworkFits:
    manifest, features = dataset(folder, images)
    reducer = None if codes is None else "CAE"
    items = items or [("1", Item(item="net", features="images", classifier="net", reducer=reducer))]
    task = Task("s", "d", RULE, "all", items, fitted_tables=frozenset(fitted))
    job = NetworkJob(
        task, Model(reducer, "net"), spec, builder(spec), frozenset(all_epochs), 0, "demo", Hardware("cpu", precision)
    )
    splits = make_splits(manifest, scheme, RULE, 0, None)
    return fit_network(job, features, splits, manifest, codes, folder / "work")


def test_every_row_is_predicted_once_by_a_network_that_learned(tmp_path: Path) -> None:
    done = fit(tmp_path, spec=SPEC.model_copy(update={"epochs": {"demo": 12, "published": 1}}))
    assert sorted(done.predictions["image_id"]) == [f"{i:03d}.png" for i in range(N_IMAGES)]
    assert set(done.predictions["role"]) == {"test"}
    assert (done.predictions["y_pred"] == done.predictions["y_true"]).mean() > 0.9
    assert ((done.predictions["score"] > 0.5) == (done.predictions["y_pred"] == "all")).all()
    assert done.epochs[["fold", "epoch"]].to_numpy().tolist() == [[f, e] for f in range(3) for e in range(1, 13)]


def test_predictions_are_those_of_the_kept_weights(tmp_path: Path) -> None:
    done = fit(tmp_path, fitted=("1",))
    assert set(done.predictions["role"]) == {"train", "test"}
    images = images_of(np.tile(["all", "hem"], N_IMAGES // 2))
    for fold, rows in done.predictions.groupby("fold"):
        network = build_network("two_convolutions", (SIZE, SIZE, 3), 2, 0.1, 5).eval()
        prefix = f"r0f{fold}."
        network.load_state_dict({k.removeprefix(prefix): v for k, v in done.weights.items() if k.startswith(prefix)})
        positions = [int(name[:3]) for name in rows["image_id"]]
        with torch.inference_mode():
            probabilities = network(torch.from_numpy(images[positions])).softmax(1)[:, 0]  # of "all", the first class
        np.testing.assert_allclose(rows["score"], probabilities, atol=1e-5)


def test_inputs_are_centred_by_the_training_part_of_each_fold(tmp_path: Path) -> None:
    """The mean is part of the weights: whoever reads them computes the same."""
    done = fit(tmp_path, spec=SPEC.model_copy(update={"zero_center": "channel"}))
    images = images_of(np.tile(["all", "hem"], N_IMAGES // 2)) / 255
    for fold, rows in done.predictions.groupby("fold"):
        tested = [int(name[:3]) for name in rows["image_id"]]
        expected = np.delete(images, tested, axis=0).mean((0, 1, 2))
        mean = done.weights[f"r0f{fold}.scaling.mean"].squeeze()
        np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-6)


def test_running_statistics_move_as_far_as_they_are_told(tmp_path: Path) -> None:
    """One step from variances of 1 on constant maps, whose own variance is 0."""
    black = np.zeros((N_IMAGES, SIZE, SIZE, 3), np.uint8)
    spec = SPEC.model_copy(
        update={
            "architecture": "resnet50_70",
            "epochs": {"demo": 1, "published": 1},
            "batch_size": 24,
            "norm_momentum": {"demo": 0.01, "published": 0.1},
        }
    )
    done = fit(tmp_path, images=black, spec=spec)
    np.testing.assert_allclose(done.weights["r0f0.stage1.norm.running_var"], 0.99, rtol=1e-6)


@pytest.mark.parametrize("why", ["", "a layer is wrong"])
def test_the_precision_that_was_used_is_recorded(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "cpu_has_bfloat16", lambda: True)
    monkeypatch.setattr(training, "refusal", lambda *_: why)
    used = "float32" if why else "mixed"
    done = fit(tmp_path, scheme=HoldOutScheme(kind="hold_out", test_share=0.25), precision="mixed", fitted=("1",))
    assert [engine.split(", ")[-1] for engine in done.engines] == [used]
    assert done.epochs["machine"].str.endswith(used).all()


def test_images_of_the_test_part_do_not_reach_the_weights(tmp_path: Path) -> None:
    scheme = HoldOutScheme(kind="hold_out", test_share=0.25)
    spec = SPEC.model_copy(update={"zero_center": "image", "augment": Augmentation(rotation=10)})
    first = fit(tmp_path, scheme=scheme, spec=spec)
    changed = images_of(np.tile(["all", "hem"], N_IMAGES // 2))
    tested = [int(name[:3]) for name in first.predictions["image_id"]]
    changed[tested] = 255 - changed[tested]
    (tmp_path / "again").mkdir()
    second = fit(tmp_path / "again", images=changed, scheme=scheme, spec=spec)
    assert not np.allclose(first.predictions["score"], second.predictions["score"])
    assert first.weights.keys() == second.weights.keys()
    assert all(torch.equal(value, second.weights[name]) for name, value in first.weights.items())


def test_a_mean_over_epochs_has_the_predictions_after_each(tmp_path: Path) -> None:
    items = [
        (table, Item(item=name, features="images", classifier="net"))
        for table, name in (("1", "mean"), ("2", "last"), ("3", "fitted"))
    ]
    done = fit(tmp_path, items=items, fitted=("1", "3"), all_epochs=("1",))
    rows = done.predictions.assign(right=done.predictions["y_pred"] == done.predictions["y_true"])
    by_epoch = rows[rows["table"] == "1"].groupby(["role", "fold", "repeat"])["right"].mean()
    for role in ("train", "test"):
        expected = done.epochs.set_index(["fold", done.epochs["epoch"] - 1])[f"{role}_accuracy"]
        np.testing.assert_allclose(by_epoch[role], expected, atol=1e-12)
    last = rows[rows["table"] == "2"].set_index("image_id").sort_index()
    assert set(last["role"]) == {"test"}
    after = rows[(rows["table"] == "1") & (rows["repeat"] == 2) & (rows["role"] == "test")].set_index("image_id")
    np.testing.assert_array_equal(last["score"], after.sort_index()["score"])
    fitted = rows[rows["table"] == "3"]
    assert fitted.groupby(["fold", "role"]).size().to_dict() == {
        (f, r): n for f in range(3) for r, n in (("test", 8), ("train", 16))
    }


def test_a_network_on_codes_sees_those_of_its_own_fold(tmp_path: Path) -> None:
    """Codes that tell the class in fold 0 only: elsewhere there is nothing to learn."""
    codes = tmp_path / "codes.h5"
    rows = fit(tmp_path).rows
    labels = np.tile([0.0, 1.0], N_IMAGES // 2)
    noise = np.random.default_rng(1).normal(size=(N_IMAGES, 12)).astype(np.float32)
    with hdf5_writer(codes) as file:
        file.attrs[FITTED_ON] = sha256_file(dataset(tmp_path)[1])
        for fold in range(3):
            group = file.create_group(f"r0f{fold}")
            group.attrs[ROWS] = rows[f"r0f{fold}"]
            shift = 4 * labels[:, None] if fold == 0 else 0
            group.create_dataset("codes", data=(noise + shift).astype(np.float32))
            for name in RECONSTRUCTED:
                group.create_dataset(name, data=np.full(N_IMAGES, fold / 10, np.float32))
    spec = SPEC.model_copy(
        update={"architecture": "code_channels", "epochs": {"demo": 12, "published": 1}, "optimizer": "adam"}
    )
    predicted = fit(tmp_path, spec=spec, codes=codes).predictions
    right = (predicted["y_pred"] == predicted["y_true"]).groupby(predicted["fold"]).mean()
    assert right[0] == 1
    assert right[[1, 2]].mean() < 0.9
    for name in RECONSTRUCTED:
        np.testing.assert_allclose(predicted[name], predicted["fold"] / 10, atol=1e-7)
    with pytest.raises(UserError, match=r"codes.h5: its fit for fold 1 saw other rows than those that the split table"):
        fit(tmp_path, spec=spec, codes=codes, scheme=THREE_FOLDS.model_copy(update={"n_splits": 4}))
    others = np.zeros((N_IMAGES, SIZE, SIZE, 3), np.uint8)
    with pytest.raises(UserError, match=r"codes.h5: was fitted on other features than those of .*images.h5"):
        fit(tmp_path, images=others, spec=spec, codes=codes)


def test_classes_weigh_alike_where_they_are_asked_to(tmp_path: Path) -> None:
    """With nothing to see in the images, only the weights can keep a network from naming the larger class."""
    manifest, features = dataset(tmp_path, np.full((N_IMAGES, SIZE, SIZE, 3), 128, np.uint8))
    manifest["label"] = np.where(np.arange(N_IMAGES) % 4 == 0, "all", "hem")
    mean = []
    for weighted in (False, True):
        spec = SPEC.model_copy(update={"class_weights": weighted, "epochs": {"demo": 40, "published": 1}})
        task = Task("s", "d", RULE, "all", [("1", Item(item="net", features="images", classifier="net"))])
        job = NetworkJob(task, Model(None, "net"), spec, builder(spec), frozenset(), 0, "demo", Hardware(device="cpu"))
        splits = make_splits(manifest, HoldOutScheme(kind="hold_out", test_share=0.25), RULE, 0, None)
        done = fit_network(job, features, splits, manifest, None, tmp_path / f"work{weighted}")
        mean.append(done.predictions["score"].mean())
    assert mean[0] == pytest.approx(0.25, abs=0.08)
    assert mean[1] == pytest.approx(0.5, abs=0.08)


def test_a_training_part_without_a_class_is_told(tmp_path: Path) -> None:
    manifest, features = dataset(tmp_path)
    splits = make_splits(manifest, THREE_FOLDS, RULE, 0, None)
    label = splits["image_id"].map(manifest.set_index("image_id")["label"])
    splits = splits[(splits["role"] == "test") | (label == "all")]
    task = Task("s", "d", RULE, "all", [("1", Item(item="net", features="images", classifier="net"))])
    job = NetworkJob(task, Model(None, "net"), SPEC, builder(SPEC), frozenset(), 0, "demo", Hardware(device="cpu"))
    with pytest.raises(UserError, match="has no row of class hem"):
        fit_network(job, features, splits, manifest, None, tmp_path / "work")
