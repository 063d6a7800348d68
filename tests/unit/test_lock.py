"""The environment is described in four places, which must agree: pyproject, lock, conda file, Makefile."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torchvision
import yaml
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]
PYTHONS = ("3.11", "3.12", "3.13")


class Pin(NamedTuple):
    version: Version
    marker: Marker | None
    hashes: list[str]


def read_lock() -> dict[str, list[Pin]]:
    """What the lock holds, read as pip reads it: a line, continued by backslashes."""
    pins: dict[str, list[Pin]] = defaultdict(list)
    for line in LOCK.read_text().replace("\\\n", " ").splitlines():
        text, *hashes = line.split("--hash=")
        if not text.strip() or text.startswith("#"):
            continue
        requirement = Requirement(text)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{line}: not pinned"
        pins[canonicalize_name(requirement.name)].append(
            Pin(Version(pin.version), requirement.marker, [digest.strip() for digest in hashes])
        )
    return pins


LOCKED = read_lock()


def locked(name: str, python: str) -> list[Version]:
    """Versions of a package for Linux and a Python."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    environment = {**default_environment(), **linux, "python_version": python, "python_full_version": f"{python}.0"}
    return [p.version for p in LOCKED[canonicalize_name(name)] if p.marker is None or p.marker.evaluate(environment)]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_the_lock_satisfies_what_the_project_asks_for(requirement: Requirement, python: str) -> None:
    (version,) = locked(requirement.name, python)
    assert version in requirement.specifier
    for extra in requirement.extras:
        wanted = [Requirement(line) for line in importlib.metadata.requires(requirement.name) or []]
        for part in wanted:
            if part.marker and part.marker.evaluate({"extra": extra}) and not part.marker.evaluate({"extra": ""}):
                assert [v for v in locked(part.name, python) if v in part.specifier], f"{extra}: {part}"


def test_the_pythons_are_those_of_the_project() -> None:
    known = [f"3.{minor}" for minor in range(8, 30)]
    assert [python for python in known if Version(python) in SpecifierSet(PROJECT["requires-python"])] == list(PYTHONS)


def test_torch_and_torchvision_are_one_pair() -> None:
    """The locked ones are those installed here, and torchvision's operators load: with another torch they do not."""
    for package in (torch, torchvision):
        (pin,) = LOCKED[package.__name__]
        assert pin.version.public == Version(package.__version__).public
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    assert torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]


def test_every_pin_is_hashed() -> None:
    pins = [(name, pin.hashes) for name, pins in LOCKED.items() for pin in pins]
    assert len(pins) > len(DIRECT)
    wrong = [name for name, hashes in pins if not all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)]
    assert [name for name, hashes in pins if not hashes] == wrong == []


def test_the_lock_names_no_host_and_no_path() -> None:
    options = [line for line in LOCK.read_text().splitlines() if line.lstrip().startswith("-")]
    assert all(line.lstrip().startswith("--hash=sha256:") for line in options)
    assert not re.search(r"://| @ |file:|/", re.sub(r"#.*", "", LOCK.read_text()))


def test_the_conda_environment_is_the_lock() -> None:
    content = yaml.safe_load((ROOT / "envs" / "leukorepro.yaml").read_text())
    (pip,) = [entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict)]
    listed = [Requirement(line) for line in pip]
    assert sorted((canonicalize_name(r.name), str(r.specifier), str(r.marker)) for r in listed) == sorted(
        (name, f"=={pin.version}", str(pin.marker)) for name, pins in LOCKED.items() for pin in pins
    ), "run `make lock`, or python envs/from_lock.py"


def test_the_conda_environment_has_the_python_of_the_lock() -> None:
    content = yaml.safe_load((ROOT / "envs" / "leukorepro.yaml").read_text())
    compiled_for = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert compiled_for
    assert f"python ={compiled_for[1]}" in content["dependencies"]
    assert compiled_for[1] == PYTHONS[0]


def test_the_makefile_asks_for_the_projects_python() -> None:
    least, newest = PYTHONS[0], PYTHONS[-1]
    above = f"3.{int(newest.split('.')[1]) + 1}"
    words = (word.replace(".", ", ") for word in (least, above))
    assert "({}) <= sys.version_info < ({})".format(*words) in (ROOT / "Makefile").read_text()
