"""`leukorepro init` without images: a project in a folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from project_data import ROOT
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.core.errors import UserError
from leukorepro.run.resolve import resolve
from leukorepro.run.starting.new_project import start_project


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*words: str) -> Any:
    return CliRunner().invoke(app, ["init", *words])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_gets_what_a_run_needs(folder: Path) -> None:
    done = init()
    assert done.exit_code == 0, done.output
    assert done.output.endswith("  snakemake --cores 2\n")
    written = contents(folder)
    ours = {name: (ROOT / name).read_bytes() for name in written if name != "Snakefile"}
    assert written.items() >= ours.items()
    assert ours.keys() > {"config/config.yaml", "config/schema/run.json", "profiles/default/config.yaml"}
    assert str(ROOT) not in written["Snakefile"].decode(), "it is found when it is read"
    assert resolve(Path("config/config.yaml")).name == "demo"


def test_what_is_there_is_left_alone_unless_it_is_to_be_replaced(folder: Path) -> None:
    init()
    before = contents(folder)
    (folder / "config/validity.yaml").unlink()
    (folder / "config/config.yaml").write_text("name: mine\n")
    done = init()
    assert done.output.splitlines()[0] == "wrote config (1 file)"
    assert "kept config/config.yaml" in done.output
    assert contents(folder) == before | {"config/config.yaml": b"name: mine\n"}
    init("--force")
    assert contents(folder) == before


def test_the_projects_own_folder_is_refused() -> None:
    with pytest.raises(UserError, match="this is leukorepro's own project"):
        start_project(ROOT, force=True)


def test_half_of_what_a_run_needs_is_refused(folder: Path) -> None:
    for words, lacking in ((["--name", "x"], "--images"), (["--subject-regex", "(x)"], "--name")):
        done = init(*words)
        assert done.exit_code == 2
        assert f"{lacking}: not given; a run on images of your own needs --name, --images and --study." in done.output
    assert not contents(folder)


def test_nothing_is_left_where_a_file_cannot_be_written(folder: Path) -> None:
    (folder / "profiles").touch()
    assert init().exit_code == 2
    assert list(contents(folder)) == ["profiles"]
