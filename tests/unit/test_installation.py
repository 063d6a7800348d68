"""Where an installed package finds the project's files, and what version and commit it says."""

from __future__ import annotations

import subprocess
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_data import ROOT

from leukorepro.core.errors import UserError
from leukorepro.core.installation.files import how_to_install_again, own_files, workflow_files
from leukorepro.core.installation.version import commit


@pytest.fixture(scope="module")
def building() -> Any:
    """The module that the build tool loads."""
    spec = util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)


def test_a_wheels_files_lie_in_it_and_a_checkouts_around_it(tmp_path: Path) -> None:
    package = tmp_path / "src/leukorepro"
    (package / "project").mkdir(parents=True)
    with pytest.raises(UserError, match="install leukorepro again"):
        own_files(package)
    (tmp_path / "Snakefile").touch()
    assert own_files(package) == tmp_path
    assert how_to_install_again(package) == "run `make env`"
    (package / "project/Snakefile").touch()
    assert own_files(package) == package / "project"
    assert how_to_install_again(package) == "install leukorepro's wheel again"
    assert own_files() == ROOT
    assert {file.name for file in workflow_files()} >= {"Snakefile", "common.smk", "report.smk"}


def test_the_commit_of_a_wheel_is_the_one_that_it_was_built_from(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/COMMIT").write_text("0123abcd with changes\n")
    assert commit(tmp_path) == "0123abcd with changes"


def test_the_commit_of_an_unpacked_source_archive_is_told_beside_its_snakefile(tmp_path: Path) -> None:
    package = tmp_path / "src/leukorepro"
    package.mkdir(parents=True)
    (tmp_path / "COMMIT").write_text("0123abcd\n")
    assert commit(package) == "", "a file of anybody's"
    (tmp_path / "Snakefile").touch()
    assert commit(package) == "0123abcd"


def test_the_version_is_that_of_the_newest_tag(tmp_path: Path, building: Any) -> None:
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 0.9.0\n")
    assert building.version_of(tmp_path) == "0.9.0", "no git"
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert building.version_of(tmp_path) == "0.9.0", "no tag"
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "tag", "other")
    assert building.version_of(tmp_path) == "1.0.0"
    git(tmp_path, "commit", "-qm", "second", "--allow-empty")
    assert building.version_of(tmp_path) == "1.0.0.post1"
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/CITATION.cff").write_text("version: 0.2.0\n")
    assert building.version_of(tmp_path / "inside") == "0.2.0", "the checkout is somebody else's"


def test_everything_that_a_wheel_takes_along_is_there(building: Any) -> None:
    assert all((ROOT / name).exists() for name in building.TAKEN_ALONG)
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == building.version_of(ROOT).split(".post")[0]
