"""Convolutional autoencoders fitted over the fits of a protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Protocol
from leukorepro.config.study.systems import ConvAutoencoderSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer, sha256_file, write_text
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.scan import scan
from leukorepro.data.split_tables import write_splits
from leukorepro.data.splits import make_splits
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.fusion import Features, map_dataset, read_features, write_rows
from leukorepro.features.identity import identity
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.features.stream import Request
from leukorepro.run.specifications.fits import FitsSpecification, ReducerFit
from leukorepro.systems.autoencoders import autoencoder_fits
from leukorepro.systems.autoencoders.reducers import fit_reducer
from leukorepro.systems.fitted import ROWS, rows_digest
from leukorepro.systems.folds import fits
from leukorepro.systems.networks.convolutional_autoencoder import ConvAutoencoder
from leukorepro.systems.networks.registry import build_autoencoder
from leukorepro.systems.training import checkpoints

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, CODE = 18, 27 * 2 * 2
VIEWS = ["identity", "hflip"]
SPEC = ConvAutoencoderSpec(
    kind="conv_autoencoder", epochs={"demo": 3, "published": 5}, batch_size=4, learning_rate=0.01
)
SCHEME = KFoldScheme(kind="k_fold", n_splits=3, views=VIEWS)
HONEST = Protocol.model_validate({"rung": "source_disjoint", "unit": "source", "scope": "train"})
IMAGES = ResolvedDescriptor(id="images-18", descriptor="images", input_size=SIZE)
LEAKY = Protocol.model_validate({"rung": "as_published", "unit": "view", "scope": "all"})


@dataclass(frozen=True)
class Data:
    """Twelve images of discs, each with its mirror image."""

    manifest: pd.DataFrame
    features: Features

    def splits(self, protocol: Protocol) -> pd.DataFrame:
        return make_splits(self.manifest, SCHEME, protocol, 0, None)

    def with_images(self, matrix: np.ndarray) -> Data:
        return replace(self, features=Features(matrix, self.features.rows))

    @property
    def images(self) -> np.ndarray:
        return self.features.matrix.reshape(-1, SIZE, SIZE, 3)

    def tested(self, fold: int) -> np.ndarray:
        """Rows that a fold of the honest protocol was not trained on."""
        table = self.splits(HONEST)
        return self.features.row_numbers(table[(table["fold"] == fold) & (table["role"] != "train")])


@pytest.fixture(scope="module")
def data() -> Data:
    rng = np.random.default_rng(0)
    ids = [f"{i:02d}.bmp" for i in range(12)]
    y, x = np.mgrid[:SIZE, :SIZE]
    images = []
    for _ in ids:
        (cy, cx), radius = rng.uniform(6, 12, 2), rng.uniform(3, 6)
        disc = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        image = np.where(disc[..., None], rng.integers(80, 256, 3), rng.integers(0, 40, 3)).astype(np.uint8)
        images += [image, image[:, ::-1]]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": ["a", "b"] * 6,
            "subject_id": ids,
            "source_id": ids,
            "official_split": "",
            "status": "ok",
        }
    )
    rows = pd.DataFrame({"image_id": np.repeat(ids, 2), "view": np.tile(VIEWS, 12)})
    return Data(manifest, Features(np.stack(images).reshape(24, -1), rows))


def fit(data: Data, output: Path, protocol: Protocol = HONEST, spec: ConvAutoencoderSpec = SPEC, seed: int = 0) -> Path:
    fit_reducer(spec, data.features, data.splits(protocol), protocol, "demo", seed, "cpu", output)
    assert [path.name for path in output.parent.glob(".*")] == [], "no unfinished work is left"
    return output


def network_of(group: h5py.Group, pooling: str = "average") -> ConvAutoencoder:
    """The network that the parameters of a fit make."""
    network = build_autoencoder(pooling, seed=99)  # type: ignore[arg-type]
    parameters = {name: torch.from_numpy(group[f"parameters/{name}"][:]) for name, _ in network.named_parameters()}
    assert set(group["parameters"]) == set(parameters)
    network.load_state_dict(parameters)
    return network.eval()


def weights(path: Path, fit: str) -> bytes:
    with h5py.File(path) as file:
        return b"".join(values[:].tobytes() for _, values in sorted(file[f"{fit}/parameters"].items()))


def values(path: Path) -> dict[str, list[Any]]:
    """Every data set of a file."""
    found = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[:].tolist()

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.fixture(scope="module")
def fitted(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(data, tmp_path_factory.mktemp("fitted") / "images-CAE.h5")


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_what_is_kept_is_what_the_saved_network_computes(data: Data, tmp_path: Path, pooling: str) -> None:
    spec = SPEC.model_copy(update={"pooling": pooling})
    images = torch.from_numpy(data.images)
    with h5py.File(fit(data, tmp_path / "r.h5", spec=spec)) as file:
        assert list(file["image_id"].asstr()) == data.features.rows["image_id"].tolist()
        assert list(file["view"].asstr()) == data.features.rows["view"].tolist()
        assert sorted(set(file) - {"image_id", "view"}) == ["r0f0", "r0f1", "r0f2"]
        for name, rows in fits(data.splits(HONEST), data.features, HONEST).items():
            group = file[name]
            network = network_of(group, pooling)
            with torch.inference_mode():
                codes, reconstructed = network.encode(images).numpy(), network(images).numpy()
            assert group["codes"].dtype == np.float32
            assert group["codes"].shape == (24, CODE)
            np.testing.assert_allclose(group["codes"][:], codes, rtol=1e-5, atol=1e-6)
            expected = [
                np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(data.images, reconstructed, strict=True)
            ]
            np.testing.assert_allclose(group["reconstruction_correlation"][:], expected, atol=1e-5)
            x, xx, y, xy = (group[f"reconstruction_{name}"][:] for name in ("x", "xx", "y", "xy"))
            pixels = data.images.reshape(24, -1) / 255
            np.testing.assert_allclose(x, pixels.mean(1), atol=1e-6)
            np.testing.assert_allclose(xx, (pixels**2).mean(1), atol=1e-6)
            np.testing.assert_allclose(y, reconstructed.reshape(24, -1).mean(1), atol=1e-6)
            np.testing.assert_allclose(xy, (pixels * reconstructed.reshape(24, -1)).mean(1), atol=1e-6)
            others = np.setdiff1d(np.arange(24), rows)[::2]  # the identity view comes first
            assert list(group["samples_id"].asstr()) == data.features.rows["image_id"].iloc[others].tolist()
            np.testing.assert_array_equal(group["samples"][:, 0], data.images[others])
            shown = group["samples"][:, 1].astype(float) / 255
            np.testing.assert_allclose(shown, reconstructed[others].clip(0, 1), atol=0.5 / 255 + 1e-6)
            told = {"stopped_by": "epochs", "n_rows": len(rows), "learnables": 15924}
            assert dict(group.attrs) == {**told, ROWS: rows_digest(rows)}


def test_training_in_one_batch_equals_a_plain_loop(data: Data, tmp_path: Path) -> None:
    """Then the order of rows does not matter, and a loop of a few lines is the whole training."""
    spec = SPEC.model_copy(update={"batch_size": 24})
    rows = fits(data.splits(HONEST), data.features, HONEST)["r0f1"]
    images = torch.from_numpy(data.images[rows])
    network = build_autoencoder("average", seed=5)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        loss = nn.functional.mse_loss(network(images), images.float() / 255)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with h5py.File(fit(data, tmp_path / "r.h5", spec=spec, seed=5)) as file:
        np.testing.assert_allclose(file["r0f1/loss"], losses, rtol=1e-4)
        for name, value in network.named_parameters():
            np.testing.assert_allclose(file[f"r0f1/parameters/{name}"], value.detach(), rtol=0.01, atol=1e-3)


def test_equal_input_gives_equal_bytes_and_another_seed_another_network(
    data: Data, fitted: Path, tmp_path: Path
) -> None:
    assert fit(data, tmp_path / "again" / fitted.name).read_bytes() == fitted.read_bytes()
    assert weights(fit(data, tmp_path / "other" / fitted.name, seed=1), "r0f0") != weights(fitted, "r0f0")


def test_images_may_stay_in_their_file_and_codes_can_be_mapped(data: Data, fitted: Path, tmp_path: Path) -> None:
    with hdf5_writer(tmp_path / "images-18.h5") as file:
        file.create_dataset("features", data=data.features.matrix)
        write_rows(file, data.features.rows["image_id"].to_numpy(), data.features.rows["view"].to_numpy())
    mapped = replace(data, features=read_features(tmp_path / "images-18.h5", mapped=True))
    assert isinstance(mapped.features.matrix, np.memmap)
    (tmp_path / "out").mkdir()
    output = fit(mapped, tmp_path / "out" / fitted.name)
    assert values(output) == values(fitted)
    with h5py.File(output) as file, h5py.File(fitted) as of_memory:
        assert file.attrs["features_sha256"] == sha256_file(tmp_path / "images-18.h5")
        assert of_memory.attrs["features_sha256"] == ""
        for name in ("r0f0", "r0f1", "r0f2"):
            np.testing.assert_array_equal(map_dataset(output, file[name]["codes"]), file[name]["codes"][:])


def test_blocks_of_codes_change_nothing(
    data: Data, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 rows in blocks of 8, 8, 8 and of 5, 5, 5, 5, 4."""
    monkeypatch.setattr(autoencoder_fits, "BLOCK_BYTES", 8 * CODE * 4)
    assert fit(data, tmp_path / "a.h5").read_bytes() == fitted.read_bytes()
    monkeypatch.setattr(autoencoder_fits, "BLOCK_BYTES", 5 * CODE * 4)
    with h5py.File(fit(data, tmp_path / "b.h5")) as ours, h5py.File(fitted) as whole:
        for name in ("codes", "reconstruction_correlation"):
            np.testing.assert_allclose(ours[f"r0f2/{name}"][:], whole[f"r0f2/{name}"][:], rtol=1e-5, atol=1e-6)


def test_test_rows_reach_a_fit_only_where_the_protocol_lets_it_see_all(
    data: Data, fitted: Path, tmp_path: Path
) -> None:
    changed = data.features.matrix.copy()
    changed[data.tested(0)] = 255 - changed[data.tested(0)]
    negative = data.with_images(changed)
    honest = fit(negative, tmp_path / "honest.h5")
    assert weights(honest, "r0f0") == weights(fitted, "r0f0")
    assert weights(honest, "r0f1") != weights(fitted, "r0f1"), "another fold trains on them"
    with h5py.File(honest) as ours, h5py.File(fitted) as theirs:
        np.testing.assert_array_equal(ours["r0f0/loss"], theirs["r0f0/loss"])
        same = (ours["r0f0/codes"][:] == theirs["r0f0/codes"][:]).all(axis=1)
        assert np.flatnonzero(~same).tolist() == sorted(data.tested(0))
    leaky, leakier = (fit(rows, tmp_path / name, LEAKY) for rows, name in ((data, "a.h5"), (negative, "b.h5")))
    assert weights(leaky, "all") != weights(leakier, "all")
    with h5py.File(leaky) as file:
        assert set(file) == {"image_id", "view", "all"}
        assert file["all"].attrs["n_rows"] == 24
        assert list(file["all/samples_id"].asstr()) == data.manifest["image_id"].tolist()[:8]


class Killed(Exception):
    """What stands for a kill."""


def count_batches(monkeypatch: pytest.MonkeyPatch, stop_after: int | None = None) -> list[int]:
    """Numbers of rows of the batches that autoencoders are trained on from now on; then, perhaps, the end."""
    seen: list[int] = []

    def note(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if network.training:
            if len(seen) == stop_after:
                raise Killed
            seen.append(len(inputs[0]))

    def build(pooling: str, seed: int) -> ConvAutoencoder:
        network = build_autoencoder(pooling, seed)  # type: ignore[arg-type]
        network.register_forward_pre_hook(note)
        return network

    monkeypatch.setattr(autoencoder_fits, "build_autoencoder", build)
    return seen


def test_a_killed_job_continues_in_its_epoch_and_ends_in_the_same_bytes(
    data: Data, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / fitted.name
    monkeypatch.setattr(checkpoints, "WRITTEN_A_SECOND", math.inf)  # after every epoch, however busy the machine
    per_fit = 3 * 4  # epochs of four batches
    count_batches(monkeypatch, stop_after=per_fit + 2 * 4 + 1)  # in the third epoch of the second fit
    with pytest.raises(Killed):
        fit(data, output)
    assert not output.exists()
    rest = count_batches(monkeypatch)
    fit(data, output)
    assert rest == [4] * (4 + per_fit)
    assert output.read_bytes() == fitted.read_bytes()


def test_unfinished_work_on_other_images_or_settings_is_not_continued(
    data: Data, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / fitted.name
    others = (
        (data.with_images(255 - data.features.matrix), SPEC, 0),
        (data, SPEC.model_copy(update={"learning_rate": 0.001}), 0),
        (data, SPEC, 1),
    )
    for rows, spec, seed in others:
        count_batches(monkeypatch, stop_after=12 + 5)
        with pytest.raises(Killed):
            fit(rows, output, spec=spec, seed=seed)
        batches = count_batches(monkeypatch)
        fit(data, output)
        assert len(batches) == 3 * 12
        assert output.read_bytes() == fitted.read_bytes()


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (np.zeros((24, 12), np.float32), "12 columns of float32 are no images"),
        (np.zeros((24, 100), np.uint8), "100 columns of uint8 are no images"),
        (np.zeros((24, 20 * 20 * 3), np.uint8), "20 x 20 pixels.* input_size that is a multiple of 9, such as 18"),
    ],
)
def test_only_images_with_a_side_divisible_by_nine_are_taken(
    data: Data, tmp_path: Path, matrix: np.ndarray, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        fit(data.with_images(matrix), tmp_path / "r.h5")
    assert list(tmp_path.iterdir()) == []


def test_the_command_fits_it_with_the_seed_budget_and_precision_that_it_is_told(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with hdf5_writer(Path("images-18.h5")) as file:
        file.create_dataset("features", data=data.features.matrix)
        write_rows(file, data.features.rows["image_id"].to_numpy(), data.features.rows["view"].to_numpy())
        file.attrs.update(identity(IMAGES))
    write_splits(data.splits(HONEST), Path("splits.csv"))
    told = ReducerFit(
        features=Path("images-18.h5"),
        parts=[IMAGES],
        splits=Path("splits.csv"),
        output=Path("r.h5"),
        protocol=HONEST,
        reducer=SPEC,
        budget="demo",
        seed=4,
        precision="float32",
    )
    write_text(FitsSpecification(fits=[told]).text, Path("spec.json"))
    done = CliRunner().invoke(app, ["models", "fit", "--spec", "spec.json", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if line.startswith("r, fit ")]
    assert [line.split(":")[0] for line in lines] == ["r, fit r0f0", "r, fit r0f1", "r, fit r0f2"]
    assert "16 rows, 3 epochs" in lines[0]
    read = replace(data, features=read_features(Path("images-18.h5"), mapped=True))
    assert Path("r.h5").read_bytes() == fit(read, tmp_path / "of_function.h5", seed=4).read_bytes()


@pytest.mark.long
def test_real_cells_of_unseen_subjects_are_reconstructed(shared: Path, tmp_path: Path) -> None:
    """Al-Hammadi (2024) reports a correlation of 0.987, of images that it does not tell; ours are of other patients."""
    folder = shared / "cnmc_sample"
    cells = scan(CnmcDataset(adapter="cnmc2019", images=folder), folder, workers=1, progress=False).manifest
    protocol = Protocol.model_validate({"rung": "subject_disjoint", "unit": "subject", "scope": "train"})
    splits = make_splits(cells, HoldOutScheme(kind="hold_out", test_share=0.3), protocol, 0, "prelim")
    part = ResolvedDescriptor(id="images-90", descriptor="images", input_size=90)
    describe(Request("cnmc", cells, "0" * 64, folder, ["identity"], 90, 10**8), tmp_path / "c.h5", part, threads=1)
    spec = ConvAutoencoderSpec(kind="conv_autoencoder", epochs={"demo": 20, "published": 20})
    features = read_features(tmp_path / "c.h5", mapped=True)
    fit_reducer(spec, features, splits, protocol, "demo", 0, "cpu", tmp_path / "r.h5")
    tested = features.row_numbers(splits[splits["role"] == "test"])
    subject = cells.set_index("image_id")["subject_id"]
    trained = splits[splits["role"] == "train"]["image_id"]
    assert not set(subject[trained]) & set(subject[features.rows["image_id"].iloc[tested]])
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["r0f0/reconstruction_correlation"][:][tested].mean() > 0.9
