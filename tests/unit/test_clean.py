"""What results occupy, and removing what is named and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.run.paths import Results
from leukorepro.run.places import shared_places
from leukorepro.run.resolve import resolve

RUNS = ("demo", "second")


@pytest.fixture
def results(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs that share all that they need, one run of another version, and features that no run needs."""
    monkeypatch.chdir(root)
    run = resolve(Path("config/config.yaml"))
    monkeypatch.chdir(tmp_path)
    folder = Path("results")
    for name in RUNS:
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(run.model_copy(update={"name": name}).model_dump_json())
    (folder / "benchmarks/judge/demo").mkdir(parents=True)
    for place in [*shared_places(run, Results()), folder / "features/old/pixels-8.h5", folder / "datasets/old"]:
        if place.suffix:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"0" * 1000)
        else:
            place.mkdir(parents=True)
            (place / "manifest.csv").write_bytes(b"0" * 500)
    return folder


def clean(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["clean", *words])
    return done.exit_code, done.output


def state(folder: Path) -> set[str]:
    """All files and folders, but for the locks."""
    return {str(path) for path in folder.rglob("*") if not path.name.endswith(".lock")}


def test_without_a_name_everything_is_told_and_nothing_removed(results: Path) -> None:
    before = state(results)
    code, told = clean()
    assert code == 0, told
    rows = {line.split("│")[2].strip(): line for line in told.splitlines() if line.startswith("│")}
    assert {*RUNS, "old", "old/pixels-8"} <= set(rows)
    assert "no run" in rows["old/pixels-8"]
    assert all("demo, second" in line for name, line in rows.items() if "efficientnet" in name)
    assert state(results) == before


def test_only_what_is_named_goes_and_only_when_it_is_said_twice(results: Path) -> None:
    before = state(results)
    assert "would be removed" in clean("--run", "demo")[1]
    assert state(results) == before
    code, told = clean("--run", "demo", "--yes")
    assert code == 0, told
    gone = before - state(results)
    assert gone == {"results/demo", "results/demo/config.json", "results/benchmarks/judge/demo"}


def test_what_no_run_needs_goes_and_what_another_needs_is_told(results: Path) -> None:
    before = state(results)
    clean("--unused", "--run", "demo", "--yes")
    gone = before - state(results)
    assert {name for name in gone if "old" not in name and "demo/" not in name} == {
        "results/demo",
        "results/benchmarks/judge/demo",
    }
    assert "results/features/old/pixels-8.h5" in gone
    needed = sorted(results.glob("features/cnmc*/*.h5"))[0]
    name = needed.relative_to("results/features").with_suffix("").as_posix()
    assert "Needed by second: made again" in clean("--features", name)[1]
    assert needed.exists()
    assert clean("--features", name, "--yes")[0] == 0
    assert not needed.exists()


def remade(folder: Path) -> None:
    (folder / "features/old/pixels-8.h5").write_bytes(b"1" * 3000)


def more(folder: Path) -> None:
    (folder / "features/old/pixels-9.h5").write_bytes(b"1" * 1000)


def needed_now(folder: Path) -> None:
    (folder / "third").mkdir()
    (folder / "third/config.json").write_text(json.dumps({"name": "third"}))


def needs_no_more(folder: Path) -> None:
    shutil.copytree(folder / "demo", folder / "third")


@pytest.mark.parametrize(
    ("change", "goes_on"), [(remade, False), (more, False), (needed_now, False), (needs_no_more, True)]
)
@pytest.mark.parametrize("waited", [True, False])
def test_what_a_run_made_before_the_results_were_held_is_told_and_not_removed(
    results: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], *, goes_on: bool, waited: bool
) -> None:
    """Also where that run had ended just before: then nobody was waited for."""

    def held(folder: Path, *_: object) -> bool:
        change(folder)
        return not waited

    monkeypatch.setattr("leukorepro.core.sharing.alone.hold", held)
    code, told = clean("--unused", "--yes")
    assert (results / "features/old/pixels-8.h5").exists() is not goes_on
    assert (results / "datasets/old").exists() is not goes_on
    assert code == (0 if goes_on else 1)
    assert ("Nothing was removed: a workflow worked here meanwhile" in told) is not goes_on
    assert ("old/pixels-9" in told) is (change is more)


def test_a_run_of_another_version_may_need_anything(results: Path) -> None:
    (results / "second/config.json").write_text(json.dumps({"name": "second"}))
    before = state(results)
    assert "Nothing is to be removed" in clean("--unused", "--yes")[1]
    assert state(results) == before


@pytest.mark.parametrize("words", [("--run", "dmeo"), ("--features", "../x"), ("--dataset", "/etc")])
def test_what_is_not_there_is_told(results: Path, words: tuple[str, str]) -> None:
    before = state(results)
    code, told = clean(*words, "--yes")
    assert code == 2
    assert f"{words[0]}: there is no '{words[1]}' below results." in told
    assert state(results) == before


def test_what_results_only_link_to_is_not_removed(results: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "scratch"
    (results / "demo").rename(elsewhere)
    (results / "demo").symlink_to(elsewhere)
    code, told = clean("--run", "demo", "--yes")
    assert code == 2
    assert "results/demo: a link, or below one" in told
    assert (elsewhere / "config.json").exists()
