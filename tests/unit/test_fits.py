from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leukorepro.config.study.schemes import Protocol
from leukorepro.config.study.systems import SparseAutoencoderSpec
from leukorepro.core.errors import UserError
from leukorepro.run.specifications.fits import FitsSpecification, ReducerFit
from leukorepro.systems.fits import registry
from leukorepro.systems.fits.registry import FITS, fit_all

SPEC = SparseAutoencoderSpec(kind="sparse_autoencoder", hidden_fraction=0.5, max_epochs={"demo": 1, "published": 1})


class Killed(BaseException):
    """What no fit catches."""


class Fits(dict[str, Any]):
    """Fits that copy what they read, and are killed at the files of some names."""

    package = FITS.package

    def __init__(self) -> None:
        super().__init__(reducer=self.fit)
        self.made: list[str] = []
        self.deadly: set[str] = set()

    def fit(self, told: ReducerFit, threads: int, device: str) -> None:  # noqa: ARG002
        if told.output.name in self.deadly:
            raise Killed
        self.made.append(told.output.name)
        told.output.parent.mkdir(parents=True, exist_ok=True)
        told.output.write_text(f"{told.seed}: {told.features.read_text()}")


@pytest.fixture
def fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fits:
    monkeypatch.chdir(tmp_path)
    for name in ("features", "splits"):
        Path(name).write_text(name)
    stub = Fits()
    monkeypatch.setattr(registry, "FITS", stub)
    return stub


def told(*names: str, seed: int = 0) -> FitsSpecification:
    """Each fit reads what the one before it made."""
    before = ["features", *(f"made/{name}" for name in names)]
    return FitsSpecification(
        fits=[
            ReducerFit(
                features=Path(features),
                parts=[],
                splits=Path("splits"),
                output=Path("made", name),
                protocol=Protocol(rung="fit_in_fold", unit="view", scope="train"),
                reducer=SPEC,
                budget="demo",
                seed=seed,
                precision="float32",
            )
            for features, name in zip(before, names, strict=False)
        ]
    )


def files() -> set[str]:
    return {file.name for file in Path("made").iterdir()}


def test_what_a_fit_needs_is_what_no_fit_before_it_makes() -> None:
    specification = told("a", "b", "c")
    assert specification.inputs == [Path("features"), Path("splits")]
    assert specification.outputs == [Path("made/a"), Path("made/b"), Path("made/c")]


def test_a_killed_job_goes_on_after_its_last_finished_fit(fits: Fits) -> None:
    fits.deadly = {"c"}
    with pytest.raises(Killed):
        fit_all(told("a", "b", "c"), 1, "cpu")
    assert not files() & {"a", "b", "c"}, "a workflow would take them for the outputs of a finished job"
    fits.deadly = set()
    fit_all(told("a", "b", "c"), 1, "cpu")
    assert fits.made == ["a", "b", "c"]
    assert files() == {"a", "b", "c"}
    assert Path("made/c").read_text() == "0: 0: 0: features"


@pytest.mark.parametrize("change", ["seed", "input", "code"])
def test_what_waits_from_another_job_is_not_taken(fits: Fits, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fits.deadly = {"b"}
    with pytest.raises(Killed):
        fit_all(told("a", "b"), 1, "cpu")
    fits.deadly = set()
    if change == "input":
        Path("features").write_text("others")
    if change == "code":
        monkeypatch.setattr(registry, "module_digest", lambda _: "another")
    fit_all(told("a", "b", seed=int(change == "seed")), 1, "cpu")
    assert fits.made == ["a", "a", "b"]
    assert files() == {"a", "b"}, "nor does it stay"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_stays_where_one_belongs_and_nothing_is_fitted(
    fits: Fits, make: Callable[[Path], None]
) -> None:
    Path("made").mkdir()
    make(Path("made/b"))
    before = Path("made/b").lstat()
    with pytest.raises(UserError, match=r"^made/b: a .*, where a file is to be written; name a file\.$"):
        fit_all(told("a", "b"), 1, "cpu")
    assert (fits.made, files(), Path("made/b").lstat()) == ([], {"b"}, before)


def test_every_kind_of_fit_is_known() -> None:
    assert list(FITS) == ["encoding", "fine_tuned", "network", "reducer"]
    assert all(callable(FITS[kind]) for kind in FITS)
