"""What distinguishes feature files, and the readers that compare it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from feature_data import write_parts
from PIL import Image
from project_data import make_project, write_run, write_weights
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.study.systems import DescriptorSpec, Extractor
from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_file
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.extract import extract
from leukorepro.features.fusion import Features, fuse
from leukorepro.features.identity import check_features, read_wanted
from leukorepro.features.lookup import resolve_descriptor, resolve_extractor
from leukorepro.features.parts import Part, ResolvedExtractor
from leukorepro.features.stream import Request
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications

ROWS = pd.DataFrame({"image_id": ["a.png", "b.png"], "view": "identity"})
FEATURES = Features(np.arange(8, dtype=np.float32).reshape(2, 4), ROWS)
TINY = "timm:test_resnet"


def extractor(weights: str = "random", **named: Any) -> ResolvedExtractor:
    said = {name: named.pop(name) for name in ("backbone", "layer", "input_size", "preprocessing") if name in named}
    return resolve_extractor(Extractor(**({"backbone": "mobilenet_v2"} | said)), weights, "here", **named)


AREA = resolve_descriptor(DescriptorSpec(descriptor="cell_area", input_size=64), "here")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "manifest.csv").write_text("image_id\na.png\nb.png\n")
    return tmp_path / "manifest.csv"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"seed": 7}, "its weights is random:0, but random:7 is wanted (mobilenet_v2-gap-random_7-224)"),
        ({"weights": "imagenet"}, "its weights is random:0, but imagenet is wanted"),
        ({"precision": "mixed"}, "its precision is float32, but mixed is wanted"),
        ({"engine": "torch"}, "its engine is not recorded, but torch is wanted"),
        ({"input_size": 96}, "its input size is 224, but 96 is wanted"),
        ({"layer": "flat"}, "its layer is gap, but flat is wanted"),
        ({"preprocessing": "per_image"}, "scaled as per_image is wanted"),
        ({"backbone": "googlenet"}, "its network or descriptor is mobilenet_v2, but googlenet is wanted"),
    ],
)
def test_features_of_another_kind_are_refused(tmp_path: Path, manifest: Path, named: dict[str, Any], told: str) -> None:
    file = write_parts(tmp_path, FEATURES, [extractor()], manifest)
    np.testing.assert_array_equal(read_wanted(file, [extractor()], manifest).matrix, FEATURES.matrix)
    with pytest.raises(UserError) as error:
        read_wanted(file, [extractor(**named)], manifest)
    assert str(error.value).startswith(f"{file}: ")
    assert told in str(error.value)
    assert "run `snakemake` again" in str(error.value)


@pytest.mark.parametrize("wanted", [{"input_size": 32}, {"interpolation": "bicubic"}, {"descriptor": "pixels"}])
def test_a_descriptors_features_of_another_kind_are_refused(
    tmp_path: Path, manifest: Path, wanted: dict[str, Any]
) -> None:
    file = write_parts(tmp_path, FEATURES, [AREA], manifest)
    check_features(file, [AREA], manifest)
    with pytest.raises(UserError, match="is wanted"):
        check_features(file, [AREA.model_copy(update=wanted)], manifest)


def test_an_engine_that_is_left_open_may_have_been_any(tmp_path: Path, manifest: Path) -> None:
    torch_made = extractor(engine="torch")
    file = write_parts(tmp_path, FEATURES, [torch_made], manifest)
    check_features(file, [extractor()], manifest)
    with pytest.raises(UserError, match="its engine is torch, but openvino is wanted"):
        check_features(file, [extractor(engine="openvino")], manifest)


def test_files_of_weights_are_compared_by_content(tmp_path: Path, manifest: Path) -> None:
    write_weights(tmp_path / "w.pth", 1)
    first = extractor(f"file:{tmp_path / 'w.pth'}")
    file = write_parts(tmp_path, FEATURES, [first], manifest)
    write_weights(tmp_path / "w.pth", 2)
    with pytest.raises(UserError, match=f"its weights file's SHA-256 is {first.file_sha256}, but"):
        check_features(file, [extractor(f"file:{tmp_path / 'w.pth'}")], manifest)


def test_features_of_another_manifest_are_refused(tmp_path: Path, manifest: Path) -> None:
    file = write_parts(tmp_path, FEATURES, [AREA], manifest)
    manifest.write_text("image_id\na.png\n")
    told = rf"{file}: was extracted from another manifest \(SHA-256 .*\) than {manifest} \(.*extract the features again"
    with pytest.raises(UserError, match=told):
        check_features(file, [AREA], manifest)


@pytest.mark.parametrize("wanted", [[AREA, extractor()], [extractor()], [extractor(seed=1), AREA]])
def test_every_part_of_a_fused_file_is_compared(tmp_path: Path, manifest: Path, wanted: list[Part]) -> None:
    file = write_parts(tmp_path, FEATURES, [extractor(), AREA], manifest)
    check_features(file, [extractor(), AREA], manifest)
    with pytest.raises(UserError, match=r"wanted \("):
        check_features(file, wanted, manifest)


def test_parts_of_different_manifests_are_not_fused(tmp_path: Path, manifest: Path) -> None:
    first = write_parts(tmp_path, FEATURES, [AREA], manifest)
    manifest.write_text("image_id\nb.png\na.png\n")
    second = write_parts(tmp_path, FEATURES, [extractor()], manifest)
    with pytest.raises(
        UserError, match=rf"{second}: its manifest_sha256 is .*, but that of {first} is .*same manifest"
    ):
        fuse([first, second], tmp_path / "fused.h5")


def test_the_commands_refuse_features_that_the_run_does_not_want(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the run of another seed would have left them."""
    monkeypatch.chdir(make_project(tmp_path))
    Path("manifest.csv").write_text("no table that anything reads before the features are looked at")
    run_file = write_run(tmp_path)
    run_file.write_text(run_file.read_text() + "controls: [shuffled_labels]\n")
    ours, other = Specifications(resolve(run_file)), Specifications(resolve(run_file, {"seed": "1"}))
    ours.write()
    classified, place = ("classification", "atteia2022", "ESet"), "as_published/five_folds"
    reducers = {item.reducer for _, item in ours[classified].splits["five_folds"].items} - {None}
    fitted = "".join(f" --reducer {place}/{name}={name}.h5" for name in sorted(reducers))
    controls = ("controls", "atteia2022")
    for command, job, parts, given in (
        ("classify", classified, other[classified].parts, f"--splits {place}=x.csv{fitted}"),
        ("control", controls, other[controls].system.parts, "--splits as_published=x.csv --reducer as_published=r"),
    ):
        file = write_parts(tmp_path, FEATURES, parts, Path("manifest.csv"))
        words = f"models {command} --spec {ours.path(*job)} --features {file} {given}"
        done = CliRunner().invoke(app, [*words.split(), "--manifest", "manifest.csv", "--output", "out"])
        assert isinstance(done.exception, UserError) or done.exit_code == 2
        assert "its weights is random:1, but random:0 is wanted" in done.output + str(done.exception)
    assert not Path("out").exists()


def test_what_is_extracted_is_what_was_asked_for(tmp_path: Path) -> None:
    """The header of a real extraction agrees with what asked for it, and a file of weights must stay as it is."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(4)]
    rows = pd.DataFrame(
        {
            "image_id": names,
            "path": names,
            "status": "ok",
            "sha256": [sha256_file(tmp_path / name) for name in names],
        }
    )
    network = build_network(find_backbone(TINY), "pooled", "random", calibration=torch.from_numpy(pixels))
    torch.save(network.body.state_dict(), tmp_path / "w.pth")
    asked = extractor(f"file:{tmp_path / 'w.pth'}", backbone=TINY, input_size=64, engine="torch")
    request = Request("d", rows, "0" * 64, tmp_path, ["identity"], 64, 10**6, find_backbone(TINY).interpolation)
    extract(request, asked, tmp_path / "f.h5", device="cpu")
    check_features(tmp_path / "f.h5", [asked])
    with h5py.File(tmp_path / "f.h5") as file:
        assert file.attrs["weights_file_sha256"] == sha256_file(tmp_path / "w.pth")
    torch.save({name: value + 1 for name, value in network.body.state_dict().items()}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w.pth: was changed since its SHA-256 was taken .*; start again"):
        extract(request, asked, tmp_path / "f.h5", device="cpu")
