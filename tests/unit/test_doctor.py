from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
import torchvision
from project_data import ROOT, touch, write_yaml
from rich.console import Console

from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import PackagedWeights, TorchvisionWeights
from leukorepro.run.doctor import Check, doctor, healthy, render


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one dataset of each kind, and no weights anywhere."""
    monkeypatch.setattr("leukorepro.features.backbones.hub.find_cached", lambda _: None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "config" / "datasets"
    folder.mkdir(parents=True)
    (folder / "cnmc.yaml").write_text("{adapter: cnmc2019, images: data/cnmc}")
    size = "{subjects: 10, images: 20}"
    (folder / "drawn.yaml").write_text(
        f"{{adapter: simulated, look: allidb, positive_class: all, sizes: {{demo: {size}, published: {size}}}}}"
    )
    (folder / "mine.yaml").write_text(
        "{adapter: image_folder, images: data/mine, positive_class: all, subjects: {csv: data/who.csv}}"
    )
    return tmp_path


def named(root: Path) -> dict[str, Check]:
    return {check.name: check for check in doctor(root)}


def test_versions_are_those_of_the_imported_packages(root: Path) -> None:
    checks = named(root)
    assert checks["python"].detail == sys.version.split()[0]
    for package in (numpy, torch, torchvision):
        # a build tag such as +cpu may be in one of the two
        assert checks[package.__name__].detail.split("+")[0] == package.__version__.split("+")[0]
    assert checks["torchvision imports"].status == "ok"
    assert checks["cores"].detail.startswith(f"{len(os.sched_getaffinity(0))} usable")
    assert ("CPU" in checks["device"].detail) is not torch.cuda.is_available()


def test_nothing_is_broken_where_things_are_only_missing(root: Path) -> None:
    checks = doctor(root)
    assert healthy(checks)
    missing = {check.name for check in checks if check.status == "missing"}
    absent = [name for name, backbone in BACKBONES.items() if not isinstance(backbone.weights, PackagedWeights)]
    assert missing == {*(f"weights {name}" for name in absent), "dataset cnmc", "dataset mine"}
    assert all(check.remedy for check in checks if check.status != "ok")
    assert not (root / "data").exists()


def test_a_missing_dataset_says_where_it_comes_from_and_where_it_goes(root: Path) -> None:
    cnmc = named(root)["dataset cnmc"]
    assert cnmc.detail == f"{root / 'data/cnmc'}: no such folder"
    assert "10.7937/tcia.2019.dc64i46r" in cnmc.remedy
    assert str(root / "config/datasets/cnmc.yaml") in cnmc.remedy
    assert "CC BY 3.0" in cnmc.licence


def test_datasets_are_counted_and_their_tables_looked_for(root: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        path = root / "data" / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert named(root)["dataset mine"] == Check(
        "dataset mine",
        "missing",
        f"{root / 'data/who.csv'}: no such file",
        f"put it there, or correct its path in {root / 'config/datasets/mine.yaml'}",
    )
    (root / "data" / "who.csv").write_text("image,subject\n")
    assert named(root)["dataset mine"] == Check("dataset mine", "ok", f"3 files in {root / 'data/mine'}")
    assert named(root)["dataset drawn"].status == "ok"


def test_a_wrong_configuration_is_broken_and_the_others_are_still_told(root: Path) -> None:
    (root / "config" / "datasets" / "cnmc.yaml").write_text("{adapter: cnmc2019, imges: x}")
    checks = named(root)
    assert checks["dataset cnmc"].status == "broken"
    assert "unknown key 'imges'" in checks["dataset cnmc"].detail
    assert checks["dataset drawn"].status == "ok"
    assert not healthy(list(checks.values()))


def test_a_wrong_file_of_weights_is_broken(root: Path) -> None:
    path = root / "data" / "weights" / BACKBONES["googlenet"].weights.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    check = named(root)["weights googlenet"]
    assert check.status == "broken"
    assert str(path) in check.detail
    assert "1378be20" in check.detail


def test_right_weights_are_told_with_what_was_verified(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = hashlib.sha256(b"weights").hexdigest()[:8]
    weights = TorchvisionWeights("Tiny", f"tiny-{prefix}.pth")
    monkeypatch.setitem(BACKBONES, "tiny", dataclasses.replace(BACKBONES["googlenet"], weights=weights))
    path = root / "data" / "weights" / weights.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    check = named(root)["weights tiny"]
    told = f"{path}, verified (SHA-256 begins with {prefix})"
    assert check == Check("weights tiny", "ok", told, licence=TorchvisionWeights.licence)


def test_a_users_file_without_a_known_hash_is_told_as_such(root: Path) -> None:
    assert "SHA-256 not known here" in named(root)["weights inception_resnet_v2"].remedy
    path = root / "data" / "weights" / "inception_resnet_v2.tf_in1k.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    check = named(root)["weights inception_resnet_v2"]
    assert (check.status, check.detail) == ("ok", f"{path}, not verified (SHA-256 not known here)")


def test_it_says_which_studies_could_run(root: Path) -> None:
    (root / "config/studies").mkdir()
    shutil.copy(ROOT / "config/studies/atteia2022.yaml", root / "config/studies")
    touch(root / "data/mine", "all/1.png", "all/2.png", "healthy/3.png", "healthy/4.png")
    (root / "data/who.csv").write_text("image,subject\n1.png,a\n2.png,a\n3.png,b\n4.png,b\n")
    for dataset in ("mine", "cnmc", "drawn"):
        study: dict[str, object] = {"study": "atteia2022", "dataset": dataset}
        if dataset == "drawn":
            study["networks"] = {"googlenet": "efficientnet_lite0", "inception_v3": "inception_resnet_v2"}
        write_yaml(root / f"config/runs/{dataset}.yaml", {"name": dataset, "budget": "published", "studies": [study]})
    write_yaml(root / "config/config.yaml", {"name": "demo", "budget": "published", "studies": [{"study": "nobody"}]})
    told = named(root)
    here = "could run: dataset mine there, weights of 2 networks to be downloaded (154 MB)"  # 49.7 and 103.9
    mine = told["run mine: atteia2022"]
    assert (mine.status, mine.detail) == ("ok", here)
    assert mine.remedy.startswith("left out: 1/GSet, no batch norm; 1/ESet, no batch norm; ")
    assert told["run drawn: atteia2022"].detail == (
        "could run: images are simulated, weights of 1 network there, weights of 1 network to be downloaded "
        "(1 of unknown size)"
    )
    absent = told["run cnmc: atteia2022"]
    assert (absent.status, absent.detail) == ("missing", "cannot run: dataset absent")
    assert absent.remedy.startswith("its dataset cnmc is absent (data/cnmc: no such folder); download C-NMC 2019")
    assert told["run config"].status == "broken"
    touch(root / "data/weights", "googlenet-1378be20.pth")
    assert named(root)["run mine: atteia2022"].detail == "cannot run: wrong weights of googlenet"


def test_a_torchvision_of_another_build_is_explained(root: Path, tmp_path: Path) -> None:
    """torchvision beside a CPU-only torch of the same version fails with this error."""
    package = tmp_path / "broken" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    code = "import dataclasses, json, pathlib, sys; from leukorepro.run.doctor import doctor; " + (
        "print(json.dumps([dataclasses.asdict(c) for c in doctor(pathlib.Path(sys.argv[1]))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "broken")},
        capture_output=True,
        text=True,
        check=True,
    )
    (check,) = (Check(**c) for c in json.loads(done.stdout) if c["name"] == "torchvision imports")
    assert check.status == "broken"
    assert "operator torchvision::nms does not exist" in check.detail
    assert "matching pair" in check.remedy


def test_the_table_holds_every_check_as_it_is_written() -> None:
    checks = [
        Check("dataset [x]", "broken", "config[0]: [bold]wrong[/bold]", "mend [it]"),
        Check("disk", "ok", "1 GiB"),
    ]
    written = io.StringIO()
    Console(width=200, file=written).print(render(checks))
    for check in checks:
        assert all(value in written.getvalue() for value in dataclasses.astuple(check))
